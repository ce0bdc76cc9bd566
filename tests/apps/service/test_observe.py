"""What is told about a request: its id everywhere, a line in the log without its words, counters that stay few."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator

import httpx
import pytest
from apps.service.conftest import Serve, Served
from prometheus_client.parser import text_string_to_metric_families

from rag.apps.service.config import ServiceConfig
from rag.apps.service.observe import LOG, JsonLines
from rag.index.index import Index

QUESTION = "When will the joint venture be founded?"


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def of(self, ident: str) -> dict[str, object]:
        """The line of one request; it is written after the answer has gone out."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = [told for told in map(json.loads, self.lines) if told.get("id") == ident]
            if found:
                assert len(found) == 1
                return dict(found[0])
            time.sleep(0.01)
        raise AssertionError(f"no line for {ident}")


@pytest.fixture
def log() -> Iterator[Lines]:
    handler, level = Lines(), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    yield handler
    LOG.removeHandler(handler)
    LOG.setLevel(level)


def samples(client: httpx.Client) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_line_says_how_it_went_and_nothing_of_what_was_asked(client: httpx.Client, log: Lines) -> None:
    told = client.post("/v1/ask", json={"question": QUESTION}, headers={"x-request-id": "mine-1"})
    assert told.headers["x-request-id"] == "mine-1"
    line = log.of("mine-1")
    assert line["event"] == "request" and line["route"] == "/v1/ask" and line["status"] == 200
    assert line["verdict"] == "answered" and line["bytes"] == len(told.content)
    client.get("/v1/documents/joint-venture-secret.txt/text", headers={"x-request-id": "mine-2"})
    client.get("/v1/documents?search=secret", headers={"x-request-id": "mine-3"})
    assert log.of("mine-2")["route"] == "/v1/documents/{path}/text"
    assert log.of("mine-3")["route"] == "/v1/documents"
    assert "venture" not in "".join(log.lines) and "secret" not in "".join(log.lines)


def test_questions_stand_in_the_log_where_that_is_wanted(serve: Serve, log: Lines) -> None:
    url = serve(ServiceConfig(log_questions=True)).url
    httpx.post(
        f"{url}/v1/search", json={"query": 'joint\n"venture"'}, headers={"x-request-id": "a"}, timeout=60
    )
    assert log.of("a")["question"] == 'joint\n"venture"'
    assert all("\n" not in line for line in log.lines)


@pytest.mark.parametrize("given", ["x" * 65, "a b", "a\tb", '"}{', "é"])
def test_an_id_that_would_spoil_the_log_is_replaced(client: httpx.Client, given: str) -> None:
    told = client.get("/healthz", headers={"x-request-id": given.encode()})
    assert told.headers["x-request-id"] != given
    assert len(told.headers["x-request-id"]) == 16


def test_a_bug_is_told_with_its_id_and_nothing_else(
    client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    def broken(self: Index) -> None:
        raise KeyError("inner workings")

    monkeypatch.setattr(Index, "documents", broken)
    told = client.get("/v1/documents", headers={"x-request-id": "bug"})
    assert told.status_code == 500
    assert "inner workings" not in told.text
    assert told.json()["error"]["request_id"] == "bug"
    assert log.of("bug")["status"] == 500


def test_counters_count(client: httpx.Client) -> None:
    route = ("method=POST", "route=/v1/ask", "status=200")
    before = samples(client)
    client.post("/v1/ask", json={"question": QUESTION})
    client.post("/v1/ask", json={"question": "Who won the chess world championship in 1972?"})
    after = samples(client)

    def grown(*key: str) -> float:
        return after[key] - before.get(key, 0.0)

    assert grown("rag_requests_total", *route) == 2
    assert grown("rag_request_seconds_count", "route=/v1/ask") == 2
    assert grown("rag_answers_total", "generator=extractive", "verdict=answered") == 1
    assert grown("rag_answers_total", "generator=extractive", "verdict=not_found") == 1
    assert after[("rag_ready",)] == 1 and after[("rag_documents",)] == 5
    assert after[("process_resident_memory_bytes",)] > 0


def test_nobody_can_make_them_many(client: httpx.Client) -> None:
    client.get("/metrics")
    before = len(samples(client))
    for number in range(20):
        client.request(f"M{number}", f"/v1/{number}")
        client.get(f"/{number}")
        client.get(f"/v1/documents/{number}.txt/text")
    assert len(samples(client)) - before < 80


def test_headers_keep_answers_to_themselves(client: httpx.Client) -> None:
    for path in ("/healthz", "/v1/documents", "/v1/none", "/none"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
    assert client.get("/v1/documents").headers["cache-control"] == "no-store"
