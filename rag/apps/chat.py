"""The chat page: a question, an answer that arrives statement by statement, and the article beside it.

How a click on a number works: the server renders the answer with buttons that say where they point
(``chat_view``), one listener in ``assets/chat.js`` notices the click and calls the server function
``open_article`` (a ``gr.HTML`` server function: a plain request to this server, no queue), and what comes back is the
article with the cited characters in ``<mark>``. Nothing about earlier answers is kept on the server for that, so their
numbers stay clickable for as long as the page is open.

Each step of an answer is sent as the whole HTML of its turn, so a step that the browser skips costs nothing.
"""

from __future__ import annotations

import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from rag.answering.about_answer import asked_about
from rag.answering.events import (
    Completed,
    Event,
    FellBack,
    Searched,
    StatementDropped,
    StatementReady,
    TokenReady,
)
from rag.apps import chat_view as view
from rag.apps.chat_article import article, missing_article, parse_spans
from rag.apps.chat_desk import Desk, desk_over
from rag.apps.chat_gradio import load_gradio
from rag.apps.chat_look import ASSETS, Guard, look
from rag.errors import InputError, RagError
from rag.settings import Settings
from rag.types import Answer, Statement, Unverified

if TYPE_CHECKING:
    import gradio
    from fastapi import FastAPI

    from rag.answering.engine import AnswerEngine
    from rag.apps.conversations import Conversations
    from rag.index.index import Index

TITLE = "Ask the articles"
LONGEST_QUESTION = 2_000  # characters
REMEMBERED = 12  # turns of the conversation a follow-up may refer to

_PACE = (
    0.08  # seconds a drawing of what a model is writing is worth; some faster than anybody reads are left out
)
_BURST = 8  # drawings that may follow each other at once, so that the words before a pause are seen
_TAIL = 24  # characters that tell where in the draft a checked sentence ends
_SPACES = re.compile(r"\s+")

History: TypeAlias = list[tuple[str, str]]


# --- one question ---


@dataclass(slots=True)
class _Progress:
    """What is known of an answer so far; it takes in the engine's events one by one.

    Attributes:
        shows_dropped: whether what failed the check is shown.
        searched: what ``query`` is called.
        draft: what a model has written and nobody has checked yet; None while no model words the answer.
    """

    question: str
    shows_dropped: bool = False
    searched: str = "searched"
    query: str = ""
    statements: list[Statement] = field(default_factory=list)
    draft: str | None = None
    dropped: list[Unverified] = field(default_factory=list)
    note: str = ""

    def take(self, event: Event) -> None:
        """Bring it in step with one event."""
        match event:
            case Searched():
                self.query = event.query
            case TokenReady():
                self.draft = (self.draft or "") + event.text
            case StatementReady():
                self.statements.append(event.statement)
                self._checked(event.statement.text)
            case StatementDropped():
                if self.shows_dropped:
                    self.dropped.append(event.statement)
                self._checked(event.statement.text)
            case FellBack():  # the articles' own words follow; nothing of the model's stays
                self.statements, self.draft, self.note = [], None, event.note
            case Completed():
                self.query = event.answer.query

    def _checked(self, said: str) -> None:
        """What has been checked is draft no longer; the beginning of the next sentence may be there already."""
        if self.draft is not None:
            written, end = _SPACES.sub(" ", self.draft), _SPACES.sub(" ", said)[-_TAIL:]
            at = written.find(end)
            self.draft = written[at + len(end) :].lstrip() if at >= 0 else ""

    def html(self, answer: Answer | None = None, problem: str = "") -> str:
        """The turn as it is now."""
        return view.turn(
            self.question,
            query=self.query,
            searched=self.searched,
            answer=answer,
            problem=problem,
            statements=self.statements,
            draft=self.draft,
            dropped=self.dropped,
            note=self.note,
        )


