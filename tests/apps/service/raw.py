"""Requests as bytes: what no well-behaved client would send."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """What came back: the status of each answer, and all bytes."""

    statuses: tuple[int, ...]
    data: bytes

    @property
    def status(self) -> int:
        """Of the first answer; 0 when the connection was closed without one."""
        return self.statuses[0] if self.statuses else 0


def send(port: int, data: bytes, timeout: float = 10.0) -> Told:
    """Send bytes and read until the server closes or has nothing more to say."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        with suppress(OSError):  # refused before all of it was sent
            connection.sendall(data)
        with suppress(ConnectionError, TimeoutError):  # it waits for more than there is
            while piece := connection.recv(65536):
                received += piece
    statuses = [
        int(line.split()[1]) for line in bytes(received).split(b"\r\n") if line.startswith(b"HTTP/1.1 ")
    ]
    return Told(tuple(statuses), bytes(received))


def request(
    method: str, target: str | bytes, *headers: bytes, body: bytes = b"", host: bytes = b"localhost"
) -> bytes:
    """One request whose connection is to be closed after it; the target goes out as it is."""
    path = target.encode("latin-1") if isinstance(target, str) else target
    lines = [
        method.encode() + b" " + path + b" HTTP/1.1",
        b"Host: " + host,
        b"Connection: close",
        *headers,
    ]
    if body or method in ("POST", "PUT"):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def posted(path: str, value: Any) -> bytes:
    """A request with JSON; bytes go out as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return request("POST", path, b"Content-Type: application/json", body=body)
