"""Conversations, files, filters and settings in a real browser, over a small folder of dated articles."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.apps import chat
from rag.apps.conversations import Conversations
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Visit = Callable[..., Page]

pytestmark = [pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")]

PLANT = "When will Fiat open its plant in Turin?"
BRIDGE = "What will the new bridge over the Po cost?"
EVIL = "<svg onload=window.pwned=1> ![x](http://127.0.0.1:9/x.png)"
ARTICLES = {
    "opens.md": ("2025-03-02", "The Harbour Post", "Fiat opens a plant in Turin in May 2025."),
    "delays.md": ("2025-04-20", "Evening Ledger", "Fiat will open its plant in Turin in September 2025."),
    "bridge.md": (
        "2025-05-01",
        "Corriere <i>Nord</i>",
        "The new bridge over the Po will cost 40 million euros.",
    ),
    "storm.md": (
        "2024-01-11",
        "The Harbour Post",
        f"A storm closed the harbour of Genoa for two days {EVIL}.",
    ),
}


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, (day, outlet, text) in ARTICLES.items():
        head = f"---\ntitle: News of {day}\ndate: {day}\nsource: {outlet}\n---\n"
        (folder / name).write_text(f"{head}\n{text} Readers wrote to us about it.\n", "utf-8")


class News:
    """A page over two indexes, ``news`` and ``other``, and the store behind it."""

    def __init__(self, root: Path, encoder: Encoder) -> None:
        self.root, self.encoder, self.served = root, encoder, []  # type: list[Any]
        self.file = root / "kept" / "talks.sqlite"
        for name in ("news", "other"):
            write(root / "articles" / name)
            path = root / "index" / name
            with Index.open(path, settings=Settings(index=path), encoder=encoder) as index:
                index.sync(root / "articles" / name)

    def start(self, port: int | None = None) -> str:
        path = self.root / "index" / "news"
        store = Conversations(self.file)
        page = chat.launch(path, port=port, settings=Settings(index=path), block=False, store=store)
        self.served.append((page, store))
        return str(page.local_url)

    def stop(self) -> None:
        while self.served:
            page, store = self.served.pop()
            page.close()
            store.close()


@pytest.fixture(scope="module")
def news(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[News]:
    made = News(tmp_path_factory.mktemp("talks"), encoder)
    yield made
    made.stop()


@pytest.fixture
def url(news: News) -> str:
    return str(news.served[-1][0].local_url) if news.served else news.start()


def ask(page: Page, question: str) -> Locator:
    """Ask with Enter and wait until the turn is whole and kept."""
    before, settled = (
        page.locator(".turn").count(),
        int(page.locator(".turns").get_attribute("data-settled") or 0),
    )
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    turn = page.locator(".turn").nth(before)
    turn.wait_for()
    page.wait_for_function("n => Number(document.querySelector('.turns').dataset.settled) > n", arg=settled)
    return turn


def arrived(page: Page) -> None:
    page.locator(".entry").first.wait_for(state="attached")


def talks(page: Page) -> list[str]:
    page.locator(".talks-open").click()
    page.wait_for_function(
        "() => document.querySelector('.talk') || !document.querySelector('.talks-none').hidden"
    )
    return page.locator(".talk-title").all_inner_texts()


def test_a_conversation_survives_a_refresh_and_a_restart_and_is_another_browsers_secret(
    visit: Visit, news: News, url: str
) -> None:
    page = visit(url)
    first = ask(page, BRIDGE).locator(".statement").first.inner_text()
    ask(page, "When was it in the news?")
    page.reload()
    page.locator(".turn .statement").first.wait_for()
    assert page.locator(".asked").all_inner_texts() == [BRIDGE, "When was it in the news?"]
    assert page.locator(".statement").first.inner_text() == first
    arrived(page)
    page.goto("about:blank")
    port = int(url.rstrip("/").rsplit(":", 1)[1])
    news.stop()
    news.start(port)
    page.goto(url)
    page.locator(".turn .statement").first.wait_for()
    page.locator(".turn .cite").first.click()
    page.locator("mark").first.wait_for()
    assert page.locator("mark").first.inner_text() in ARTICLES["bridge.md"][2]
    arrived(page)
    other = visit(url)
    assert other.locator(".turn").count() == 0
    assert talks(other) == []
    assert page.evaluate("() => localStorage.getItem('rag.browser')") != other.evaluate(
        "() => localStorage.getItem('rag.browser')"
    )


def test_conversations_are_listed_searched_renamed_taken_along_and_deleted(visit: Visit, url: str) -> None:
    page = visit(url)
    ask(page, BRIDGE)
    page.get_by_role("button", name="New conversation").click()
    assert page.locator("#welcome .welcome-lead").is_visible()
    ask(page, PLANT)
    assert talks(page) == [PLANT, BRIDGE]
    page.locator(".talks-search").fill("40 million")
    page.wait_for_function("() => document.querySelectorAll('.talk').length === 1")
    page.locator(".talk .more").click()
    page.get_by_role("button", name="Rename").click()
    page.locator(".talk-name").fill("Bridges")
    page.locator(".talk-name").press("Enter")
    page.get_by_text("Bridges").wait_for()
    page.locator(".talk .more").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Markdown").click()
    text = saved.value.path().read_text("utf-8")
    assert (
        saved.value.suggested_filename == "bridges.md" and "40 million euros" in text and "bridge.md" in text
    )
    page.locator(".talk .more").click()
    page.get_by_role("button", name="Delete").click()
    page.locator("#toast").get_by_role("button", name="Undo").click()
    page.get_by_text("Bridges").wait_for()
    page.locator(".talk-open").click()
    page.locator(".turn .statement").first.wait_for()
    assert page.locator(".asked").all_inner_texts() == [BRIDGE]


def test_a_question_is_asked_again_said_better_copied_and_judged(visit: Visit, news: News, url: str) -> None:
    page = visit(url, permissions=["clipboard-read", "clipboard-write"])
    turn = ask(page, BRIDGE)
    turn.locator(".copy").click()
    page.locator("#toast").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert "40 million euros" in copied and "[1]" in copied and "bridge.md" in copied
    turn.locator(".thumb.down").click()
    turn.locator(".chip", has_text="Something is missing").click()
    page.get_by_text("that was noted").wait_for()
    feedback = (news.file.parent / "feedback" / "news.jsonl").read_text("utf-8")
    rated = [json.loads(line) for line in feedback.splitlines()]
    assert {"question": BRIDGE, "note": "judged bad: Something is missing"}.items() <= rated[-1].items()
    turn.locator(".edit").click()
    box = page.locator("#question textarea")
    assert box.input_value() == BRIDGE
    box.fill("How much will the new bridge over the Po cost?")
    box.press("Enter")
    page.get_by_role("heading", name="How much will the new bridge over the Po cost?").wait_for()
    page.locator(".turn .retry").click()
    page.wait_for_function("() => Number(document.querySelector('.turns').dataset.settled) === 3")
    assert page.locator(".asked").all_inner_texts() == ["How much will the new bridge over the Po cost?"]
    page.reload()
    page.locator(".turn .why").click()
    page.locator(".candidate").first.wait_for()
    assert "cited as 1" in page.locator(".why-drawer").inner_text()
    page.locator(".candidate").first.click()
    page.locator("mark").first.wait_for()
    arrived_after = page.locator(".panel-what")
    assert arrived_after.count() == 1


def test_filters_settings_and_a_step_from_quote_to_quote(visit: Visit, url: str) -> None:
    page = visit(url)
    arrived(page)
    page.locator(".filters summary").click()
    page.get_by_label("Evening Ledger").check()
    page.locator(".filters [name=after]").fill("2025-01-01")
    page.keyboard.press("Escape")
    assert page.locator(".filters-said").inner_text() == "Only Evening Ledger, since 1 January 2025"
    turn = ask(page, PLANT)
    assert turn.locator(".source").count() == 1 and "Evening Ledger" in turn.locator(".source").inner_text()
    assert "11 days before the newest article" in turn.locator(".source").inner_text()
    assert "only in: Evening Ledger" in turn.locator(".within").inner_text()
    page.locator(".filters summary").click()
    page.locator(".filters [type=reset]").click()
    page.keyboard.press("Escape")
    turn = ask(page, "What will Fiat open in Turin, and what will the bridge over the Po cost?")
    cites = turn.locator(".cite").count()
    assert cites >= 2
    turn.locator(".cite").first.click()
    page.get_by_text(f"Quote 1 of {cites}").wait_for()
    page.get_by_role("button", name="Next quote").click()
    page.get_by_text(f"Quote 2 of {cites}").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_text(f"Quote 1 of {cites}").wait_for()
    page.locator("#question textarea").evaluate("box => box.blur()")
    page.keyboard.press("/")
    assert page.evaluate("() => document.activeElement.matches('#question textarea')")
    page.locator(".settings summary").click()
    assert page.get_by_label("Fluent").is_disabled() and page.get_by_label("Quotes only").is_checked()
    page.locator("[name=theme][value=dark]").check()
    assert page.evaluate("() => document.body.classList.contains('dark')")
    page.reload()
    arrived(page)
    assert page.evaluate("() => document.body.classList.contains('dark')")


def test_files_are_brought_asked_about_and_removed(
    visit: Visit, news: News, url: str, tmp_path: Path
) -> None:
    (tmp_path / "lighthouse.md").write_text(
        "---\ntitle: Lighthouse sold\n---\n\nThe lighthouse of Ruritania was sold to Ada Quill.\n", "utf-8"
    )
    (tmp_path / "picture.bmp").write_bytes(b"BM nothing")
    page = visit(url)
    arrived(page)
    page.locator(".bring").set_input_files([tmp_path / "lighthouse.md", tmp_path / "picture.bmp"])
    page.locator(".results-lead").wait_for()
    assert page.locator(".results-lead").inner_text() == "1 article is ready to ask about"
    assert page.locator(".result.refused .result-path").inner_text() == "picture.bmp"
    page.locator(".shelf-facts", has_text="5 articles").wait_for()
    turn = ask(page, "Who was the lighthouse of Ruritania sold to?")
    turn.locator(".cite").first.click()
    page.locator("mark").first.wait_for()
    assert "Ada Quill" in page.locator("mark").first.inner_text()
    page.locator(".remove").click()
    assert "for good" in page.locator(".remove").inner_text()
    page.locator(".remove").click()
    page.locator(".shelf-facts", has_text="4 articles").wait_for()
    assert not (news.root / "articles" / "news" / "lighthouse.md").exists()
    page.reload()
    page.locator(".since").wait_for()
    assert page.locator(".since").inner_text() == "removed since this answer"
    arrived_again = page.locator(".paper-note")
    arrived_again.wait_for()


def test_another_index_is_a_click_away_and_a_conversation_finds_its_own(visit: Visit, url: str) -> None:
    page = visit(url)
    ask(page, BRIDGE)
    page.locator(".shelf summary").click()
    page.get_by_role("button", name="other", exact=True).click()
    page.locator(".shelf-name", has_text=re.compile("^other$")).wait_for()
    assert page.locator(".turn").count() == 0
    ask(page, PLANT)
    assert len(talks(page)) == 2
    page.locator(".talk-open", has_text="bridge").click()
    page.locator(".shelf-name", has_text=re.compile("^news$")).wait_for()
    assert page.locator(".asked").all_inner_texts() == [BRIDGE]


def test_a_library_of_many_is_searched_and_its_articles_run_nothing(visit: Visit, url: str) -> None:
    page = visit(url)
    arrived(page)
    form = page.locator(".library-tools")
    form.evaluate("form => { form.hidden = false; }")
    form.locator("[name=search]").fill("storm")
    page.wait_for_function("() => document.querySelectorAll('.entry').length === 1")
    assert page.locator(".library-count").inner_text() == "1 found"
    page.locator(".entry").click()
    page.locator(".paper").wait_for()
    assert EVIL in page.locator(".paper-text").inner_text()
    turn = ask(page, "For how long did a storm close the harbour of Genoa?")
    turn.locator(".why").click()
    page.locator(".candidate").first.wait_for()
    page.locator(".filters summary").click()
    talks(page)
    page.wait_for_timeout(300)  # an image's onerror would have fired by now
    assert page.evaluate("() => window.pwned") is None
    ours = page.locator("#thread, #panel, #masthead, #examples, #filters, #talks, #toast")
    assert ours.locator("img, script, svg, a, iframe, b, i").count() == 0
