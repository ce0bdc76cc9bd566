"""Ollama's own protocol: JSON lines, options for length and temperature."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.answering.generators.configured import load_generator
from rag.answering.generators.protocol import GeneratorError, Prompt
from rag.settings import Settings

pytest.importorskip("llama_index.llms.ollama", reason="needs the extra ollama")
PROMPT = Prompt("You are terse.", "Say hello.")


class Ollama(ThreadingHTTPServer):
    """Answers every chat with the same tokens, or with a status."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Ollama

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.server.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        if self.server.status != 200:
            self.wfile.write(b'{"error": "scripted"}')
            return
        for token, done in (("Hello", False), (" there", False), ("", True)):
            line = {"model": "m", "created_at": "2024-01-01T00:00:00Z", "done": done}
            message = {"role": "assistant", "content": token}
            self.wfile.write(json.dumps({**line, "message": message}).encode() + b"\n")


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    with Ollama() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_tokens_come_with_the_options_sent(ollama: Ollama) -> None:
    generator = load_generator(
        Settings(generator="ollama:m", generator_url=ollama.url, generator_window=2048)
    )
    assert generator is not None
    assert list(generator.stream(PROMPT, 9)) == ["Hello", " there"]
    (request,) = ollama.requests
    assert [message["content"] for message in request["messages"]] == [PROMPT.system, PROMPT.user]
    assert request["options"]["num_predict"] == 9
    assert request["options"]["num_ctx"] == 2048
    assert request["options"]["temperature"] == 0


@pytest.mark.parametrize(("status", "said", "times"), [(404, "not known", 1), (500, "failed", 2)])
def test_what_it_refuses_is_told(ollama: Ollama, status: int, said: str, times: int) -> None:
    ollama.status = status
    generator = load_generator(
        Settings(generator="ollama:m", generator_url=ollama.url, generator_retries=1, generator_timeout=10)
    )
    assert generator is not None
    with pytest.raises(GeneratorError, match=said):
        list(generator.stream(PROMPT))
    assert len(ollama.requests) == times
