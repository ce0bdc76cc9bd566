"""The page over hundreds of articles: its list comes and narrows quickly, and says what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from rag.apps import chat
from rag.apps.chat_library import LISTED
from rag.apps.conversations import Conversations
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Visit = Callable[..., Page]

pytestmark = [pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")]

ARTICLES = LISTED + 50
MILLISECONDS = 1_500  # from a key to the narrowed list, the pause that waits for more keys included
OUTLETS = ("Ledger", "Post", "Corriere")
# from a change of the search to the last change of the list
NARROW = """async ([field, text, count]) => {
    const box = document.querySelector(field), list = document.querySelector('.library-list');
    const began = performance.now();
    box.value = text;
    box.dispatchEvent(new Event('input', { bubbles: true }));
    while (list.querySelectorAll('.entry').length !== count) {
        if (performance.now() - began > 15000) return -1;
        await new Promise(requestAnimationFrame);
    }
    return performance.now() - began;
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[str]:
    """One text under many names: what is the same is embedded once."""
    root = tmp_path_factory.mktemp("many")
    folder = root / "news"
    folder.mkdir()
    for number in range(ARTICLES):
        head = (
            f"---\ntitle: A storm\ndate: 2025-01-{number % 28 + 1:02}\nsource: {OUTLETS[number % 3]}\n---\n"
        )
        (folder / f"n{number:04}.md").write_text(
            f"{head}\nA storm closed the harbour for two days.\n", "utf-8"
        )
    path = root / "index"
    with Index.open(path, settings=Settings(index=path), encoder=encoder) as index:
        index.sync(folder)
    page = chat.launch(path, port=None, settings=Settings(index=path), block=False, store=Conversations(None))
    yield str(page.local_url)
    page.close()


def test_a_long_list_stays_quick(visit: Visit, url: str) -> None:
    page = visit(url)
    page.locator(".entry").nth(LISTED - 1).wait_for(state="attached")
    assert page.locator(".entry").count() == LISTED
    assert page.locator(".library-count").inner_text() == str(ARTICLES)
    assert (
        page.locator(".more").first.text_content()
        == f"and {ARTICLES - LISTED} more; search to narrow the list"
    )
    search = ".library-tools [name=search]"
    for text, count in (
        ("n0007", 1),
        ("ledger", len(range(0, ARTICLES, 3))),
        ("no such thing", 0),
        ("", LISTED),
    ):
        took = page.evaluate(NARROW, [search, text, count])
        assert 0 <= took <= MILLISECONDS, (text, took)
    # a frame is still drawn in time while the list is scrolled from end to end
    slowest = page.evaluate(
        """async () => {
            const view = document.querySelector('.panel-view');
            let last = await new Promise(requestAnimationFrame), slowest = 0;
            for (let step = 0; step < 20; step++) {
                view.scrollTop = view.scrollHeight * (step / 20);
                const now = await new Promise(requestAnimationFrame);
                slowest = Math.max(slowest, now - last);
                last = now;
            }
            return slowest;
        }"""
    )
    assert slowest <= 500
    page.locator(".entry").nth(LISTED - 1).click()
    page.locator(".paper").wait_for()
