"""The service as a whole: what is not there, what is not ready, and its description."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from apps.service.conftest import TOKEN, Served
from fastapi.testclient import TestClient

from rag.answering.engine import AnswerEngine
from rag.apps.chat_desk import Desk
from rag.apps.service.app import create_app
from rag.apps.service.config import ServiceConfig
from rag.errors import InputError
from rag.index.index import Index


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/ask/", "/v2", "/docs", "/redoc"])
def test_what_is_not_there(client: httpx.Client, path: str) -> None:
    told = client.get(path)
    assert (told.status_code, told.json()["error"]["type"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/v1/ask", "POST"),
        ("GET", "/v1/chat/completions", "POST"),
        ("GET", "/v1/documents/a.txt", "DELETE, PUT"),
        ("POST", "/healthz", "GET"),
        ("TRACE", "/v1/documents", "GET, POST"),
    ],
)
def test_methods_that_are_not_taken(client: httpx.Client, method: str, path: str, allow: str) -> None:
    told = client.request(method, path)
    assert (told.status_code, told.headers["allow"]) == (405, allow)
    assert told.json()["error"]["type"] == "method_not_allowed"


def test_it_lives_before_it_is_ready_and_says_what_is_missing(
    engine: AnswerEngine, seeds_index: Index
) -> None:
    go_on = threading.Event()
    problem = "there is no index at x; next step: rag sync FOLDER"
    found: list[tuple[AnswerEngine, Index]] = []

    def opener() -> tuple[AnswerEngine, Index]:
        assert go_on.wait(30)
        if not found:
            raise InputError(problem)
        return found[0]

    app = create_app(Desk(opener, Path("x")))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (
            503,
            {"status": "starting"},
        )
        go_on.set()
        while app.state.service.is_starting:
            time.sleep(0.01)
        told = client.get("/readyz")
        assert (told.status_code, told.json()) == (503, {"status": "not_ready", "reason": problem})
        asked = client.post("/v1/ask", json={"question": "x"})
        assert (asked.status_code, asked.json()["error"]["message"]) == (503, problem)
        found.append((engine, seeds_index))
        assert client.get("/readyz").json() == {"status": "ready"}
        assert client.post("/v1/search", json={"query": "joint venture"}).status_code == 200


def test_with_a_token_readiness_keeps_the_reason_to_itself() -> None:
    def opener() -> Any:
        raise InputError("there is no index at /home/somebody/index")

    app = create_app(Desk(opener, Path("x")), ServiceConfig(token=TOKEN))
    with TestClient(app, base_url="http://localhost") as client:
        while app.state.service.is_starting:
            time.sleep(0.01)
        assert client.get("/readyz").json() == {"status": "not_ready"}


def test_every_example_of_the_openapi_is_taken(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    tried = 0
    for path, operations in schema["paths"].items():
        body = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if body is None:
            continue
        name = body["schema"]["$ref"].rpartition("/")[2]
        examples = schema["components"]["schemas"][name]["examples"]
        assert examples
        for example in examples:
            told = client.post(path, json=example)
            assert told.status_code == 200, (path, example, told.text)
            tried += 1
    assert tried >= 6


def test_every_operation_says_what_it_is_for(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    operations = [one for paths in schema["paths"].values() for one in paths.values()]
    assert len(operations) == 14
    assert all(one["summary"] and one["description"] and one["tags"] for one in operations)
    assert "HTTPValidationError" not in json.dumps(schema)


def test_the_page_can_be_mounted_beneath(served: Served) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount

    app = create_app(Desk(lambda: (served.engine, served.index), served.index.path))
    app.router.routes.append(Mount("/", PlainTextResponse("the page")))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/").text == "the page"
        assert "script-src" in client.get("/").headers["content-security-policy"]
        assert client.get("/v1/none").json()["error"]["type"] == "not_found"
        assert client.patch("/v1/ask").headers["allow"] == "POST"
        assert client.post("/healthz").headers["allow"] == "GET"
        assert client.put("/openapi.json").headers["allow"] == "GET, HEAD"
