"""Asking and searching: the same JSON as the command line's, whole or as it is made."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from rag.answering.engine import AnswerEngine
from rag.apps.schema import answer_json, hits_json
from rag.apps.service.responses import AnswerOut, HitsOut

QUESTION = "When will the joint venture be founded?"
FOLLOW_UP = "Who will own it?"
NOT_THERE = "Who won the chess world championship in 1972?"


def exactly(model: type[BaseModel], value: dict[str, Any]) -> None:
    """The model describes all of the JSON: nothing is missing, and nothing there is unknown to it."""
    assert model.model_validate(value).model_dump(mode="json", exclude_unset=True) == value


def untimed(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "timings_ms"}


def events(lines: list[str]) -> list[tuple[str, dict[str, Any]]]:
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return list(zip(names, data, strict=True))


def ask(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    told = client.post("/v1/ask", json=asked)
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


@pytest.mark.parametrize("question", [QUESTION, NOT_THERE])
def test_an_answer_is_what_the_command_line_prints(
    client: httpx.Client, engine: AnswerEngine, question: str
) -> None:
    told = ask(client, question=question)
    assert untimed(told) == untimed(json.loads(json.dumps(answer_json(engine.ask(question)))))
    exactly(AnswerOut, told)


def test_every_quote_is_exactly_what_stands_in_the_text_that_is_served(client: httpx.Client) -> None:
    citations = [
        citation
        for statement in ask(client, question=QUESTION)["statements"]
        for citation in statement["citations"]
    ]
    assert citations
    for citation in citations:
        text = client.get(f"/v1/documents/{citation['path']}/text").json()["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]


@pytest.mark.parametrize("with_answer", [False, True], ids=["question", "question and answer"])
def test_a_follow_up_is_searched_with_its_context(
    client: httpx.Client, engine: AnswerEngine, with_answer: bool
) -> None:
    first = engine.ask(QUESTION)
    turn = {"question": QUESTION, "answer": first.text} if with_answer else QUESTION
    told = ask(client, question=FOLLOW_UP, history=[turn])
    history = [(QUESTION, first.text)] if with_answer else [QUESTION]
    assert told["query"] == engine.ask(FOLLOW_UP, history=history).query != FOLLOW_UP


def test_a_stream_tells_each_step_and_ends_with_the_answer(
    client: httpx.Client, engine: AnswerEngine
) -> None:
    with client.stream("POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as told:
        assert told.headers["content-type"].startswith("text/event-stream")
        found = events(list(told.iter_lines()))
    truth = answer_json(engine.ask(QUESTION))
    names = [name for name, _ in found]
    assert names == ["searched", *["statement"] * len(truth["statements"]), "completed"]
    exactly(HitsOut, found[0][1])
    assert [data for name, data in found if name == "statement"] == truth["statements"]
    assert untimed(found[-1][1]) == untimed(json.loads(json.dumps(truth)))


def test_what_a_stream_cannot_begin_is_refused_with_a_status(client: httpx.Client) -> None:
    filters = {"after": "2024-02-01", "before": "2024-01-01"}
    told = client.post("/v1/ask", json={"question": QUESTION, "stream": True, "filters": filters})
    assert told.status_code == 400
    assert "exchange the two dates" in told.json()["error"]["message"]


def test_filters_decide_which_articles_answer(client: httpx.Client) -> None:
    path = ask(client, question=QUESTION)["sources"][0]["path"]
    others = [
        document["path"]
        for document in client.get("/v1/documents").json()["documents"]
        if document["path"] != path
    ]
    told = ask(client, question=QUESTION, filters={"paths": others})
    assert path not in {source["path"] for source in told["sources"]}


def test_a_search_is_what_the_command_line_prints(client: httpx.Client, engine: AnswerEngine) -> None:
    told = client.post("/v1/search", json={"query": "joint venture", "k": 3})
    assert told.json() == hits_json("joint venture", engine.retriever.retrieve("joint venture", k=3))
    assert len(told.json()["hits"]) == 3
    exactly(HitsOut, told.json())


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/ask", {}, "question"),
        ("/v1/ask", {"question": " \n"}, "question"),
        ("/v1/ask", {"question": "x" * 2_001}, "question"),
        ("/v1/ask", {"question": "x", "histori": []}, "histori"),
        ("/v1/ask", {"question": "x", "history": ["y"] * 21}, "history"),
        ("/v1/ask", {"question": "x", "filters": {"after": "soon"}}, "filters.after"),
        ("/v1/search", {"query": "x", "k": 0}, "k"),
        ("/v1/search", {"query": "x", "k": 101}, "k"),
    ],
)
def test_what_is_out_of_bounds_is_named(
    client: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    told = client.post(path, json=body)
    assert told.status_code == 422
    error = told.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request", param)
    assert error["request_id"] == told.headers["x-request-id"]


def test_half_a_character_is_no_reason_to_fail(client: httpx.Client) -> None:
    body = b'{"question": "When \\ud800 will the joint venture be founded?"}'
    told = client.post("/v1/ask", content=body, headers={"content-type": "application/json"})
    assert told.status_code in (200, 422)
