"""Who may ask: known hosts, pages of our own, the right token, and not too often.

Host and Origin are looked at although the service listens on loopback: any page in the browser of the person at the
machine can send requests to loopback, and a name that changes its address (DNS rebinding) makes them look like ours.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import re
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from rag.apps.service.config import ServiceConfig, is_loopback
from rag.apps.service.errors import ServiceError, error_response
from rag.apps.service.limits import Buckets, client_of

COOKIE = "rag_session"
SESSION_SECONDS = 30 * 24 * 3600
LOGIN = "/login"
OPEN_TO_ALL = frozenset(("/healthz", "/readyz"))
_API = ("/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json")
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_MOST_HEADERS, _HEADER_BYTES = 100, 32 * 1024
_PAGE_TIMES = 10
_WRONG_TOKENS = 20  # a minute and client
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")


def is_api(path: str) -> bool:
    """Whether a path belongs to the service, not to the page."""
    return path == "/v1" or path.startswith(_API)


class Tokens:
    """Compares tokens in constant time, and makes the page's session out of one.

    Args:
        token: the right one; None lets everybody in.
        clock: seconds since 1970.
        ticks: seconds, for the pace of wrong ones.
    """

    def __init__(
        self,
        token: str | None,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_set = token is not None
        self._digest = hashlib.sha256((token or "").encode()).digest()
        self._key = hmac.new((token or "").encode(), b"rag serve: session", hashlib.sha256).digest()
        self._clock = clock
        self._wrong = Buckets(_WRONG_TOKENS, burst=_WRONG_TOKENS, clock=ticks)

    def fits(self, given: str) -> bool:
        """Whether it is the right token; takes as long for one that is nearly right."""
        # digests are of one length, so not even the token's length can be told from the time
        digest = hashlib.sha256(given.encode("utf-8", "replace")).digest()
        return hmac.compare_digest(digest, self._digest)

    def try_for(self, client: str, given: str) -> bool | None:
        """Whether a client gave the right token; None when it gave too many wrong ones, whatever this one is."""
        if not self.is_set:
            return True
        if self._wrong.left(client) < 1:
            return None
        if self.fits(given):
            return True
        self._wrong.take(client)
        return False

    def session(self) -> str:
        """A cookie's value that lets a browser in for a month; it does not contain the token."""
        until = str(int(self._clock()) + SESSION_SECONDS)
        return f"{until}.{self._signed(until)}"

    def is_session(self, value: str) -> bool:
        """Whether a cookie's value was made by `session` and still holds."""
        until, _, signature = value.partition(".")
        genuine = hmac.compare_digest(self._signed(until).encode(), signature.encode("utf-8", "replace"))
        return genuine and until.isdecimal() and int(until) > self._clock()

    def _signed(self, until: str) -> str:
        return hmac.new(self._key, until.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Gate:
    """Stands before everything else and lets through what may come in.

    Args:
        app: what is asked next.
        config: of the service.
        tokens: compares them.
        refused: told the reason of each refusal, for the counters.
    """

    def __init__(
        self, app: Any, config: ServiceConfig, tokens: Tokens, refused: Callable[[str], None]
    ) -> None:
        self.app = app
        self._config = config
        self._tokens = tokens
        self._refused = refused
        self._rate = Buckets(config.rate)
        self._page_rate = Buckets(config.rate * _PAGE_TIMES)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        error = self._objection(scope)
        if error is None:
            await self.app(scope, receive, send)
            return
        self._refused(error.code or "")
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif error.status == 401 and _wants_page(scope):
            await sign_in_page()(scope, receive, send)
        else:
            await error_response(error, str(scope.get("rag_request_id", "")))(scope, receive, send)

    def _objection(self, scope: Any) -> ServiceError | None:
        if len(scope["headers"]) > _MOST_HEADERS or _weight(scope) > _HEADER_BYTES:
            return ServiceError(431, "too many headers, or too long ones", code="headers")
        headers = _headers(scope)
        if scope["path"] in OPEN_TO_ALL:
            return self._host_objection(headers)
        client = client_of(scope)
        wait = self._wait(scope, client)
        if wait:
            return ServiceError(
                429,
                f"more than {self._config.rate} requests a minute; next step: wait {math.ceil(wait)} s",
                code="rate",
                headers={"retry-after": str(math.ceil(wait))},
            )
        return (
            self._host_objection(headers)
            or self._origin_objection(scope, headers)
            or self._token_objection(scope, headers, client)
        )

    def _wait(self, scope: Any, client: str) -> float:
        """Seconds until this client may ask again, 0 for now."""
        if is_api(scope["path"]):
            return self._rate.take(client)
        # a page is many files, and a file that is dropped on it comes in many pieces
        return 0.0 if scope.get("method") in _SAFE else self._page_rate.take(client)

    def _host_objection(self, headers: dict[bytes, list[str]]) -> ServiceError | None:
        given = headers.get(b"host", [])
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if found is None or not self._is_ours(found[1].lower()):
            return ServiceError(
                421,
                "this service is not known by the name in the header Host; next step: use its address, or name it in "
                "serve_hosts",
                code="host",
            )
        return None

    def _is_ours(self, name: str) -> bool:
        if name in self._config.hosts or name.strip("[]") == self._config.host.lower().strip("[]"):
            return True
        if is_loopback(name):
            return True
        if is_loopback(self._config.host):
            return False
        try:  # an address cannot be rebound, and who listens on all of them does not know which
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _origin_objection(self, scope: Any, headers: dict[bytes, list[str]]) -> ServiceError | None:
        """What a browser says about the page that sends a request; programs say nothing and are believed."""
        origins = headers.get(b"origin", [])
        if origins and (len(origins) > 1 or not _same(origins[0], headers[b"host"][0])):
            return _foreign()
        site = headers.get(b"sec-fetch-site", ["none"])[0]
        if site in ("cross-site", "same-site"):
            # a link from elsewhere may open the page; nothing else from elsewhere may ask for anything
            opens = scope.get("method") in _SAFE and headers.get(b"sec-fetch-mode", [""])[0] == "navigate"
            if not opens or is_api(scope["path"]):
                return _foreign()
        return None

    def _token_objection(
        self, scope: Any, headers: dict[bytes, list[str]], client: str
    ) -> ServiceError | None:
        if not self._tokens.is_set or scope["path"] == LOGIN:
            return None
        if self._is_signed_in(scope, headers):
            return None
        given = headers.get(b"authorization", [])
        if given:
            scheme, _, token = given[0].partition(" ")
            is_one = len(given) == 1 and scheme.lower() == "bearer"
            allowed = self._tokens.try_for(client, token.strip() if is_one else "")
            if allowed is None:
                return ServiceError(
                    429,
                    "too many wrong tokens; next step: wait a minute",
                    code="wrong_tokens",
                    headers={"retry-after": "60"},
                )
            if allowed:
                return None
        return ServiceError(
            401,
            "a token is needed: send it as the header Authorization: Bearer TOKEN",
            code="token",
            headers={"www-authenticate": "Bearer"},
        )

    def _is_signed_in(self, scope: Any, headers: dict[bytes, list[str]]) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load("; ".join(headers.get(b"cookie", [])))
        except CookieError:
            return False
        return COOKIE in cookies and self._tokens.is_session(cookies[COOKIE].value)


def _headers(scope: Any) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.lower(), []).append(value.decode("latin-1"))
    return found


