"""The page as a guest on an app of somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rag.apps.chat import free_port, mount
from rag.apps.chat_desk import desk_over
from rag.apps.conversations import Conversations
from rag.index.index import Index

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")]


@pytest.fixture
def serve_app() -> Iterator[Callable[[Any], str]]:
    """Serves an app in a thread of this process."""
    import uvicorn

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: Any) -> str:
        port = free_port("127.0.0.1")
        server = uvicorn.Server(
            uvicorn.Config(app, port=port, log_level="warning", ws="none", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{port}"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


def test_the_page_lives_beside_an_apps_own_routes(
    visit: Callable[..., Page], serve_app: Callable[[Any], str], seeds_index: Index
) -> None:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/healthz")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/favicon.ico")
    def icon() -> None:
        """A browser asks every site for one."""

    store = Conversations(None)
    assert mount(app, desk_over(seeds_index.path, seeds_index.settings), store, "/chat") is app
    url = serve_app(app)
    page = visit(url, at="/chat")
    assert page.request.get(f"{url}/healthz").json() == {"ok": True}
    headers = page.request.get(f"{url}/chat").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    page.locator("#question textarea").fill("When will the joint venture be founded?")
    page.locator("#question textarea").press("Enter")
    page.locator(".turn .cite").first.click()
    page.locator("mark").first.wait_for()
    page.context.close()  # before its server goes, of which it would complain
