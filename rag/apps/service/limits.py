"""How much and how often: a bucket of requests per client, and bodies that are neither too large nor too slow."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from rag.apps.service.errors import ServiceError, error_response

MOST_CLIENTS = 10_000  # remembered; the one that was quiet longest is forgotten first


class Buckets:
    """A token bucket per client: so many a minute, and a sixth of that at once.

    Args:
        rate: a minute; 0 lets everything through.
        burst: how many at once.
        clock: seconds.
    """

    def __init__(
        self, rate: int, burst: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate / 60
        self._burst = float(burst if burst is not None else max(1, rate // 6))
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, client: str) -> float:
        """How many a client may still send just now."""
        if not self._rate:
            return 1.0
        now = self._clock()
        level, then = self._known.get(client, (self._burst, now))
        return min(self._burst, level + (now - then) * self._rate)

    def take(self, client: str) -> float:
        """Take one; 0 when there was one, else the seconds until there is."""
        if not self._rate:
            return 0.0
        level = self.left(client)
        taken = level >= 1
        self._known[client] = (level - 1 if taken else level, self._clock())
        self._known.move_to_end(client)
        if len(self._known) > MOST_CLIENTS:
            self._known.popitem(last=False)
        return 0.0 if taken else (1 - level) / self._rate


def client_of(scope: Any) -> str:
    """Who asks, by address; headers that claim another address are not believed. Of IPv6 the network counts."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


class BodyLimit:
    """Refuses bodies that are too large, by what they announce and by what comes, and waits for them only so long.

    Args:
        app: what is asked next.
        limit_for: bytes allowed, by the scope of the request.
        seconds: for a whole body to arrive.
    """

    def __init__(self, app: Any, limit_for: Callable[[Any], int], seconds: float) -> None:
        self.app = app
        self._limit_for = limit_for
        self._seconds = seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit_for(scope)
        announced = [value for name, value in scope["headers"] if name == b"content-length"]
        if announced and (not announced[0].isdigit() or int(announced[0]) > limit):
            await self._refuse(_too_large(limit), scope, receive, send)
            return
        seen = 0
        deadline: float | None = None
        whole = False
        started = False

        async def counted() -> Any:
            nonlocal seen, deadline, whole
            if whole:
                return await receive()
            loop = asyncio.get_running_loop()
            deadline = deadline or loop.time() + self._seconds
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise ServiceError(
                    408,
                    f"the body did not arrive within {self._seconds:.0f} s",
                    headers={"connection": "close"},
                ) from None
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if seen > limit:
                    raise _too_large(limit)
            return message

        async def watched(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except ServiceError as error:
            if started:
                raise
            await self._refuse(error, scope, receive, send)

    @staticmethod
    async def _refuse(error: ServiceError, scope: Any, receive: Any, send: Any) -> None:
        await error_response(error, str(scope.get("rag_request_id", "")))(scope, receive, send)


def _too_large(limit: int) -> ServiceError:
    shown = f"{limit // (1024 * 1024)} MiB" if limit >= 1024 * 1024 else f"{limit} bytes"
    # what is still to come is not read; the connection cannot be used again
    return ServiceError(413, f"the body is larger than {shown}", headers={"connection": "close"})
