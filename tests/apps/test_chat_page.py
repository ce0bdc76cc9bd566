"""The page in a real browser: over the real engine and seeds/, and over a scripted engine for errors."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, Event, Searched, StatementReady
from rag.apps import chat
from rag.apps.conversations import Conversations
from rag.errors import IndexUnusableError, InputError
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Answer, Citation, Filters, Source, Statement

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Visit = Callable[..., Page]
    Serve = Callable[[Any], str]

pytestmark = [
    # gradio counts its requests with ways of pandas that pandas 4 will drop; an error there would stop its queue
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]

QUESTION = "When will the joint venture of Nissan and Mitsubishi Corporation officially exist?"
FOLLOW_UP = "Who will own it?"
NOT_THERE = "Who is the chief executive of Tesla?"
PAYLOAD_QUESTION = "When did the sky above Ruritania turn green?"
PAYLOAD = (
    "Sky <img src=x onerror=window.pwned=1> turns green\n\n"
    "The sky above Ruritania <script>window.pwned=1</script> turned green on Monday, the weather office said. "
    "![a](http://127.0.0.1:9/a.png) [more](javascript:window.pwned=1) <svg onload=window.pwned=1>\n"
)


@pytest.fixture(scope="module")
def engine(seeds_index: Index) -> AnswerEngine:
    return AnswerEngine(Retriever(seeds_index))


@pytest.fixture(scope="module")
def seeds_url(seeds_index: Index) -> Iterator[str]:
    """The page as ``rag chat`` serves it."""
    store = Conversations(None)
    page = chat.launch(seeds_index.path, port=None, settings=seeds_index.settings, block=False, store=store)
    yield str(page.local_url)
    page.close()


def ask(page: Page, question: str) -> Locator:
    """Ask with Enter and wait for the finished turn."""
    before = page.locator(".turn").count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    turn = page.locator(".turn").nth(before)
    turn.wait_for()
    page.wait_for_function("n => document.querySelectorAll('.turn')[n].ariaBusy === 'false'", arg=before)
    return turn


def in_view(mark: Locator) -> bool:
    """Whether the mark's beginning lies inside what the panel shows."""
    return bool(
        mark.evaluate(
            """mark => {
                const [m, v] = [mark.getClientRects()[0], mark.closest(".panel-view").getBoundingClientRect()];
                return m.top >= v.top && m.bottom <= Math.min(v.bottom, innerHeight) && m.width > 0;
            }"""
        )
    )


def test_a_question_is_answered_and_every_number_opens_its_quote(
    visit: Visit, seeds_url: str, engine: AnswerEngine, outside: list[str]
) -> None:
    truth = engine.ask(QUESTION)
    page = visit(seeds_url)
    turn = ask(page, QUESTION)
    assert turn.locator(".statement").count() == len(truth.statements)
    assert turn.locator(".source").count() == len(truth.sources)
    if truth.short_answer:
        assert turn.locator(".short").text_content() == truth.short_answer
    at = 0
    for item in truth.statements:
        by_number: dict[int, list[Citation]] = {}
        for citation in item.citations:
            by_number.setdefault(citation.number, []).append(citation)
        for number, group in by_number.items():
            button = turn.locator(".cite").nth(at)
            assert button.text_content() == f"[{number}]"
            button.click()
            mark = page.locator("mark")
            page.locator(f'.paper[data-path="{group[0].path}"]').wait_for()
            page.wait_for_function("b => b.ariaCurrent === 'true'", arg=button.element_handle())
            assert mark.all_text_contents() == [c.quote for c in sorted(group, key=lambda c: c.start)]
            assert in_view(mark.first)
            at += 1
    assert at == turn.locator(".cite").count() > 0
    article = engine.retriever.index.document(truth.sources[-1].path).text
    assert page.locator(".paper-text").text_content() in article
    assert outside == []


def test_a_late_passage_of_a_long_article_is_scrolled_to(
    visit: Visit, seeds_url: str, seeds_index: Index
) -> None:
    path = seeds_index.documents()[0].path
    text = seeds_index.document(path).text
    start = text.rindex("rabbit hole")
    page = visit(seeds_url)
    turn = ask(page, QUESTION)
    button = turn.locator(".cite").first
    button.evaluate("(b, d) => Object.assign(b.dataset, d)", {"path": path, "spans": f"{start}:{start + 11}"})
    button.click()
    page.get_by_text("rabbit hole", exact=True).wait_for()
    assert page.locator("mark").all_text_contents() == ["rabbit hole"]
    assert in_view(page.locator("mark"))
    assert page.locator(".panel-view").evaluate("view => view.scrollTop") > 0


