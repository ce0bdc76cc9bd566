"""An OpenAI-compatible server on loopback that answers as it is told to, whatever it is asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = dict[str, Any]


@dataclass
class Turn:
    """One answer: a status, then tokens, then maybe a way to go wrong.

    Attributes:
        ending: "done"; "cut" closes the connection in the middle, "hang" says nothing more, "garbage" sends no JSON.
    """

    tokens: list[str] | Callable[[Request], list[str]] = field(default_factory=list)
    status: int = 200
    ending: str = "done"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": {"message": "scripted", "type": "x", "code": "y"}}'
    pause: float = 0.0


@dataclass
class Script:
    """What a running server will answer, and what it was asked."""

    url: str
    turns: list[Turn]
    requests: list[Request] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Turn:
        return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]


@contextmanager
def serving(*turns: Turn) -> Iterator[Script]:
    """A server that takes the turns one by one and repeats the last."""
    script = Script("", list(turns))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            script.requests.append(request)
            script.keys.append(self.headers.get("authorization", ""))
            turn = script.next()
            self.close_connection = True
            if turn.status != 200:
                self.send_response(turn.status)
                for name, value in {**turn.headers, "content-length": str(len(turn.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(turn.body)
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            tokens = turn.tokens(request) if callable(turn.tokens) else turn.tokens
            for token in tokens:
                time.sleep(turn.pause)
                self._event(json.dumps(chunk(token)))
            if turn.ending == "hang":
                script.stop.wait(20)
            elif turn.ending == "garbage":
                self._event("{not json")
            elif turn.ending == "cut":
                self.wfile.flush()
                return  # without the closing chunk
            self._event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")

        def _event(self, data: str) -> None:
            line = f"data: {data}\n\n".encode()
            try:
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.stop.set()
        server.shutdown()
        server.server_close()


def chunk(token: str) -> dict[str, Any]:
    delta = {"role": "assistant", "content": token}
    return {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }


def words(text: str) -> list[str]:
    """A text as a model would stream it: a word at a time, spaces in front."""
    return [piece if place == 0 else f" {piece}" for place, piece in enumerate(text.split(" "))]
