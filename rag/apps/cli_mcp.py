"""``rag mcp``: the articles as tools and resources of a Model Context Protocol server."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.apps import cli

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

HOST = "127.0.0.1"
PATH = "/mcp"
_GRACE = 3  # seconds that what is being answered may still take after Ctrl-C

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(epilog="What to paste into an app's configuration is in docs/mcp.md.")
def mcp(
    index: cli.IndexOption = None,
    http: Annotated[
        bool,
        typer.Option(
            "--http", help=f"Streamable HTTP on {HOST}, for this machine only, instead of standard input."
        ),
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on with --http.")] = 8765,
) -> None:
    """Let an app's language model search, ask and read the articles, by the Model Context Protocol.

    Without --http it speaks over standard input and output, as apps start it. It only reads.
    """
    settings = cli._settings(index)
    with cli._ready(settings) as opened:
        from rag.answering.engine import AnswerEngine
        from rag.apps import mcp as protocol
        from rag.apps.gguf_child import load
        from rag.retrieval.retriever import Retriever

        engine = AnswerEngine(Retriever(opened, settings), generator=load(settings))
        server = protocol.server_over(engine)
        with suppress(KeyboardInterrupt):
            if http:
                _serve_http(server, port)
            else:
                asyncio.run(protocol.serve_stdio(server))


def _serve_http(server: Server[dict[str, Any]], port: int) -> None:
    """Serve over HTTP until Ctrl-C; other hosts' names and pages are turned away (DNS rebinding)."""
    import uvicorn

    from rag.apps.service.running import listening

    with listening(HOST, port) as listener:
        config = uvicorn.Config(
            server.streamable_http_app(streamable_http_path=PATH, host=HOST),
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        typer.echo(f"MCP server: http://{HOST}:{port}{PATH} (Ctrl-C stops it)", err=True)
        uvicorn.Server(config).run(sockets=[listener])
