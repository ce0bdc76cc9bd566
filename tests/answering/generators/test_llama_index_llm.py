"""A real client of an OpenAI-compatible server, and everything a server can do to it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from scripted_server import Turn, serving, words

from rag.answering.events import Preparing
from rag.answering.generative import preparing
from rag.answering.generators.configured import load_generator
from rag.answering.generators.protocol import Generator, GeneratorError, Prompt
from rag.settings import Settings

pytest.importorskip("llama_index.llms.openai_like", reason="needs the extra openai")
PROMPT = Prompt("You are terse.", "Say hello.")
SAID = words("Hello there, friend.")


def client(url: str, **settings: Any) -> Generator:
    generator = load_generator(Settings(generator="openai:m", generator_url=url, **settings))
    assert generator is not None
    return generator


def test_tokens_come_one_by_one_with_the_prompt_sent_as_it_is() -> None:
    with serving(Turn(SAID)) as script:
        assert list(client(script.url).stream(PROMPT, 7)) == SAID
    (request,) = script.requests
    assert [message["content"] for message in request["messages"]] == [PROMPT.system, PROMPT.user]
    assert request["max_tokens"] == 7
    assert request["temperature"] == 0
    assert request["stream"] is True


def test_loading_a_library_is_told_once() -> None:
    with serving(Turn(SAID)) as script:
        asked = client(script.url)
        assert list(preparing(asked)) == [Preparing("loading openai:m; the first time this takes a while")]
        list(asked.stream(PROMPT))
        assert list(preparing(asked)) == []


def test_the_first_token_is_there_before_the_last_is_written() -> None:
    with serving(Turn(SAID, pause=0.2)) as script:
        list(client(script.url).stream(PROMPT))  # the libraries are loaded
        started = time.monotonic()
        stream = client(script.url).stream(PROMPT)
        next(stream)
        first = time.monotonic() - started
        list(stream)
        assert time.monotonic() - started > first + 0.2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    with serving(Turn(status=status, headers={"retry-after": "0.01"}), Turn(SAID)) as script:
        assert list(client(script.url).stream(PROMPT)) == SAID
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("turn", "said", "requests"),
    [
        (Turn(status=429, headers={"retry-after": "0"}), r"overloaded \(HTTP 429\)", 3),
        (Turn(status=500, headers={"retry-after": "0"}), r"failed \(HTTP 500\)", 3),
        (Turn(status=401), r"refuses the key \(HTTP 401\)", 1),
        (Turn(status=404), r"not known to its server", 1),
        (Turn(status=400), r"refused the request \(HTTP 400\)", 1),
        (Turn(SAID, ending="cut"), r"broke off in the middle", 1),
        (Turn(SAID, ending="garbage"), r"broke off: what it sent cannot be read in the middle", 1),
        (Turn([], ending="garbage"), r"broke off", 1),
        (Turn(SAID, ending="hang"), r"said nothing for 0.5 s in the middle", 1),
        (Turn([], ending="hang"), r"said nothing for 0.5 s", 1),
    ],
    ids=["429", "500", "401", "404", "400", "cut", "garbage", "only garbage", "hangs", "hangs at once"],
)
def test_whatever_goes_wrong_is_one_error_in_words(turn: Turn, said: str, requests: int) -> None:
    with serving(turn) as script, pytest.raises(GeneratorError, match=said):
        list(client(script.url, generator_timeout=0.5).stream(PROMPT))
    assert len(script.requests) == requests


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(GeneratorError, match="cannot be reached"):
        list(client("http://127.0.0.1:9/v1").stream(PROMPT))


def test_a_server_that_never_stops_writing_is_left() -> None:
    with serving(Turn(["word "] * 3000)) as script:
        written = "".join(client(script.url, generator_tokens=16).stream(PROMPT))
    assert len(written) < 300


def test_an_empty_answer_is_no_error() -> None:
    with serving(Turn([])) as script:
        assert list(client(script.url).stream(PROMPT)) == []


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    refused = Turn(status=401, body=b'{"error": {"message": "sk-very-secret"}}')
    with serving(refused) as script, pytest.raises(GeneratorError) as caught:
        list(client(script.url).stream(PROMPT))
    assert script.keys == ["Bearer sk-very-secret"]
    assert "secret" not in str(caught.value)


def test_without_a_key_none_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(Turn(SAID)) as script:
        list(client(script.url).stream(PROMPT))
    assert script.keys == ["Bearer none"]