def _steps(
    desk: Desk, question: str, past: Sequence[tuple[str, str]], previous: Answer | None = None
) -> Iterator[tuple[str, Answer | None]]:
    """A question's turn, step by step: its HTML, and the Answer with the last one (None if there is none)."""
    yield view.turn(question), None
    opened = desk.open()
    if opened is None:
        yield view.turn(question, problem=desk.problem), None
        return
    engine, index = opened
    progress = _Progress(question, index.settings.unverified == "show")
    if previous is not None and previous.statements and asked_about(question):
        progress.searched = "about the answer to"
    drawn, left = time.monotonic(), float(_BURST)
    try:
        for event in engine.stream(question, history=list(past[-REMEMBERED:]), previous=previous):
            progress.take(event)
            match event:
                case Completed():
                    yield progress.html(event.answer), event.answer
                case TokenReady():
                    now = time.monotonic()
                    drawn, left = now, min(left + (now - drawn) / _PACE, _BURST)
                    if left >= 1:
                        left -= 1
                        yield progress.html(), None
                case Searched():
                    pass
                case _:
                    yield progress.html(), None
    except RagError as error:
        yield progress.html(problem=str(error)), None


def _article(desk: Desk, wanted: Any) -> dict[str, str]:
    """The article a click asked for. ``wanted`` comes from a browser and may be anything."""
    asked = wanted if isinstance(wanted, dict) else {}
    path, spans, kind = (str(asked.get(key, "")) for key in ("path", "spans", "kind"))
    opened = desk.open()
    try:
        if opened is None:
            raise InputError(desk.problem)
        document = opened[1].document(path)
    except RagError as error:
        return {"title": path, "html": missing_article(path, str(error))}
    return {"title": document.title, "html": article(document, parse_spans(spans), kind)}


# --- the page ---


def build(engine: AnswerEngine, index: Index) -> gradio.Blocks:
    """The chat page over an engine that is ready. Serve it with ``look()``: ``page.launch(**look())``.

    Args:
        engine: answers the questions.
        index: the articles; what is cited is shown from it.
    """
    return _page(Desk(lambda: (engine, index), index.path))


def _page(desk: Desk) -> gradio.Blocks:
    gr = load_gradio()

    def open_article(wanted: Any) -> dict[str, str]:
        return _article(desk, wanted)

    def ask(question: str | None, past: History, last: Answer | None) -> Iterator[tuple[Any, Any, Any, Any]]:
        asked = (question or "").strip()[:LONGEST_QUESTION]
        same = gr.skip()
        if not asked:
            yield same, same, same, same
            return
        ident, box = secrets.token_hex(6), ""
        answer: Answer | None = None
        for html, answer in _steps(desk, asked, past, last):
            step = {"turn": ident, "html": html, "verdict": answer.verdict if answer else ""}
            yield step, box, same, same
            box = same  # emptied once; whatever is typed while the answer comes stays
        if answer is not None:
            # "Are you sure?" after "Who says so?" is about the answer that both are about
            kept = same if asked_about(asked) in ("who", "sure", "passage") and last else answer
            yield same, same, [*past, (asked, answer.text)][-REMEMBERED:], kept

    def arrive() -> tuple[Any, Any, Any, Any]:
        shelf = desk.shelf()
        usable = shelf is not None and shelf.documents > 0
        return (
            view.masthead(shelf),
            view.welcome(shelf, desk.problem, desk.is_unset),
            desk.library(),
            gr.update(interactive=usable),
        )

    head, lead, library, usable = arrive()
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, fill_height=True) as page:
        past, last = gr.State([]), gr.State(None)
        masthead = gr.HTML(head, elem_id="masthead", **_BARE)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="talk"):
                with gr.Column(elem_id="scroll"):
                    welcome = gr.HTML(lead, elem_id="welcome", **_BARE)
                    examples = gr.HTML("", elem_id="examples", **_BARE)
                    thread = gr.HTML(
                        html_template=(ASSETS / "thread.html").read_text("utf-8"),
                        js_on_load=(ASSETS / "chat.js").read_text("utf-8"),
                        server_functions=[open_article],
                        apply_default_css=False,
                        elem_id="thread",
                    )
                with gr.Row(elem_id="composer"):
                    question = gr.Textbox(
                        label="Your question",
                        placeholder="Ask about these articles",
                        show_label=False,
                        container=False,
                        lines=1,
                        max_lines=6,
                        max_length=LONGEST_QUESTION,
                        autofocus=True,
                        interactive=usable["interactive"],
                        elem_id="question",
                    )
                    send = gr.Button("Ask", elem_id="send", min_width=0)
            with gr.Column(elem_id="side"):
                panel = gr.HTML(
                    library,
                    html_template=(ASSETS / "panel.html").read_text("utf-8"),
                    elem_id="panel",
                    **_BARE,
                )
        sends: dict[str, Any] = {
            "fn": ask,
            "inputs": [question, past, last],
            "outputs": [thread, question, past, last],
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 2,
            "trigger_mode": "always_last",  # Enter while an answer arrives sends when it is whole
        }
        settled: dict[str, Any] = {"fn": None, "js": "() => window.dispatchEvent(new Event('rag:settled'))"}
        typed = gr.on([question.submit, send.click], **sends)
        # an example is sent without passing through the box, where somebody may be typing
        picked = (
            "(typed, ...rest) => [document.querySelector('#thread .turns').dataset.ask || typed, ...rest]"
        )
        clicked = thread.ask(**sends, js=picked)
        for sent in (typed, clicked):
            sent.then(**settled)
            sent.failure(**settled)  # a generator that fails midway does not reach then
        page.load(
            arrive,
            outputs=[masthead, welcome, panel, question],
            show_progress="hidden",
            api_visibility="private",
        )
        page.load(
            lambda: view.example_list(desk.examples()),
            outputs=[examples],
            show_progress="hidden",
            api_visibility="private",
        )
    return cast("gradio.Blocks", page)