def test_a_follow_up_is_searched_with_its_context_and_earlier_numbers_stay(
    visit: Visit, seeds_url: str, engine: AnswerEngine
) -> None:
    first = engine.ask(QUESTION)
    truth = engine.ask(FOLLOW_UP, history=[(QUESTION, first.text)])
    page = visit(seeds_url)
    earlier = ask(page, QUESTION)
    later = ask(page, FOLLOW_UP)
    assert truth.query != FOLLOW_UP
    assert later.locator(".searched q").inner_text() == truth.query
    assert later.locator(".statement").count() == len(truth.statements)
    earlier.locator(".cite").first.click()
    page.wait_for_function("() => document.querySelector('.turn .cite').ariaCurrent === 'true'")
    assert page.locator("mark").first.text_content() == first.statements[0].citations[0].quote


def test_what_is_not_there_is_said_calmly_with_the_closest_passages(
    visit: Visit, seeds_url: str, engine: AnswerEngine
) -> None:
    truth = engine.ask(NOT_THERE)
    assert truth.verdict == "not_found" and truth.closest
    page = visit(seeds_url)
    turn = ask(page, NOT_THERE)
    assert turn.locator(".verdict").inner_text() == "Not in these articles"
    assert turn.locator(".cite, .source").count() == 0
    assert "not an answer" in turn.locator(".closest h3").inner_text()
    assert turn.locator(".passage").count() == len(truth.closest)
    turn.locator(".passage").first.click()
    page.locator(".paper.beside").wait_for()
    assert "".join(page.locator("mark").all_text_contents()) == truth.closest[0].text
    assert "not an answer" in page.locator(".paper-note").inner_text()


def test_examples_come_from_the_articles_and_are_answered(
    visit: Visit, seeds_url: str, engine: AnswerEngine
) -> None:
    page = visit(seeds_url)
    page.locator(".example").first.wait_for()
    questions = page.locator(".example").all_inner_texts()
    assert 2 <= len(questions) <= 4
    assert [engine.ask(question).verdict for question in questions] == ["answered"] * len(questions)
    page.locator(".example").first.click()
    page.locator(".turn .cite").first.wait_for()
    assert page.locator(".asked").all_inner_texts() == [questions[0]]
    assert not page.locator("#welcome").is_visible()


def test_the_page_says_which_index_and_hides_what_is_gradios(visit: Visit, seeds_url: str) -> None:
    page = visit(seeds_url)
    facts = page.locator(".shelf summary").inner_text()
    assert "seeds" in facts and "5 articles" in facts and "synced today" in facts
    page.locator(".shelf summary").click()
    assert "rag sync" in page.locator(".shelf-more").inner_text()
    assert page.locator("footer:visible, .show-api:visible, .built-with:visible").count() == 0
    page.locator(".shelf summary").click()
    page.locator(".entry").nth(4).wait_for()
    page.locator(".entry").first.click()
    page.locator(".paper").wait_for()
    assert page.locator("mark").count() == 0
    page.get_by_role("button", name="All articles").click()
    page.locator(".entry").first.wait_for()


def test_keyboard_alone_is_enough(visit: Visit, seeds_url: str) -> None:
    page = visit(seeds_url)
    box = page.locator("#question textarea")
    box.focus()
    page.keyboard.type("When will the joint venture of Nissan")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and Mitsubishi Corporation officially exist?")
    assert (
        box.input_value()
        == "When will the joint venture of Nissan\nand Mitsubishi Corporation officially exist?"
    )
    assert page.locator(".turn").count() == 0
    page.keyboard.press("Enter")
    page.locator(".turn .source").first.wait_for()
    page.wait_for_function("() => document.querySelector('#question textarea').value === ''")
    for _ in range(12):  # backwards from the box through the sources to a number
        page.keyboard.press("Shift+Tab")
        if page.evaluate("() => document.activeElement.classList.contains('cite')"):
            break
    assert "solid 2px" in page.evaluate("() => getComputedStyle(document.activeElement).outline")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('[role=status]').textContent.includes('passage is shown')"
    )
    assert page.locator("mark").count() >= 1