def _weight(scope: Any) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"])


def _same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() and bool(host)


def _foreign() -> ServiceError:
    return ServiceError(403, "requests from other sites' pages are not answered", code="origin")


def _wants_page(scope: Any) -> bool:
    accepted = ",".join(_headers(scope).get(b"accept", []))
    return scope.get("method") == "GET" and not is_api(scope["path"]) and "text/html" in accepted


def sign_in_page(problem: str = "", status: int = 401) -> HTMLResponse:
    """The page that asks for the token; nothing that was typed is shown again."""
    said = f'<p role="alert">{problem}</p>' if problem else ""
    return HTMLResponse(_SIGN_IN.replace("<!--said-->", said), status_code=status)


_SIGN_IN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer"><title>Ask the articles: sign in</title>
<style>
:root { color-scheme: light dark }
body { font: 17px/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh; margin: 0 1rem }
label { display: block; margin-bottom: .3rem }
input, button { font: inherit; padding: .4rem .7rem }
p[role=alert] { color: #b3261e }
@media (prefers-color-scheme: dark) { p[role=alert] { color: #f2b8b5 } }
</style></head>
<body><main><h1>Ask the articles</h1><!--said-->
<form method="post" action="/login">
<label for="token">The token that <code>rag serve</code> was started with</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form></main></body></html>
"""
