"""How the service is run: uvicorn's settings, the log on standard error, and a socket of its own."""

from __future__ import annotations

import logging
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from rag.apps.service.observe import JsonLines
from rag.errors import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

_GRACE = 3  # seconds that what is being answered may still take after Ctrl-C
_MOST_CONNECTIONS = 512


def server(app: FastAPI) -> uvicorn.Server:
    """A server for an app; ``run(sockets=[…])`` starts it."""
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
            limit_concurrency=_MOST_CONNECTIONS,
        )
    )


def log_to_stderr() -> None:
    """One JSON object a line: each request, and what uvicorn has to complain about."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("rag.service", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to an address.

    Raises:
        InputError: the port is taken, or the address is not this machine's.
    """
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


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds it."""
    plain = host.strip("[]")
    known = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return f"http://{known.get(plain, f'[{plain}]' if ':' in plain else plain)}:{port}"
