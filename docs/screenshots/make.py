"""Take the chat page's screenshots: ``python docs/screenshots/make.py [--all FOLDER]``.

They show seeds/, and for what needs outlets and dates a handful of invented articles. Without options the pictures
beside this file are made anew. ``--all`` puts every state at both sizes, light and dark, into a folder for looking at.
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
from rag.apps.conversations import Conversations
from rag.index.index import Index
from rag.settings import load

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIZES = {"desk": (1280, 800, 1), "phone": (390, 844, 2)}
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
COMMITTED = {
    "desk-start": ("desk", "light", "start"),
    "desk-answer": ("desk", "light", "answer"),
    "desk-why": ("desk", "light", "why"),
    "desk-conversations": ("desk", "light", "conversations"),
    "desk-disagree-dark": ("desk", "dark", "disagree"),
    "desk-library": ("desk", "light", "library"),
    "desk-settings": ("desk", "light", "settings"),
    "desk-not-found-dark": ("desk", "dark", "not-found"),
    "phone-answer": ("phone", "light", "answer"),
    "phone-article-dark": ("phone", "dark", "article"),
}

MODELS = (
    "ollama:llama3.2, openai:qwen2.5@http://127.0.0.1:8000/v1, openai:qwen2.5-72b@https://models.example/v1"
)


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


def why(page: Page) -> None:
    """Why an answer came about."""
    answer(page)
    page.locator(".why").click()
    page.locator(".candidate").first.wait_for()


def settings(page: Page) -> None:
    """Who words the answer, and how it looks."""
    start(page)
    page.locator(".settings summary").click()
    page.locator(".settings [value=fluent]").check()


def conversations(page: Page) -> None:
    """The list of conversations, one with its menu open."""
    for question in ("Who is the chief executive of Tesla?", "When will the joint venture be founded?"):
        ask(page, question)
        page.locator(".anew").click()
    answer(page)
    page.locator(".talks-open").click()
    page.locator(".talk .more").nth(1).click()


def library(page: Page) -> None:
    """Files just brought, and what became of each."""
    page.locator(".entry").first.wait_for()
    good = "---\ntitle: The lighthouse is sold\nsource: The Harbour Post\ndate: 2025-05-20\n---\n\nIt was sold.\n"
    files = [("lighthouse.md", good.encode()), ("scan.pdf", b"%PDF-1.4")]
    page.locator(".bring").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in files]
    )
    page.locator(".results-lead").wait_for()


def filters(page: Page) -> None:
    """Which articles may answer."""
    page.locator(".filters summary").click()
    page.get_by_label("Evening Ledger").check()


def disagree(page: Page) -> None:
    """Articles that say different things."""
    ask(page, "When will Fiat open its plant in Turin?")


INVENTED = {
    "opens.md": ("2025-03-02", "The Harbour Post", "Fiat opens a plant in Turin", "in May 2025"),
    "delays.md": ("2025-04-20", "Evening Ledger", "Fiat delays its plant in Turin", "in September 2025"),
    "bridge.md": ("2025-05-01", "Corriere del Po", "A new bridge over the Po", ""),
    "storm.md": ("2024-01-11", "The Harbour Post", "A storm closes the harbour", ""),
    "steel.md": ("2025-02-14", "Evening Ledger", "Steel is getting scarce", ""),
    "vote.md": ("2025-05-09", "Corriere del Po", "The city votes in June", ""),
}
OVER_INVENTED = ("library", "filters", "disagree")


def invent(folder: Path) -> None:
    """Write the invented articles."""
    folder.mkdir()
    for name, (day, outlet, title, when) in INVENTED.items():
        said = (
            f"Fiat will open its plant in Turin {when}, the company said."
            if when
            else f"{title}, it was said."
        )
        text = f"{said} More on this follows in the next edition."
        head = f"---\ntitle: {title}\ndate: {day}\nsource: {outlet}\n---\n"
        (folder / name).write_text(f"{head}\n{text}\n", "utf-8")


STATES: dict[str, Callable[[Page], None]] = {
    "start": start,
    "answer": answer,
    "article": article,
    "follow-up": follow_up,
    "not-found": not_found,
    "partial": partial,
    "several": several,
    "about": about,
    "why": why,
    "settings": settings,
    "conversations": conversations,
    "library": library,
    "filters": filters,
    "disagree": disagree,
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
        invent(Path(folder) / "articles")
        served = {}
        for name, articles in (("seeds", ROOT / "seeds"), ("news", Path(folder) / "articles")):
            index = Path(folder) / "indexes" / name
            chosen = load(index=index, generators=MODELS)
            with Index.open(index, settings=chosen) as opened:
                opened.sync(articles)
            served[name] = launch(index, port=None, settings=chosen, block=False, store=Conversations(None))
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
            url = str(served["news" if state in OVER_INVENTED else "seeds"].local_url)
            shoot(browser, url, size, scheme, state, (everything or HERE) / f"{name}.png")
        browser.close()
        for page in served.values():
            page.close()


if __name__ == "__main__":
    main()
