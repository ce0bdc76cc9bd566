"""How soon the page is there, and how soon after a question the first statement stands on it.

    python eval/service/page.py [--index index/seeds] [--starts 5] [--questions 15]

Starts `rag serve` a few times and waits for its page; then asks it questions in headless Chromium, each in a fresh
browser, and measures from the Enter key to the first statement in the document, by the browser's own clock. Prints the
bars of the issue beside what was measured, and exits 1 where one is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as WaitedInVain

from rag.apps.chat import free_port

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "eval" / "questions" / "seeds.jsonl"
READY_BAR, FIRST_BAR = 4.0, 0.4  # seconds
PATIENCE = 60.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WATCH = """() => {
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter') window.asked = performance.now();
  }, true);
  new MutationObserver(() => {
    const shown = document.querySelector('.statement');
    if (shown && shown.textContent.trim() && !window.shown) window.shown = performance.now();
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


@contextmanager
def served(index: Path) -> Iterator[tuple[str, float]]:
    """A running `rag serve`: its address, and the seconds until its page answered."""
    port = free_port("127.0.0.1")
    command = [
        str(Path(sys.executable).with_name("rag")),
        "serve",
        "--index",
        str(index),
        "--port",
        str(port),
    ]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--no-open", "--forget"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        while not _answers(url):
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                sys.exit("rag serve did not start; next step: run it by hand and read what it says")
            time.sleep(0.02)
        yield url, time.monotonic() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            return bool(page.status == 200)
    except urllib.error.URLError:
        return False


def first_statement(browser: Browser, url: str, question: str) -> float:
    """Seconds from Enter to the first statement on the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url)
    field = page.locator("#question textarea")
    field.fill(question)
    page.wait_for_timeout(300)  # a person is not as quick, and the page has come to rest by then
    page.evaluate(WATCH)
    field.press("Enter")
    page.wait_for_function("window.shown > 0", timeout=5000)
    took = float(page.evaluate("window.shown - window.asked")) / 1000
    context.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--index", type=Path, default=Path("index/seeds"))
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--questions", type=int, default=15)
    given = parser.parse_args()
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        sys.exit(f"needs one of {', '.join(BROWSERS)} on the PATH; next step: tests/install-browser")
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    asked = [
        row["question"]
        for row in rows
        if row["split"] == "dev" and row["kind"] == "fact" and row["answerable"]
    ][: given.questions + 1]
    ready = []
    for _ in range(given.starts - 1):
        with served(given.index) as (_, seconds):
            ready.append(seconds)
    with served(given.index) as (url, seconds), sync_playwright() as playwright:
        ready.append(seconds)
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        took = []
        for number, question in enumerate(asked):
            try:
                seconds = first_statement(browser, url, question)
            except WaitedInVain:
                continue  # refused: there is no statement
            if number:  # the first is the page's warming up
                took.append(seconds)
        browser.close()
    page_ready, first = statistics.median(ready), statistics.median(took)
    print(
        f"page ready: {page_ready:.2f} s ({min(ready):.2f}–{max(ready):.2f}, {len(ready)} starts); bar {READY_BAR}"
    )
    print(
        f"first statement: {first * 1000:.0f} ms ({min(took) * 1000:.0f}–{max(took) * 1000:.0f}, "
        f"{len(took)} questions); bar {FIRST_BAR * 1000:.0f}"
    )
    sys.exit(int(page_ready > READY_BAR or first > FIRST_BAR))


if __name__ == "__main__":
    main()
