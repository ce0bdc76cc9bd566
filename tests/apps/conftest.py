"""A real browser for the page's tests, and a watch on whatever would leave this machine."""

from __future__ import annotations

import ipaddress
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LEFT = ("AbortError: signal is aborted", "Connection errored out")
SIZES = {"desk": (1280, 800), "phone": (390, 844)}

_connected: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note every address that this process connects to and that is not this machine."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        if host == "localhost":
            return
    _connected.append(host)


sys.addaudithook(_watch)


@pytest.fixture
def outside() -> list[str]:
    """Addresses elsewhere that this process has connected to since the test began."""
    _connected.clear()
    return _connected


# for a module only: as long as Playwright runs, asyncio takes its loop for this thread's, and no other can run
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(
            f"the page's tests need one of {', '.join(BROWSERS)} on the PATH; tests/install-browser gets it"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Serves pages that ``chat.build`` made, or keeps those that are served already; closes them afterwards."""
    from rag.apps.chat import free_port
    from rag.apps.chat_look import look

    served = []

    def serve_page(page: Any) -> str:
        served.append(page)
        if not page.is_running:
            page.launch(server_port=free_port("127.0.0.1"), quiet=True, prevent_thread_lock=True, **look())
        return str(page.local_url)

    yield serve_page
    for page in served:
        page.close()


def _matters(message: Any) -> bool:
    """Whether a line of the browser's console is an error; a page that is left while it asks says so, too."""
    return message.type == "error" and not any(left in message.text for left in LEFT)


@pytest.fixture
def visit(browser: Browser, serve: Callable[[Any], str]) -> Iterator[Callable[..., Page]]:
    """Opens pages; afterwards no page may have asked another machine for anything or have met an error of its own."""
    contexts, strays, errors = [], [], []

    def open_page(url: str, size: str = "desk", at: str = "", **options: Any) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)

        def note(request: Any) -> None:
            if not request.url.startswith((url, "data:", "blob:")):
                strays.append(request.url)

        page.on("request", note)
        page.on("websocket", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if _matters(message) else None)
        page.goto(url + at)
        page.locator("#question textarea").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert strays == []
    assert errors == []
