"""Take the chat page's screenshots over seeds/: ``python docs/screenshots/make.py [--all FOLDER]``.

Without options the four pictures beside this file are made anew. ``--all`` puts every state at both sizes, light and
dark, into a folder for looking at.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from rag.apps.chat import launch
from rag.index.index import Index
from rag.settings import load

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIZES = {"desk": (1280, 800, 1), "phone": (390, 844, 2)}
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
COMMITTED = {
    "desk-answer": ("desk", "light", "answer"),
    "desk-not-found-dark": ("desk", "dark", "not-found"),
    "phone-answer": ("phone", "light", "answer"),
    "phone-article-dark": ("phone", "dark", "article"),
}


def ask(page: Page, question: str) -> None:
    """Ask and wait for the whole answer."""
    before = page.locator(".turn").count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    page.wait_for_function("n => document.querySelectorAll('.turn')[n]?.ariaBusy === 'false'", arg=before)
    if page.locator(".turn .problem").count():
        sys.exit(f"{question!r} met an error; no picture is taken of that")


def start(page: Page) -> None:
    """Before the first question, with its examples."""
    page.locator(".example").first.wait_for()


def answer(page: Page) -> None:
    """An answer with a short answer, and the article beside it."""
    ask(page, "When will the joint venture be founded?")


def article(page: Page) -> None:
    """A number clicked."""
    answer(page)
    page.locator(".turn .cite").last.click()
    page.locator("mark").first.wait_for()


def follow_up(page: Page) -> None:
    """A follow-up that was searched with its context."""
    answer(page)
    ask(page, "Who will own it?")


def not_found(page: Page) -> None:
    """A question the articles do not answer."""
    ask(page, "Who is the chief executive of Tesla?")


def partial(page: Page) -> None:
    """A question that is answered in part."""
    ask(page, "When will the joint venture be founded, and who is the chief executive of Tesla?")


def several(page: Page) -> None:
    """An answer from several articles."""
    ask(page, "What have Nissan and Honda agreed to do?")


def about(page: Page) -> None:
    """What the page says about its index."""
    start(page)
    page.locator(".shelf summary").click()


STATES: dict[str, Callable[[Page], None]] = {
    "start": start,
    "answer": answer,
    "article": article,
    "follow-up": follow_up,
    "not-found": not_found,
    "partial": partial,
    "several": several,
    "about": about,
}


def shoot(browser: Browser, url: str, size: str, scheme: str, state: str, file: Path) -> None:
    """Bring a fresh page into a state and save it, with few enough colours to be small."""
    width, height, scale = SIZES[size]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme=scheme,  # type: ignore[arg-type]  # "light" or "dark"
        reduced_motion="reduce",
    )
    page.goto(url)
    page.locator("#question textarea").wait_for()
    STATES[state](page)
    page.wait_for_timeout(700)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(224, dither=Image.Dither.NONE)
    picture.save(file, optimize=True)
    page.close()


def main() -> None:
    """Sync seeds/ into a passing index, serve it, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="put every state into this folder instead")
    everything = parser.parse_args().all
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("screenshots need Chromium or Chrome on the PATH; tests/install-browser gets it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        index = Path(folder) / "seeds"
        settings = load(index=index)
        with Index.open(index, settings=settings) as opened:
            opened.sync(ROOT / "seeds")
        served = launch(index, port=None, settings=settings, block=False)
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        if everything:
            everything.mkdir(parents=True, exist_ok=True)
            shots = {
                f"{size}-{scheme}-{state}": (size, scheme, state)
                for size in SIZES
                for scheme in ("light", "dark")
                for state in STATES
            }
        else:
            shots = COMMITTED
        for name, (size, scheme, state) in shots.items():
            shoot(browser, str(served.local_url), size, scheme, state, (everything or HERE) / f"{name}.png")
        browser.close()
        served.close()


if __name__ == "__main__":
    main()