def mount(app: FastAPI, desk: Desk, store: Conversations, path: str = "/") -> FastAPI:
    """Put the page on an existing app, at ``path``; routes the app has already go on working.

    Args:
        app: served by the caller; its lifespan must run, as the page's queue starts with it.
        desk: what the page answers from.
        store: where its conversations are kept.
        path: "/" or something like "/chat".
    """
    from gradio import mount_gradio_app
    from starlette.middleware import Middleware

    dress = look()
    if path != "/":
        dress.pop("favicon_path")  # an app of its own has its own
    mounted = mount_gradio_app(
        app, _page(desk), path=path, app_kwargs={"middleware": [Middleware(Guard)]}, show_error=False, **dress
    )
    return cast("FastAPI", mounted)


_BARE: dict[str, Any] = {"apply_default_css": False, "js_on_load": None}


def free_port(host: str, port: int | None = None) -> int:
    """The port, or any free one for None; tried before anything slow is begun."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port or 0))
        except OSError as error:
            raise InputError(
                f"port {port} on {host} cannot be used ({error}); choose another with --port"
            ) from error
        return int(probe.getsockname()[1])


def launch(
    index_path: str | Path | None = None,
    host: str = "127.0.0.1",
    port: int | None = 7860,
    open_browser: bool = False,
    *,
    settings: Settings | None = None,
    block: bool = True,
    ready: Callable[[str], None] | None = None,
) -> gradio.Blocks:
    """Serve the chat page over an index on disk, and return the running page.

    An index that is missing or damaged does not stop it: the page says what is wrong and what to run, and a reload
    after that finds the index.

    Args:
        index_path: the index's folder; by default what the settings say.
        host: the address to listen on; the default can be reached from this machine only.
        port: the port; None takes any free one.
        open_browser: open the page in the person's browser.
        settings: by default read from ``rag.toml`` and the environment.
        block: wait until interrupted; with False the page is served by threads of this process.
        ready: told the page's address once it can be opened; by default it is printed when waiting.

    Raises:
        InputError: the port is taken, or the host is not this machine's.
    """
    from rag.settings import load

    port = free_port(host, port)
    settings = settings or load(index=index_path)
    path = Path(index_path or settings.index)

    desk = desk_over(path, settings)
    warm = threading.Thread(target=desk.examples, daemon=True)  # weights load while gradio is imported
    warm.start()
    page = _page(desk)
    from starlette.middleware import Middleware

    page.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        app_kwargs={"middleware": [Middleware(Guard)]},
        **look(),
    )
    if ready is not None:
        ready(str(page.local_url))
    elif block:
        from typer import echo

        echo(f"{TITLE}: {page.local_url} (Ctrl-C stops it)")
    if block:
        page.block_thread()
    return page
