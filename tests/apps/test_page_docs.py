"""docs/page.md: its programs run, its settings are settings, and it says plainly what is kept."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT, SEEDS

from rag.answering.engine import AnswerEngine
from rag.apps.chat_answer import Answering, Asked, Stops
from rag.apps.chat_desk import Desk
from rag.apps.conversation_files import feedback_questions
from rag.apps.conversations import Conversations, default_file
from rag.apps.language_models import configured
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import load

DOCS = (ROOT / "docs" / "page.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
START_SECONDS = 120.0


def the_block(kind: str) -> str:
    (body,) = [body for named, body in BLOCKS if named == kind]
    return body


@pytest.fixture
def place(tmp_path: Path, seeds_index: Index) -> Path:
    """A working folder with ``index/seeds`` in it, and a home."""
    shutil.copytree(SEEDS, tmp_path / "seeds")
    with Index.open(tmp_path / "index" / "seeds", settings=load(), encoder=seeds_index.encoder) as index:
        index.sync(tmp_path / "seeds")
    return tmp_path


@pytest.fixture
def environment(place: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "XDG_"))}
    return {**own, "PATH": path, "HOME": str(place / "home"), "COLUMNS": "200"}


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def own_app(place: Path, environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    (place / "own.py").write_text(the_block("python"), "utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "own:app", "--port", str(port), "--log-level", "warning"],
        cwd=place,
        env=environment,
    )
    yield server
    server.terminate()
    server.wait(timeout=60)


def test_the_page_on_an_app_of_ones_own(own_app: subprocess.Popen[bytes], port: int, place: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ask/", timeout=60) as response:
                assert b"Ask the articles" in response.read()
            break
        except urllib.error.URLError:
            assert own_app.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.3)
    assert (place / "home" / ".local" / "share" / "rag" / "conversations.sqlite").is_file()


def test_judged_answers_are_evaluated_as_it_says(
    place: Path, environment: dict[str, str], seeds_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", environment["HOME"])
    store = Conversations(default_file())
    desk = Desk(lambda: (AnswerEngine(Retriever(seeds_index)), seeds_index), Path("index/seeds"))
    ids = {"browser": "browser-1", "conversation": "conversation-1", "turn": "turn-0001"}
    list(Answering(desk, store, Stops(), Asked.read("When will the joint venture be founded?", ids)).steps())
    store.rate(ids["browser"], ids["conversation"], ids["turn"], "up")
    feedback_questions(store, default_file().parent / "feedback" / "seeds.jsonl", "seeds")
    store.close()
    (command,) = [body for kind, body in BLOCKS if kind == "" and body.startswith("rag eval")]
    done = subprocess.run(
        ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1" in done.stdout


def test_the_models_it_names_can_be_named_like_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rag.toml").write_text(the_block("toml"), "utf-8")
    found = [(one.generator, one.generator_url) for one in configured(load())]
    assert found == [
        ("ollama:llama3.2", None),
        ("openai:qwen2.5", "http://127.0.0.1:8000/v1"),
        ("gguf:models/small.gguf", None),
    ]


def test_it_says_what_is_kept_where_and_how_to_be_rid_of_it() -> None:
    kept = DOCS.partition("## What is kept, and where")[2].partition("\n## ")[0]
    assert "kept on this machine" in kept and "words of every question" in kept
    for said in ("~/.local/share/rag/conversations.sqlite", "delete one", "delete all", "rag serve --forget"):
        assert said in kept


def test_every_block_is_one_of_those() -> None:
    assert sorted(kind for kind, _ in BLOCKS) == ["", "python", "toml"]