def test_on_a_phone_a_number_opens_a_sheet_and_back_closes_it(visit: Visit, seeds_url: str) -> None:
    page = visit(seeds_url, "phone")
    wide = "() => document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    turn = ask(page, QUESTION)
    assert not page.evaluate(wide)
    assert not page.locator("#side").is_visible()
    turn.locator(".cite").first.tap()
    page.locator("mark").first.wait_for()
    assert page.locator("#side").is_visible() and in_view(page.locator("mark").first)
    assert page.locator("#side").get_attribute("role") == "dialog"
    assert not page.evaluate(wide)
    page.get_by_role("button", name="Back to the answer").tap()
    page.locator("#side").wait_for(state="hidden")
    turn.locator(".source").first.tap()
    page.locator("#side").wait_for(state="visible")
    page.go_back()  # the phone's own back closes the sheet and stays on the page
    page.locator("#side").wait_for(state="hidden")
    assert turn.is_visible()


def test_an_article_cannot_run_anything(visit: Visit, serve: Serve, encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "sky <b onmouseover=window.pwned=1>.md").write_text(PAYLOAD, "utf-8")
    path = tmp_path / "index <i>"
    with Index.open(path, settings=Settings(index=path), encoder=encoder) as index:
        index.sync(folder)
        engine = AnswerEngine(Retriever(index))
        truth = engine.ask(PAYLOAD_QUESTION)
        assert truth.verdict != "not_found"
        page = visit(serve(chat.build(engine, index)))
        ask(page, PAYLOAD_QUESTION + "<img src=x onerror=window.pwned=1>")
        turn = ask(page, PAYLOAD_QUESTION)
        turn.locator(".cite").first.click()
        page.locator("mark").first.wait_for()
        assert page.locator("mark").first.text_content() == truth.statements[0].citations[0].quote
        page.locator(".shelf summary").click()
        page.wait_for_timeout(300)  # an image's onerror would have fired by now
        assert page.evaluate("() => window.pwned") is None
        ours = page.locator("#thread, #panel, #masthead, #examples")
        assert ours.locator("img, script, svg, a, iframe, b").count() == 0
        page.context.close()


class Scripted:
    """An engine for what the real one does only in trouble; the article is the real index's first."""

    def __init__(self, index: Index) -> None:
        info = index.documents()[0]
        quote = index.document(info.path).text[:40]
        self.statement = Statement("It is so.", (Citation(1, info.path, info.title, 0, 40, quote, 1.0),))
        self.source = Source(1, info.path, info.title)
        self.histories: list[list[Any]] = []
        self.leave = threading.Event()

    def ask(self, question: str) -> Answer:
        return Answer(question, question, "not_found", "Not in these articles.")

    def stream(
        self,
        question: str,
        history: Sequence[Any] = (),
        filters: Filters | None = None,
        previous: Answer | None = None,
    ) -> Iterator[Event]:
        self.histories.append(list(history))
        yield Searched(question, ())
        yield StatementReady(self.statement)
        if "busy" in question:
            raise IndexUnusableError("the index is being written; wait for it, then ask again")
        if "bug" in question:
            raise KeyError(question)
        if "slow" in question:
            time.sleep(1.5)
        if "endless" in question:
            self.leave.wait(30)
        yield Completed(
            Answer(question, question, "answered", "It is so.[1]", (self.statement,), (self.source,))
        )


@pytest.fixture
def scripted(seeds_index: Index, serve: Serve) -> tuple[Scripted, str]:
    engine = Scripted(seeds_index)
    return engine, serve(chat.build(engine, seeds_index))  # type: ignore[arg-type]  # as much of one as the page uses


def test_an_error_in_the_middle_is_told_and_the_page_goes_on(
    visit: Visit, scripted: tuple[Scripted, str]
) -> None:
    page = visit(scripted[1])
    turn = ask(page, "busy?")
    assert "wait for it, then ask again" in turn.locator(".verdict-note").inner_text()
    turn = ask(page, "Fine now?")
    assert turn.locator(".statement").inner_text().startswith("It is so.")
    assert scripted[0].histories[-1] == []  # a question that failed is no context for the next


