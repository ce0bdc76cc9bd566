"""docs/service.md: every command is run against a service over seeds/, in order, and says what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT, SEEDS

DOCS = (ROOT / "docs" / "service.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
START, *CONSOLE = [body for kind, body in BLOCKS if kind == "" and body.startswith("$ ")]
(PROGRAM,) = [body for kind, body in BLOCKS if kind == "python"]
(PRINTED,) = [body for kind, body in BLOCKS if kind == "" and not body.startswith("$ ")]
# what differs from run to run, or with the reader's weights
CHANGING = (
    (re.compile(r'"request_id":"\w+"'), '"request_id":"…"'),
    (re.compile(r"\b0\.\d+"), "0.…"),
)


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("service")
    shutil.copytree(SEEDS, place / "seeds")
    with zipfile.ZipFile(place / "news.zip", "w") as packed:
        for name, town in (("news/a.txt", "Turin"), ("../b.txt", "Milan")):
            packed.writestr(
                name, f"A bridge in {town}\n\nThe city of {town} approved a bridge in May 2031.\n"
            )
    return place


@pytest.fixture(scope="module")
def environment(place: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "OPENAI_"))}
    return {**own, "PATH": path, "XDG_DATA_HOME": str(place / "data"), "LC_ALL": "C.UTF-8"}


def commands(block: str) -> list[tuple[str, str]]:
    """Each command of a block with what it prints."""
    found = re.findall(r"^\$ ((?:[^\n]*\\\n)*[^\n]*\n)(.*?)(?=^\$ |\Z)", block, re.MULTILINE | re.DOTALL)
    # an article's text in quotes may have lines of its own
    assert found and "".join(f"$ {command}{printed}" for command, printed in found) == block
    return found


@pytest.fixture(scope="module")
def served(place: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    """What the first block starts."""
    ((command, printed),) = commands(START)
    command = f"{command.strip()} --port {port} --no-open"
    process = subprocess.Popen(
        command,
        shell=True,
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    while not said or "Ctrl-C" not in said[-1]:
        line = process.stdout.readline()
        assert line, said
        said.append(line)
    assert said[-1] == here(printed, port)
    yield
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)


def here(text: str, port: int) -> str:
    return text.replace("127.0.0.1:7860", f"127.0.0.1:{port}")


def settled(text: str) -> str:
    for pattern, put in CHANGING:
        text = pattern.sub(put, text)
    return "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())


def same(said: str, expected: str) -> None:
    """A line with an ellipsis alone stands for any lines."""
    said, expected = settled(said), settled(expected)
    head, *rest = re.split(r"^ *…\n", expected, flags=re.MULTILINE)
    assert said.startswith(head), f"{said}\n--- the page says ---\n{expected}"
    if rest:
        (tail,) = rest
        assert said.endswith(tail)
    else:
        assert said == head


def run(command: str, place: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("served")
def test_every_command_says_what_the_page_says(place: Path, environment: dict[str, str], port: int) -> None:
    program = place / "program.py"
    program.write_text(here(PROGRAM, port), "utf-8")
    asked_by_openai = False
    seen = 0
    for block in CONSOLE:
        for command, expected in commands(block):
            if "/metrics" in command and not asked_by_openai:  # it stands before, and is counted
                same(run(f"{sys.executable} -W error {program}", place, environment), here(PRINTED, port))
                asked_by_openai = True
            same(run(here(command, port), place, environment), here(expected, port))
            seen += 1
    assert asked_by_openai and seen >= 9


def test_it_says_what_is_kept_where_and_how_to_be_rid_of_it() -> None:
    (kept,) = [line for line in DOCS.splitlines() if line.startswith("| what is kept |")]
    for said in ("words of every question", "conversations.sqlite", "remove the file", "--forget"):
        assert said in kept


def test_what_it_shows_as_json_is_json() -> None:
    for block in CONSOLE:
        for _, printed in commands(block):
            for line in printed.splitlines():
                if line.startswith('{"'):
                    json.loads(line)
