"""What keeps the page to itself: no other site may have things done here, whatever a browser lets it send."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from rag.apps.chat_look import Guard, own_names

OURS = "http://127.0.0.1:7860"


def client(host: str | None = "127.0.0.1") -> TestClient:
    hosts = own_names(host) if host else None
    app = FastAPI(middleware=[Middleware(Guard, hosts=hosts)])

    @app.get("/")
    def page() -> str:
        return "page"

    @app.post("/remove")
    def remove() -> str:
        return "removed"

    return TestClient(app, base_url=OURS)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:7860.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {
            "host": "evil.example",
            "origin": "http://evil.example",
        },  # a name that was made to mean this machine
        {"host": "127.0.0.1.evil.example:7860"},
        {"host": ""},
    ],
)
def test_other_sites_have_nothing_done(headers: dict[str, str]) -> None:
    reply = client().post("/remove", headers=headers)
    assert reply.status_code == 403 and "removed" not in reply.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": OURS}, {"origin": OURS, "sec-fetch-site": "same-origin"}, {"host": "LOCALHOST:7860"}],
)
def test_the_page_itself_and_programs_of_this_machine_have(headers: dict[str, str]) -> None:
    assert client().post("/remove", headers=headers).text == '"removed"'


def test_a_link_from_elsewhere_opens_the_page_under_its_own_name_only() -> None:
    reply = client().get("/", headers={"sec-fetch-site": "cross-site"})
    assert reply.status_code == 200 and "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert client().get("/", headers={"host": "evil.example"}).status_code == 403
    # behind somebody else's app, and where other machines come in, names are not ours to know
    assert client(None).get("/", headers={"host": "articles.example"}).status_code == 200
    assert client("0.0.0.0").get("/", headers={"host": "articles.example"}).status_code == 200
    assert own_names("::1") and own_names("[::1]")
