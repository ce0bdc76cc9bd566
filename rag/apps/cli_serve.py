"""``rag serve``: the chat page and the HTTP service, in one process."""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.apps import cli

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from rag.apps.chat_desk import Desk

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(
    epilog="Ask it:  curl http://127.0.0.1:7860/v1/ask -H 'content-type: application/json' "
    '-d \'{"question": "When will the joint venture be founded?"}\'\n\n'
    "With OpenAI's client:  OpenAI(base_url='http://127.0.0.1:7860/v1', api_key='none')\n\n"
    "All routes with examples: /openapi.json, and docs/service.md. Health: /healthz, /readyz. Counters: /metrics."
)
def serve(
    index: cli.IndexOption = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; one that others can reach needs a token.")
    ] = "127.0.0.1",
    port: cli.PortOption = 7860,
    open_browser: cli.OpenOption = None,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="The chat page, or the service alone.")
    ] = True,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that every request but those for health must carry, readable by its owner only. "
            "Also RAG_SERVE_TOKEN_FILE, or the token itself in RAG_SERVE_TOKEN.",
            show_default=False,
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Articles cannot be added or removed through the service.")
    ] = False,
    log_questions: Annotated[
        bool, typer.Option("--log-questions", help="Write questions into the log, which otherwise has none.")
    ] = False,
    keep: cli.KeepOption = True,
) -> None:
    """Serve the chat page and the HTTP service over one index, to this machine only unless there is a token.

    The page lets people ask, read the cited articles and add their own; the service does the same for programs.
    The log goes to standard error, one JSON object a line. Ctrl-C ends it.
    """
    from rag.apps.service.config import configured

    settings = cli._settings(
        index,
        serve_token_file=token_file,
        serve_read_only=read_only or None,
        serve_log_questions=log_questions or None,
    )
    config = configured(settings, host)
    from rag.apps.service.running import address, listening, log_to_stderr, server

    with listening(host, port) as listener:  # before anything slow, so that a taken port is told at once
        cli._ready(settings).close()
        from rag.apps.chat_desk import desk_over
        from rag.apps.service.app import create_app

        desk = desk_over(settings.index, settings)
        service = create_app(desk, config)
        service.state.service.start()  # the weights load while the page's packages do
        if page:
            _mount_page(service, desk, keep)
        wanted = page and (cli._has_desktop() if open_browser is None else open_browser)
        running = server(service)
        log_to_stderr()
        _tell_when_up(running, address(host, port), desk if page else None, wanted)
        with suppress(KeyboardInterrupt):  # uvicorn has shut down by then and says it once more
            running.run(sockets=[listener])
        typer.echo("stopped", err=True)


def _mount_page(service: FastAPI, desk: Desk, keep: bool) -> None:
    """Put the page on the service, without collecting garbage meanwhile: an eighth of the time, and there is none."""
    from rag.apps import chat
    from rag.apps.conversations import Conversations, default_file

    gc.disable()
    try:
        chat.mount(service, desk, Conversations(default_file() if keep else None))
    finally:
        gc.enable()
        gc.freeze()  # what was imported stays; later collections need not look at it


def _tell_when_up(server: uvicorn.Server, address: str, desk: Desk | None, open_browser: bool) -> None:
    """Say where it is once it can be reached there, show it, and find the page's examples."""
    import threading
    import time
    import webbrowser

    def wait() -> None:
        while not server.started and not server.should_exit:
            time.sleep(0.02)
        if server.started:
            typer.echo(f"{'Ask the articles' if desk else 'The service'}: {address} (Ctrl-C stops it)")
            if open_browser:
                webbrowser.open(address)
            if desk is not None:
                desk.examples()

    threading.Thread(target=wait, daemon=True).start()
