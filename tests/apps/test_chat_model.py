"""The page while a language model words the answer: a real browser, a real engine, a scripted server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import Script, Turn, serving, words

from rag.answering.engine import AnswerEngine
from rag.answering.events import FellBack, StatementDropped, StatementReady, TokenReady
from rag.answering.generators.protocol import Prompt
from rag.apps import chat
from rag.apps.chat_answer import Progress
from rag.apps.conversations import Conversations
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Statement, Unverified

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Visit = Callable[..., Page]

pytestmark = [pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")]

QUESTION = "When will the joint venture of Mitsubishi Corporation and Nissan be founded?"
TRUE = "The two partners will hold equal shares in the new company, which is due to be founded in March 2025."
FALSE = "The joint venture of Mitsubishi Corporation and Nissan will be founded in June 2026."
HALF = "And then the two of them"
SETTLED = "() => document.querySelector('.turn:last-child')?.ariaBusy === 'false'"
# what the page has drawn, step by step, noted as it happens
RECORD = """() => {
    window.steps = [];
    new MutationObserver(() => {
        const parts = (name) => [...document.querySelectorAll('.turn ' + name)];
        const text = (name) => parts(name).map((part) => part.textContent).join(' ');
        window.steps.push([text('.draft'), text('.statement'), text('.note'), text('.left-out')]);
    }).observe(document.querySelector('.turns'), { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture
def open_page(visit: Visit, seeds_index: Index) -> Iterator[Callable[..., tuple[Page, Script]]]:
    """A page over the seeds whose model is a server that says what it is told to."""
    pytest.importorskip("llama_index.llms.openai_like", reason="needs the extra openai")
    closing: list[Any] = []

    def open_it(turns: Sequence[Turn], **changes: Any) -> tuple[Page, Script]:
        server = serving(*turns)
        script = server.__enter__()
        settings = Settings(
            index=seeds_index.path,
            generator="openai:m",
            generator_url=script.url,
            generator_retries=0,
            **changes,
        )
        served = chat.launch(
            seeds_index.path, port=None, settings=settings, block=False, store=Conversations(None)
        )
        closing.extend([lambda: server.__exit__(None, None, None), served.close])
        page = visit(str(served.local_url))
        page.evaluate(RECORD)
        return page, script

    yield open_it
    for close in reversed(closing):
        close()


def ask(page: Page, question: str = QUESTION) -> Locator:
    before = page.locator(".turn").count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    turn = page.locator(".turn").nth(before)
    turn.wait_for()
    return turn


def settled(page: Page) -> None:
    page.wait_for_function(SETTLED, timeout=40_000)  # the model's client is imported with the first question


@pytest.mark.parametrize("unverified", ["hide", "show"])
def test_words_are_dim_until_checked_and_what_fails_goes(
    open_page: Callable[..., tuple[Page, Script]], seeds_index: Index, unverified: str
) -> None:
    told = Turn(words(f"{TRUE} [1] {FALSE} [1] {HALF}."), pause=0.05)
    page, _ = open_page([told], unverified=unverified)
    turn = ask(page)
    settled(page)
    steps = page.evaluate("() => window.steps")
    drafts = [step[0] for step in steps if step[0]]
    assert any(draft.startswith("The two partners") and TRUE not in draft for draft in drafts)
    # the false sentence was read as a draft, and never stood among the checked ones
    assert any(draft.startswith("The joint venture of") for draft in drafts)
    assert not any("June 2026" in step[1] for step in steps)
    # the first sentence was checked while the rest was still being written
    assert any(TRUE in step[1] and step[0] for step in steps)
    assert turn.locator(".statement").count() == turn.locator(".checked").count() == 1
    assert turn.locator(".draft, .waiting, .note").count() == 0
    assert "openai:m" in turn.locator(".worded").inner_text()
    left_out = turn.locator(".left-out")
    if unverified == "hide":
        assert left_out.count() == 0 and not any(step[3] for step in steps)
        assert "June 2026" not in page.locator(".turns").inner_text()
    else:
        assert left_out.locator("s").all_inner_texts()[0] == FALSE
        assert "June 2026" in left_out.locator(".source-line").first.inner_text()
    turn.locator(".cite").first.click()
    page.locator("mark").first.wait_for()
    quote = page.locator("mark").first.text_content() or ""
    assert "March 2025" in quote and quote in seeds_index.document(seeds_index.documents()[0].path).text


def test_a_checked_number_opens_while_the_rest_is_written(
    open_page: Callable[..., tuple[Page, Script]],
) -> None:
    page, _ = open_page(
        [Turn(words(f"{TRUE} [1] " + "And so it goes on for quite a while " * 5), pause=0.05)]
    )
    turn = ask(page)
    turn.locator(".cite").first.click(timeout=40_000)
    page.locator("mark").first.wait_for()
    assert page.locator(".turn").get_attribute("aria-busy") == "true"
    page.wait_for_timeout(300)  # some more words arrive; the number stays the current one, at its end as well
    assert turn.locator(".cite").first.get_attribute("aria-current") == "true"
    settled(page)
    assert turn.locator("[aria-current]").count() == 1


def test_a_server_that_dies_takes_its_words_back(
    open_page: Callable[..., tuple[Page, Script]], seeds_index: Index
) -> None:
    extractive = AnswerEngine(Retriever(seeds_index)).ask(QUESTION)
    page, _ = open_page([Turn(words(f"{TRUE} [1] {HALF}"), ending="cut", pause=0.05)])
    turn = ask(page)
    settled(page)
    steps = page.evaluate("() => window.steps")
    assert any(TRUE in step[1] for step in steps)  # it was shown, checked, and taken back
    assert HALF not in turn.inner_text() and TRUE not in turn.inner_text()
    assert "word for word" in turn.locator(".note").inner_text()
    shown = turn.locator(".statement")
    assert shown.count() == len(extractive.statements)
    assert (shown.first.text_content() or "").startswith(extractive.statements[0].text)
    assert turn.locator(".checked, .worded, .draft").count() == 0
    # the page goes on
    assert page.locator("#question textarea").is_enabled()


def test_a_server_that_is_not_there_is_told_and_the_articles_answer(
    open_page: Callable[..., tuple[Page, Script]],
) -> None:
    page, script = open_page([Turn(status=500)])
    turn = ask(page)
    settled(page)
    assert "word for word" in turn.locator(".note").inner_text()
    assert turn.locator(".cite").count() > 0
    assert len(script.requests) == 1  # none was spent on the example questions


def test_a_model_is_chosen_for_the_conversation(open_page: Callable[..., tuple[Page, Script]]) -> None:
    with serving(Turn(words(f"{TRUE} [1]"))) as other:
        page, first = open_page([Turn(status=500)], generators=f"openai:other@{other.url}, nothing:at-all")
        model = page.locator('.settings input[name="model"]')
        one, two, never = model.nth(0), model.nth(1), model.nth(2)
        page.locator(".settings summary").click()
        assert one.is_checked() and never.is_disabled()
        assert "'nothing:at-all'; allowed:" in page.locator(".settings").inner_text()
        page.locator('.settings input[value="quotes"]').check()
        assert two.is_disabled()  # quotes need none
        page.locator('.settings input[value="fluent"]').check()
        two.check()
        page.keyboard.press("Escape")
        turn = ask(page)
        settled(page)
        assert "openai:other" in turn.locator(".worded").inner_text()
        assert len(other.requests) == 1 and first.requests == []
        page.reload()
        page.locator(".turn .cite").first.wait_for()
        page.wait_for_function("() => document.querySelectorAll('[name=model]')[1]?.checked")
        page.locator(".turn .retry").click()
        page.wait_for_function("() => Number(document.querySelector('.turns').dataset.settled) === 1")
        assert len(other.requests) == 2 and first.requests == []
    assert not [key for key in other.keys if key != "Bearer none"]


def test_who_says_so_is_answered_from_the_answer_before(
    open_page: Callable[..., tuple[Page, Script]], seeds_index: Index
) -> None:
    page, script = open_page([Turn(words(f"{TRUE} [1]"))])
    ask(page)
    settled(page)
    asked_before = len(script.requests)
    for question in ("Who says so?", "Are you sure?"):
        turn = ask(page, question)
        settled(page)
        assert turn.locator(".searched").inner_text().startswith("about the answer to")
        assert turn.locator(".searched q").inner_text() == QUESTION
        assert turn.locator(".source").count() == 1
    # the second is about the first answer, too
    assert TRUE in turn.locator(".statement").inner_text()
    assert len(script.requests) == asked_before
    title = seeds_index.documents()[0].title
    assert (page.locator(".turn").nth(1).locator(".statement").first.text_content() or "").startswith(title)


def test_what_cannot_be_set_up_is_told_before_the_first_question(visit: Visit, seeds_index: Index) -> None:
    settings = Settings(index=seeds_index.path, generator="nothing:at-all")
    served = chat.launch(
        seeds_index.path, port=None, settings=settings, block=False, store=Conversations(None)
    )
    page = visit(str(served.local_url))
    page.get_by_text("Not ready for questions yet").wait_for()
    assert "nothing:at-all" in page.locator("#welcome").inner_text()
    assert "rag sync" not in page.locator("#welcome").inner_text()
    page.context.close()
    served.close()


def test_what_follows_a_checked_sentence_stays_a_draft() -> None:
    progress = Progress("q", shows_dropped=True)
    for piece in ("It began in", " March 2025.\n", "And  then", " more"):
        progress.take(TokenReady(piece))
    progress.take(StatementReady(Statement("It began in March 2025.", ())))
    assert progress.draft == "And then more"
    progress.take(TokenReady(" came."))
    progress.take(StatementDropped(Unverified("And then more came.", ("why",))))
    assert progress.draft == ""
    assert [one.reasons for one in progress.dropped] == [("why",)]
    progress.take(FellBack("it broke off"))
    assert progress.statements == [] and progress.draft is None and progress.note == "it broke off"


class Counting:
    """A generator that must not be asked."""

    name, window, most_tokens = "counting", 4096, 300

    def __init__(self) -> None:
        self.asked = 0

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        self.asked += 1
        yield ""


def test_example_questions_cost_the_model_nothing(seeds_index: Index) -> None:
    from rag.apps.chat_desk import Desk

    generator = Counting()
    engine = AnswerEngine(Retriever(seeds_index), generator=generator)
    found = Desk(lambda: (engine, seeds_index), seeds_index.path).examples()
    assert found
    assert generator.asked == 0 and engine.generator is generator
