"""The chat page: a question, an answer that arrives statement by statement, and the article beside it.

How a click on a number works: the server renders the answer with buttons that say where they point (``chat_html``),
one listener in ``assets/keys.js`` notices the click and calls the server function ``open_article`` (a ``gr.HTML``
server function: a plain request to this server, no queue), and what comes back is the article with the cited
characters in ``<mark>``. The other server functions are in ``chat_doors``. Only a question goes through gradio's queue.

The page's script keeps the ids: a browser's in its local storage, a conversation's in its tab.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rag.apps import chat_shell as shell
from rag.apps.chat_answer import LONGEST_QUESTION, Answering, Asked, Lanes, Stops
from rag.apps.chat_desk import Desk, desk_over
from rag.apps.chat_doors import Doors
from rag.apps.chat_gradio import load_gradio
from rag.apps.chat_look import Guard, look, markup, own_names, script
from rag.apps.conversations import Conversations, default_file
from rag.errors import InputError
from rag.settings import Settings

if TYPE_CHECKING:
    import gradio
    from fastapi import FastAPI

    from rag.answering.engine import AnswerEngine
    from rag.index.index import Index

TITLE = "Ask the articles"
AT_ONCE = (
    24  # questions that may be on their way at the same time, most of them waiting in their lane; more wait
)

_BARE: dict[str, Any] = {"apply_default_css": False, "js_on_load": None}
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_TELL = "() => window.dispatchEvent(new Event('rag:%s'))"
# the script of the page may not run yet when this does
_WHERE = (
    "() => { const at = 'rag.index';"
    " try { return sessionStorage.getItem(at) || localStorage.getItem(at) || '' } catch { return '' } }"
)


def build(engine: AnswerEngine, index: Index, store: Conversations | None = None) -> gradio.Blocks:
    """The chat page over an engine that is ready. Serve it with ``look()``: ``page.launch(**look())``.

    Args:
        engine: answers the questions.
        index: the articles; what is cited is shown from it.
        store: where conversations are kept; in memory by default.
    """
    return _page(Desk(lambda: (engine, index), index.path), store or Conversations(None))


def _values(request: str | None) -> Any:
    try:
        return json.loads(request or "{}")
    except ValueError:
        return {}


def _page(desk: Desk, store: Conversations) -> gradio.Blocks:
    gr = load_gradio()
    stops, lanes = Stops(), Lanes()

    def ask(question: str | None, request: str | None) -> Iterator[tuple[Any, Any]]:
        told = _values(request)
        asked = Asked.read(question, told)
        same = gr.skip()
        if not asked.question:
            yield same, same
            return
        # emptied once; whatever is typed while the answer comes stays, and an example does not pass through the box
        box: Any = "" if not isinstance(told, dict) or told.get("typed", True) else same
        for step in Answering(desk, store, stops, asked, lanes).steps():
            value = {"turn": asked.turn, "replaces": asked.replaces, "html": step.html}
            yield {**value, "verdict": step.verdict, "trouble": step.trouble, "notice": step.notice}, box
            box = same

    def arrive(index: str | None) -> tuple[Any, Any, Any, Any]:
        try:
            here = desk.at(index or "")
        except InputError:
            here = desk
        shelf = here.shelf()
        usable = shelf is not None and shelf.documents > 0
        return (
            shell.masthead(shelf, "" if here is desk else here.name),
            shell.welcome(shelf, here.problem, here.is_unset),
            here.filters(),
            gr.update(interactive=usable),
        )

    def examples_of(index: str | None) -> str:
        try:
            return shell.example_list(desk.at(index or "").examples())
        except InputError:
            return shell.example_list(desk.examples())

    head, lead, narrow, usable = arrive("")
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, fill_height=True) as page:
        request, where = gr.Textbox(visible=False), gr.Textbox(visible=False)
        masthead = gr.HTML(head, elem_id="masthead", **_BARE)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="talk"):
                with gr.Column(elem_id="scroll"):
                    welcome = gr.HTML(lead, elem_id="welcome", **_BARE)
                    examples = gr.HTML("", elem_id="examples", **_BARE)
                    thread = gr.HTML(
                        html_template=markup("thread"),
                        js_on_load=script(),
                        server_functions=Doors(desk, store, stops).all(),
                        apply_default_css=False,
                        elem_id="thread",
                    )
                filters = gr.HTML(narrow, elem_id="filters", **_BARE)
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
                    gr.Button("Stop", elem_id="halt", min_width=0)  # in its place while an answer comes
            with gr.Column(elem_id="side"):
                gr.HTML(html_template=markup("panel"), elem_id="panel", **_BARE)
        gr.HTML(html_template=markup("talks"), elem_id="talks", **_BARE)
        sends: dict[str, Any] = {
            "fn": ask,
            "inputs": [question, request],
            "outputs": [thread, question],
            "concurrency_limit": AT_ONCE,
            "trigger_mode": "always_last",  # Enter while an answer arrives sends when it is whole
            "js": "(typed) => window.rag.request(typed)",
            **_QUIET,
        }
        for sent in (gr.on([question.submit, send.click], **sends), thread.ask(**sends)):
            sent.then(fn=None, js=_TELL % "settled")
            sent.failure(fn=None, js=_TELL % "settled")  # a generator that fails midway does not reach then
        arrives: dict[str, Any] = {"fn": arrive, "inputs": [where], "js": _WHERE, **_QUIET}
        arrives["outputs"] = [masthead, welcome, filters, question]
        finds: dict[str, Any] = {
            "fn": examples_of,
            "inputs": [where],
            "outputs": [examples],
            "js": _WHERE,
            **_QUIET,
        }
        page.load(**arrives).then(fn=None, js=_TELL % "arrived")
        page.load(**finds)
        thread.arrive(**arrives).then(fn=None, js=_TELL % "arrived")
        thread.arrive(**finds)
    return cast("gradio.Blocks", page)


# --- serving it ---


def _warm(desk: Desk) -> None:
    """Begin to load the weights; the page can be opened meanwhile."""
    threading.Thread(target=desk.examples, daemon=True).start()


def mount(app: FastAPI, desk: Desk, store: Conversations, path: str = "/") -> FastAPI:
    """Put the page on an existing app, at ``path``; routes the app has already go on working.

    Args:
        app: served by the caller; its lifespan must run, as the page's queue starts with it.
        desk: what the page answers from; whoever serves it loads its weights when that delays nothing.
        store: where its conversations are kept.
        path: "/" or something like "/chat".
    """
    load_gradio()
    from gradio import mount_gradio_app
    from starlette.middleware import Middleware

    dress = look()
    if path != "/":
        dress.pop("favicon_path")  # an app of its own has its own
    guarded = {"middleware": [Middleware(Guard)]}
    page = _page(desk, store)
    mounted = mount_gradio_app(app, page, path=path, app_kwargs=guarded, show_error=False, **dress)
    return cast("FastAPI", mounted)


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
    store: Conversations | None = None,
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
        store: where conversations are kept; by default a file in the user's data folder.

    Raises:
        InputError: the port is taken, the host is not this machine's, or conversations cannot be kept.
    """
    from rag.settings import load

    port = free_port(host, port)
    settings = settings or load(index=index_path)
    desk = desk_over(Path(index_path or settings.index), settings)
    store = store or Conversations(default_file())
    _warm(desk)  # while gradio is imported
    page = _page(desk, store)
    from starlette.middleware import Middleware

    page.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        app_kwargs={"middleware": [Middleware(Guard, hosts=own_names(host))]},
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
