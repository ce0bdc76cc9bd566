"""``rag serve`` as a person starts it: ready, answering, stopped by Ctrl-C, and refusing what would not be safe."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from rag.index.index import Index

GOOD = "0123456789abcdef0123"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(seeds_index: Index, tmp_path: Path) -> Iterator[Start]:
    """Starts ``rag serve`` over seeds/, and sees that nothing of it is left."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", "from rag.apps.cli import main; main()", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "RAG_INDEX": str(seeds_index.path.absolute()), **environment},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def first_line(process: subprocess.Popen[str]) -> str:
    """What it says once it can be reached; nothing when it ends instead."""
    assert process.stdout is not None
    late = threading.Timer(120, process.kill)
    late.start()
    line = process.stdout.readline()
    late.cancel()
    return line.strip()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_page_and_the_service_in_one_process(start: Start, port: int, ending: signal.Signals) -> None:
    process = start("--port", str(port), "--no-open")
    url = f"http://127.0.0.1:{port}"
    assert first_line(process) == f"Ask the articles: {url} (Ctrl-C stops it)"
    with httpx.Client(base_url=url, timeout=60) as client:
        assert "<html" in client.get("/").text
        assert client.get("/healthz").status_code == 200
        asked = {"question": "When will the joint venture be founded?"}
        assert client.post("/v1/ask", json=asked).json()["short_answer"] == "March 2025"
        assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    process.send_signal(ending)
    _, said = process.communicate(timeout=20)
    if ending == signal.SIGINT:
        assert (process.returncode, said.splitlines()[-1]) == (0, "stopped")
    else:
        assert process.returncode == -signal.SIGTERM  # as whoever sent it expects, but after the same work
    lines = [json.loads(line) for line in said.splitlines() if line != "stopped"]
    assert [line["route"] for line in lines] == ["/healthz", "/v1/ask"]
    assert "venture" not in said


def test_with_a_token_the_page_is_behind_it(start: Start, port: int, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(GOOD)
    file.chmod(0o600)
    arguments = ("--port", str(port), "--no-open", "--token-file", str(file), "--host", "0.0.0.0", "--forget")
    process = start(*arguments, XDG_DATA_HOME=str(tmp_path / "data"))
    assert first_line(process) == f"Ask the articles: http://127.0.0.1:{port} (Ctrl-C stops it)"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        page = client.get("/", headers={"accept": "text/html"})
        assert page.status_code == 401 and "password" in page.text
        assert client.get("/config").status_code == 401
        assert client.get("/gradio_api/info").status_code == 401
        client.post("/login", data={"token": GOOD})
        assert "gradio" in client.get("/", headers={"accept": "text/html"}).text
    assert not (tmp_path / "data").exists()  # conversations are not kept


def test_what_is_refused_names_the_next_step(start: Start, port: int, tmp_path: Path) -> None:
    def refused(*arguments: str, **environment: str) -> str:
        process = start("--port", str(port), *arguments, **environment)
        said, error = process.communicate(timeout=120)
        assert (process.returncode, said) == (2, "")
        return error

    assert "next step: set RAG_SERVE_TOKEN" in refused("--host", "0.0.0.0")
    assert "can be guessed" in refused(RAG_SERVE_TOKEN="1234")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert f"port {port} on 127.0.0.1 cannot be used" in refused()
    assert "rag sync FOLDER" in refused(RAG_INDEX=str(tmp_path / "none"))


def test_the_help_teaches(start: Start) -> None:
    said, _ = start("--help").communicate(timeout=60)
    for word in (
        "curl",
        "OpenAI(base_url=",
        "--token-file",
        "--read-only",
        "/openapi.json",
        "docs/service.md",
    ):
        assert word in said
