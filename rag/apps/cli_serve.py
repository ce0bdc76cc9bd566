"""``rag serve``: the chat page and the HTTP service, in one process."""

from __future__ import annotations

import logging
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.apps import cli

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from rag.apps.chat_desk import Desk
    from rag.settings import Settings

_GRACE = 3  # seconds that what is being answered may still take after Ctrl-C

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
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 7860,
    open_browser: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open",
            help="Open the page in a browser. [default: where there is a desktop]",
            show_default=False,
        ),
    ] = None,
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
    with _listening(host, port) as listener:  # before anything slow, so that a taken port is told at once
        cli._ready(settings).close()
        from rag.apps.chat_desk import desk_over
        from rag.apps.service.app import create_app

        desk = desk_over(settings.index, settings)
        service = create_app(desk, config)
        if page:
            _mount_page(service, desk)
        server = _server(service)
        address = _address(host, port)
        typer.echo(f"{'Ask the articles' if page else 'The service'}: {address} (Ctrl-C stops it)")
        if page and (cli._has_desktop() if open_browser is None else open_browser):
            _open_when_up(server, address)
        _run(server, listener)


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until Ctrl-C or a request to end."""
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # uvicorn has shut down by now and says it once more
    typer.echo("stopped", err=True)


def _server(app: FastAPI) -> uvicorn.Server:
    import uvicorn

    from rag.apps.service.observe import JsonLines

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("rag.service", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            http="h11",
            proxy_headers=False,  # anybody could claim another address
            server_header=False,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=_GRACE,
            limit_concurrency=512,
        )
    )


def _mount_page(service: FastAPI, desk: Desk) -> None:
    from rag.apps import chat
    from rag.apps.conversations import Conversations, default_file

    chat.mount(service, desk, Conversations(default_file()))


def _listening(host: str, port: int) -> socket.socket:
    """The socket, bound."""
    from rag.errors import InputError

    plain = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in plain else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((plain, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"port {port} on {host} cannot be used ({error}); choose another with --port"
        ) from error
    return listener


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
        host, f"[{host}]" if ":" in host.strip("[]") else host
    )
    return f"http://{shown}:{port}"


def _open_when_up(server: uvicorn.Server, address: str) -> None:
    import threading
    import time
    import webbrowser

    def wait() -> None:
        while not server.started and not server.should_exit:
            time.sleep(0.05)
        if server.started:
            webbrowser.open(address)

    threading.Thread(target=wait, daemon=True).start()
