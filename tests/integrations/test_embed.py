"""docs/embed.md: every program runs as it stands and prints what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from places import ROOT, SEEDS

PAGE = (ROOT / "docs" / "embed.md").read_text(encoding="utf-8")
SECTIONS = {
    title: re.findall(r"^```(\w+)\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    for title, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
START_SECONDS = 120.0


def blocks(title: str, language: str) -> list[str]:
    return [text for kind, text in SECTIONS[title] if kind == language]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(SEEDS, tmp_path / "articles")
    return tmp_path


def test_there_are_five() -> None:
    assert list(SECTIONS) == ["A script", "A FastAPI route", "A notebook", "LlamaIndex", "LangChain"]


@pytest.mark.parametrize("title", ["A script", "LlamaIndex", "LangChain"])
def test_programs(place: Path, title: str) -> None:
    (program,), (expected,) = blocks(title, "python"), blocks(title, "text")
    (place / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "program.py"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected


def test_the_route(place: Path) -> None:
    (program,), (expected,) = blocks("A FastAPI route", "python"), blocks("A FastAPI route", "json")
    (place / "route.py").write_text(program, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "route:app", "--port", str(port), "--log-level", "warning"],
        cwd=place,
    )
    try:
        found = get(port, "When will the joint venture of Mitsubishi and Nissan be founded?", server)
        assert found == (200, json.loads(expected))
        status, body = get(port, " ", server)
        assert status == 422
        assert "the question is empty" in body["detail"]
    finally:
        server.terminate()
        server.wait(timeout=30)


def get(port: int, question: str, server: subprocess.Popen[bytes]) -> tuple[int, Any]:
    """Ask the route, waiting for it to be up."""
    address = f"http://127.0.0.1:{port}/ask?{urllib.parse.urlencode({'question': question})}"
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=START_SECONDS) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except urllib.error.URLError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_the_notebook(place: Path) -> None:
    cells, expected = blocks("A notebook", "python"), blocks("A notebook", "text")
    code = f"""
import json, nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(cell) for cell in {cells!r}]
ran = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=300, kernel_name="python3").execute()
print(json.dumps([[out.get("text") or out["data"]["text/plain"] for out in cell.outputs] for cell in ran.cells]))
"""
    # a process of its own: the client's loops and sockets are closed by its end, not by us
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
            "IPYTHONDIR": str(place / "ipython"),
        },
    )
    assert done.returncode == 0, done.stderr
    printed = [
        "".join(text if text.endswith("\n") else text + "\n" for text in texts)
        for texts in json.loads(done.stdout)
    ]
    assert "\n".join(printed) == "\n".join(expected)
