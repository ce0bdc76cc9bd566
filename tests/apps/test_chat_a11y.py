"""axe-core over the page's states, light and dark, desk and phone: no serious violation of WCAG A and AA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rag.apps import chat
from rag.apps.conversations import Conversations
from rag.index.index import Index

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Visit = Callable[..., Page]

pytestmark = [pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")]

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def seeds_url(seeds_index: Index) -> Iterator[str]:
    store = Conversations(None)
    models = "openai:one@http://127.0.0.1:9/v1, openai:two@https://models.example/v1, nothing:at-all"
    settings = seeds_index.settings.model_copy(update={"generators": models})
    page = chat.launch(seeds_index.path, port=None, settings=settings, block=False, store=store)
    yield str(page.local_url)
    page.close()


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds that matters, each with the elements it means."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).response
    assert len(found["passes"]) > 10  # it did look
    return [
        {"rule": rule["id"], "help": rule["help"], "elements": [node["html"][:200] for node in rule["nodes"]]}
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "dark")])
def test_axe_finds_nothing_serious(visit: Visit, seeds_url: str, size: str, scheme: str) -> None:
    page = visit(seeds_url, size, color_scheme=scheme, reduced_motion="reduce")
    page.locator(".example").first.wait_for()
    assert violations(page) == []
    page.locator("#question textarea").fill("When will the joint venture be founded?")
    page.locator("#question textarea").press("Enter")
    page.wait_for_function("() => document.querySelector('.turns').dataset.settled === '1'")
    page.locator(".turn .thumb.down").click()
    page.locator(".turn .why").click()
    page.locator(".candidate").first.wait_for()
    assert violations(page) == []
    page.locator(".turn .cite").first.click()
    page.locator("mark").first.wait_for()
    assert violations(page) == []
    if size == "phone":
        page.get_by_role("button", name="Back to the answer").click()
        page.locator("#side").wait_for(state="hidden")
    page.locator(".settings summary").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.locator(".talks-open").click()
    page.locator(".talk .more").first.click()
    assert violations(page) == []
