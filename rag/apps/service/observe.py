"""What is told about a request: its id, one line in the log, the counters, and headers that keep it to itself.

The log is one JSON object a line. It names the route, never what was asked: a path or a query may hold a person's
words. Questions stand in it only where the settings ask for that.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rag.apps.service.guard import is_api
from rag.apps.service.limits import client_of

if TYPE_CHECKING:
    from rag.apps.service.metrics import Metrics

LOG = logging.getLogger("rag.service")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_API_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# the page's own policy comes with the page; this one is for what else is served beside it
_PAGE_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
)
_ALL_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, event, and what came with it as ``extra={"told": {…}}``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=True)


class Observer:
    """Gives every request an id, and tells what became of it.

    Args:
        app: what is asked next.
        metrics: the counters.
    """

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        ident = scope["rag_request_id"] = _ident(scope)
        api = is_api(scope["path"])
        status, size, began = 0, 0, time.perf_counter()

        async def watched(message: Any) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _headed(message.get("headers", []), ident, api)}
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            route = _route(scope, api)
            self._metrics.answered(scope["method"], route, status or 500, seconds)
            if api:
                told = {
                    "id": ident,
                    "client": client_of(scope),
                    "method": scope["method"],
                    "route": route,
                    "status": status or 500,
                    "ms": round(seconds * 1000, 1),
                    "bytes": size,
                    **scope.get("rag_told", {}),
                }
                LOG.info("request", extra={"told": told})


def tell(scope: Any, **told: Any) -> None:
    """Add something to a request's line in the log."""
    scope.setdefault("rag_told", {}).update(told)


def _ident(scope: Any) -> str:
    """The id that the asker gave, if it is harmless in a log, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    return secrets.token_hex(8)


def _route(scope: Any, api: bool) -> str:
    """The route as it was declared, so that the counters stay few and no name of an article is told."""
    if not api:
        return "page"
    route = scope.get("route")
    return str(getattr(route, "path_format", None) or getattr(route, "path", None) or "none")


def _headed(headers: Any, ident: str, api: bool) -> list[tuple[bytes, bytes]]:
    given = [(name, value) for name, value in headers if name.lower() != b"server"]
    names = {name.lower() for name, _ in given}
    more = [
        *(_API_HEADERS if api else _PAGE_HEADERS),
        *_ALL_HEADERS,
        (b"x-request-id", ident.encode("ascii")),
    ]
    return [*given, *(header for header in more if header[0] not in names)]
