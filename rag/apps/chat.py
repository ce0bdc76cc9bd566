"""The chat page: a question, an answer that arrives statement by statement, and the article beside it.

How a click on a number works: the server renders the answer with buttons that say where they point
(``chat_view``), one listener in ``assets/chat.js`` notices the click and calls the server function
``open_article`` (a ``gr.HTML`` server function: a plain request to this server, no queue), and what comes back is the
article with the cited characters in ``<mark>``. Nothing about earlier answers is kept on the server for that, so their
numbers stay clickable for as long as the page is open.

Each step of an answer is sent as the whole HTML of its turn, so a step that the browser skips costs nothing.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from rag.answering.events import Completed, Searched, StatementReady
from rag.apps import chat_view as view
from rag.apps.chat_article import article, missing_article, parse_spans
from rag.apps.chat_desk import Desk
from rag.apps.chat_gradio import load_gradio
from rag.apps.chat_look import ASSETS, Guard, look
from rag.errors import InputError, RagError
from rag.settings import Settings
from rag.types import Answer, Statement

if TYPE_CHECKING:
    import gradio

    from rag.answering.engine import AnswerEngine
    from rag.index.index import Index

TITLE = "Ask the articles"
LONGEST_QUESTION = 2_000  # characters
REMEMBERED = 12  # turns of the conversation a follow-up may refer to

History: TypeAlias = list[tuple[str, str]]


# --- one question ---


def _steps(desk: Desk, question: str, past: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Answer | None]]:
    """A question's turn, step by step: its HTML, and the Answer with the last one (None if there is none)."""
    yield view.turn(question), None
    opened = desk.open()
    if opened is None:
        yield view.turn(question, problem=desk.problem), None
        return
    query, statements = "", list[Statement]()
    try:
        for event in opened[0].stream(question, history=list(past[-REMEMBERED:])):
            match event:
                case Searched():
                    query = event.query
                case StatementReady():
                    statements.append(event.statement)
                    yield view.turn(question, query=query, statements=statements), None
                case Completed():
                    yield view.turn(question, query=event.answer.query, answer=event.answer), event.answer
    except RagError as error:
        yield view.turn(question, query=query, problem=str(error)), None


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

    def ask(question: str | None, past: History) -> Iterator[tuple[Any, Any, Any]]:
        asked = (question or "").strip()[:LONGEST_QUESTION]
        if not asked:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        ident, box = secrets.token_hex(6), ""
        answer: Answer | None = None
        for html, answer in _steps(desk, asked, past):
            yield {"turn": ident, "html": html, "verdict": answer.verdict if answer else ""}, box, gr.skip()
            box = gr.skip()  # emptied once; whatever is typed while the answer comes stays
        if answer is not None:
            yield gr.skip(), gr.skip(), [*past, (asked, answer.text)][-REMEMBERED:]

    def arrive() -> tuple[Any, Any, Any, Any]:
        shelf = desk.shelf()
        usable = shelf is not None and shelf.documents > 0
        return (
            view.masthead(shelf),
            view.welcome(shelf, desk.problem),
            desk.library(),
            gr.update(interactive=usable),
        )

    head, lead, library, usable = arrive()
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, fill_height=True) as page:
        past = gr.State([])
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
            "inputs": [question, past],
            "outputs": [thread, question, past],
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 2,
            "trigger_mode": "always_last",  # Enter while an answer arrives sends when it is whole
        }
        settled: dict[str, Any] = {"fn": None, "js": "() => window.dispatchEvent(new Event('rag:settled'))"}
        typed = gr.on([question.submit, send.click], **sends)
        # an example is sent without passing through the box, where somebody may be typing
        picked = "(typed, past) => [document.querySelector('#thread .turns').dataset.ask || typed, past]"
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

    def opener() -> tuple[AnswerEngine, Index]:
        from rag.answering.engine import AnswerEngine
        from rag.index.index import Index
        from rag.retrieval.retriever import Retriever

        index = Index.open(path, settings=settings, create=False)
        return AnswerEngine(Retriever(index, settings)), index

    desk = Desk(opener, path)
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