def test_a_bug_never_leaves_a_question_hanging(visit: Visit, scripted: tuple[Scripted, str]) -> None:
    page = visit(scripted[1])
    ask(page, "bug?")
    page.get_by_text("This question could not be answered").first.wait_for()
    assert ask(page, "Fine now?").locator(".cite").count() == 1


def test_statements_show_before_the_answer_is_whole(visit: Visit, scripted: tuple[Scripted, str]) -> None:
    page = visit(scripted[1])
    page.locator("#question textarea").fill("slow?")
    page.locator("#question textarea").press("Enter")
    page.locator(".turn .statement").wait_for(timeout=1_400)
    assert page.locator(".turn .source").count() == 0
    page.locator(".turn .source").wait_for()


def test_an_answer_is_stopped_and_what_had_come_stays(visit: Visit, scripted: tuple[Scripted, str]) -> None:
    page = visit(scripted[1])
    page.locator("#question textarea").fill("endless?")
    page.locator("#question textarea").press("Enter")
    page.locator(".turn .statement").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator(".part", has_text="Stopped before it was whole").wait_for()
    scripted[0].leave.set()
    assert page.locator(".turn .statement").inner_text().startswith("It is so.")
    assert page.locator("#send").is_visible() and not page.locator("#halt").is_visible()
    assert ask(page, "Fine now?").locator(".cite").count() == 1
    assert scripted[0].histories[-1] == []  # half an answer is no context for the next


def test_a_question_sent_while_another_is_answered_waits_its_turn(
    visit: Visit, scripted: tuple[Scripted, str]
) -> None:
    page = visit(scripted[1])
    box = page.locator("#question textarea")
    box.fill("slow?")
    box.press("Enter")
    page.locator(".turn .statement").wait_for()
    box.fill("Next?")
    box.press("Enter")
    page.locator(".turn").nth(1).locator(".source").wait_for()
    assert page.locator(".asked").all_inner_texts() == ["slow?", "Next?"]
    assert [tuple(pair) for pair in scripted[0].histories[-1]] == [("slow?", "It is so.[1]")]


def test_questions_and_answers_become_the_next_ones_history(
    visit: Visit, scripted: tuple[Scripted, str]
) -> None:
    page = visit(scripted[1])
    ask(page, "One?")
    ask(page, "Two?")
    ask(page, "Three?")
    pairs = [("One?", "It is so.[1]"), ("Two?", "It is so.[1]")]
    assert [[tuple(pair) for pair in history] for history in scripted[0].histories] == [[], pairs[:1], pairs]
    page.get_by_role("button", name="New conversation").click()
    page.locator("#welcome .welcome-lead").wait_for()
    ask(page, "Four?")
    assert scripted[0].histories[-1] == []


def test_a_missing_index_names_the_next_step_and_is_found_after_a_reload(
    visit: Visit, serve: Serve, encoder: Encoder, tmp_path: Path
) -> None:
    path, folder = tmp_path / "none yet", tmp_path / "news"
    page = visit(
        serve(
            chat.launch(
                path, port=None, settings=Settings(index=path), block=False, store=Conversations(None)
            )
        )
    )
    assert "rag sync" in page.locator("#welcome").inner_text()
    assert page.locator("#question textarea").is_disabled()
    folder.mkdir()
    (folder / "a.txt").write_text("Fiat opens a plant\n\nFiat opens a plant in Turin in May 2025.", "utf-8")
    with Index.open(path, settings=Settings(index=path), encoder=encoder) as index:
        index.sync(folder)
    page.reload()
    page.get_by_text("1 article", exact=True).wait_for()
    ask(page, "Where does Fiat open a plant?")
    assert page.locator(".turn .problem").count() == 0


def test_an_empty_index_says_so(visit: Visit, serve: Serve, encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    with Index.open(path, settings=Settings(index=path), encoder=encoder) as index:
        page = visit(serve(chat.build(AnswerEngine(Retriever(index)), index)))
        assert "rag sync" in page.locator("#welcome").inner_text()
        assert page.locator("#question textarea").is_disabled()
        page.context.close()


def test_a_taken_port_is_told_before_anything_else() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 cannot be used.*--port"):
            chat.launch("nowhere", port=port)
