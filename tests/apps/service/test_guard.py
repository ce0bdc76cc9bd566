"""Who may ask: the right name, our own pages, the right token, not too often."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from apps.service.conftest import TOKEN, Serve, Served, serving

from rag.answering.engine import AnswerEngine
from rag.apps.service.config import ServiceConfig
from rag.apps.service.guard import SESSION_SECONDS, Gate, Tokens, is_api
from rag.index.index import Index

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def locked(seeds_index: Index, engine: AnswerEngine) -> Iterator[Served]:
    """With a token."""
    with serving(seeds_index, engine, ServiceConfig(rate=0, token=TOKEN, read_only=True)) as served:
        yield served


def code(told: httpx.Response) -> tuple[int, str | None]:
    return told.status_code, told.json()["error"]["code"]


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST", "127.0.0.9:1"]
)
def test_the_names_of_this_machine_are_known(served: Served, host: str) -> None:
    told = httpx.get(f"{served.url}/healthz", headers={"host": host.format(port=served.port)})
    assert told.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.0.2.1",
        "a b",
        "localhost@evil",
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/v1/documents"])
def test_other_names_are_not(served: Served, host: str, path: str) -> None:
    assert code(httpx.get(f"{served.url}{path}", headers={"host": host})) == (421, "host")


def test_a_name_of_ones_own_can_be_given(serve: Serve) -> None:
    url = serve(ServiceConfig(hosts=("news.example",))).url
    assert httpx.get(f"{url}/v1/documents", headers={"host": "News.example:80"}).status_code == 200
    assert code(httpx.get(f"{url}/v1/documents", headers={"host": "x.news.example"})) == (421, "host")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_of_other_sites_get_nothing(served: Served, headers: dict[str, str], method: str) -> None:
    told = httpx.request(method, f"{served.url}/v1/documents", headers=headers)
    assert code(told) == (403, "origin")
    assert not any(name.startswith("access-control") for name in told.headers)


def test_our_own_page_may_ask(served: Served) -> None:
    headers = {"origin": served.url, "sec-fetch-site": "same-origin"}
    assert httpx.get(f"{served.url}/v1/documents", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/documents", "/v1/models", "/metrics", "/openapi.json", "/v1/none", "/none"]
)
def test_everything_but_health_needs_the_token(locked: Served, path: str) -> None:
    told = httpx.get(f"{locked.url}{path}")
    assert code(told) == (401, "token")
    assert told.headers["www-authenticate"] == "Bearer"
    allowed = httpx.get(f"{locked.url}{path}", headers={"authorization": f"Bearer {TOKEN}"})
    assert allowed.status_code in (200, 404)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_does_not(locked: Served, path: str) -> None:
    assert httpx.get(f"{locked.url}{path}").status_code == 200


def test_the_openapi_says_so(locked: Served) -> None:
    schema = httpx.get(f"{locked.url}/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert schema["paths"]["/v1/ask"]["post"]["security"] == [{"token": []}]
    assert "security" not in schema["paths"]["/healthz"]["get"]


def test_a_browser_signs_in_once(locked: Served) -> None:
    with httpx.Client(base_url=locked.url) as browser:
        asked = browser.get("/", headers=HTML)
        assert asked.status_code == 401 and 'type="password"' in asked.text
        assert browser.post("/login", data={"token": "<b>wrong"}).status_code == 401
        assert not browser.cookies
        signed_in = browser.post("/login", data={"token": TOKEN})
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
        assert browser.get("/v1/documents").status_code == 200
        assert browser.get("/v1/documents", headers={"origin": "https://evil.example"}).status_code == 403


def test_what_was_typed_is_not_shown_again(locked: Served) -> None:
    told = httpx.post(f"{locked.url}/login", data={"token": "<script>alert(1)</script>"})
    assert "alert(1)" not in told.text


def test_a_form_that_is_not_ours_is_a_wrong_token(locked: Served) -> None:
    for form in (b"a=1&" * 50, b"\xff\xfe", b"token", b"token=" + b"x" * 100_000):
        told = httpx.post(f"{locked.url}/login", content=form)
        assert told.status_code == 401


def test_a_session_holds_for_a_month_and_cannot_be_made_up() -> None:
    now = [1_000_000.0]
    tokens = Tokens(TOKEN, clock=lambda: now[0])
    session = tokens.session()
    until, _, signature = session.partition(".")
    assert tokens.is_session(session)
    for other in ("", ".", f"{until}.", f"{int(until) + 1}.{signature}", f"{until}.{signature[:-1]}0", "é.é"):
        assert not tokens.is_session(other)
    assert not Tokens(TOKEN + "x", clock=lambda: now[0]).is_session(session)
    now[0] += SESSION_SECONDS + 1
    assert not tokens.is_session(session)


def test_guessing_is_stopped(seeds_index: Index, engine: AnswerEngine) -> None:
    with (
        serving(seeds_index, engine, ServiceConfig(rate=0, token=TOKEN)) as served,
        httpx.Client(base_url=served.url) as guesser,
    ):
        told = guesser.get("/v1/models", headers={"authorization": "Bearer guess"})
        assert code(told) == (401, "token")
        for _ in range(100):
            told = guesser.get("/v1/models", headers={"authorization": "Bearer guess"})
            if told.status_code == 429:
                break
        assert code(told) == (429, "wrong_tokens")
        assert guesser.get("/healthz").status_code == 200


def test_who_guessed_too_often_is_not_let_in_with_the_right_one_either() -> None:
    now = [0.0]
    tokens = Tokens(TOKEN, ticks=lambda: now[0])
    assert [tokens.try_for("a", "wrong") for _ in range(21)] == [*[False] * 20, None]
    assert tokens.try_for("a", TOKEN) is None
    assert tokens.try_for("b", TOKEN) is True
    now[0] += 4
    assert tokens.try_for("a", TOKEN) is True


def test_too_often_is_told_with_the_wait(serve: Serve) -> None:
    url = serve(ServiceConfig(rate=6)).url
    with httpx.Client(base_url=url) as client:
        assert client.get("/v1/models").status_code == 200
        told = client.get("/v1/models")
        assert code(told) == (429, "rate") and 1 <= int(told.headers["retry-after"]) <= 10
        assert client.get("/healthz").status_code == 200
        assert client.get("/assets/page.js").status_code == 404


def test_the_pages_many_files_and_pieces_are_not_too_often() -> None:
    gate = Gate(None, ServiceConfig(rate=60), Tokens(None), lambda reason: None)

    def waits(method: str, path: str, times: int) -> int:
        scope = {"path": path, "method": method}
        return sum(gate._wait(scope, "a") > 0 for _ in range(times))

    assert waits("GET", "/assets/page.js", 1_000) == 0
    assert waits("POST", "/gradio_api/component_server", 90) == 0
    assert waits("POST", "/gradio_api/component_server", 1_000) > 0
    assert waits("GET", "/v1/models", 30) > 0


def test_what_belongs_to_the_service() -> None:
    assert is_api("/v1/ask") and is_api("/v1") and is_api("/metrics")
    assert not is_api("/") and not is_api("/v1x") and not is_api("/gradio_api/queue")
