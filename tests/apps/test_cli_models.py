from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from scripted_server import Turn, serving, words
from typer.testing import CliRunner

from rag.answering.engine import AnswerEngine
from rag.apps.cli import app
from rag.apps.generated import answered, show_extras
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Answer, Unverified

FOUNDED = "When will the joint venture of Mitsubishi Corporation and Nissan be founded?"
TRUE = "The two partners will hold equal shares in the new company, which is due to be founded in March 2025."
FALSE = "It will be founded in June 2026."
openai_like = pytest.mark.skipif(
    "not __import__('importlib.util').util.find_spec('llama_index.llms')", reason="needs the extra openai"
)


def console() -> Console:
    return Console(file=io.StringIO(), width=200, color_system=None)


def text_of(shown: Console) -> str:
    file = shown.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_models_without_a_language_model() -> None:
    done = CliRunner().invoke(app, ["models", "--json"])
    assert done.exit_code == 0
    by_role = {one["role"]: one for one in json.loads(done.stdout)["models"]}
    assert by_role["encoder"]["works"] is True
    assert by_role["reader"]["works"] is True
    assert by_role["generator"]["works"] is None


@openai_like
def test_models_tries_the_language_model_with_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_GENERATOR", "openai:m")
    with serving(Turn(["yes"])) as script:
        monkeypatch.setenv("RAG_GENERATOR_URL", script.url)
        done = CliRunner().invoke(app, ["models"])
    assert done.exit_code == 0
    assert "said 'yes'" in done.stdout
    assert script.requests[0]["max_tokens"] == 1


@openai_like
def test_models_tries_those_one_can_choose_each_at_its_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Turn(["yes"])) as first, serving(Turn(["no"])) as second:
        monkeypatch.setenv("RAG_GENERATOR", "openai:m")
        monkeypatch.setenv("RAG_GENERATOR_URL", first.url)
        monkeypatch.setenv("RAG_GENERATORS", f"openai:n@{second.url}, nothing:x")
        done = CliRunner().invoke(app, ["models", "--json"])
    found = [one for one in json.loads(done.stdout)["models"] if one["role"] == "generator"]
    assert [(one["name"], one["works"]) for one in found] == [
        ("openai:m", True),
        ("openai:n", True),
        ("nothing:x", False),
    ]
    assert [one["detail"] for one in found[:2]] == ["said 'yes'", "said 'no'"]


@openai_like
def test_models_says_what_is_wrong_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_GENERATOR", "openai:m")
    monkeypatch.setenv("RAG_GENERATOR_URL", "http://127.0.0.1:9/v1")
    done = CliRunner().invoke(app, ["models"])
    assert done.exit_code == 1
    assert "cannot be reached" in done.stdout


@openai_like
def test_ask_with_a_generator_and_what_it_said_in_vain(
    seeds_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(seeds_index.path))
    with serving(Turn(words(f"{TRUE} [1] {FALSE} [1]"))) as script:
        monkeypatch.setenv("RAG_GENERATOR_URL", script.url)
        asked = ["ask", FOUNDED, "--generator", "openai:m", "--unverified", "show"]
        shown = CliRunner().invoke(app, asked)
        told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert shown.exit_code == 0
    assert TRUE in " ".join(shown.stdout.split())
    assert f"not supported: {FALSE}" in shown.stdout
    assert "June 2026" in shown.stdout
    assert told["generator"] == "openai:m"
    assert [one["text"] for one in told["unverified"]] == [FALSE]


@openai_like
def test_ask_when_the_server_is_gone(seeds_index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_INDEX", str(seeds_index.path))
    monkeypatch.setenv("RAG_GENERATOR_URL", "http://127.0.0.1:9/v1")
    done = CliRunner().invoke(app, ["ask", FOUNDED, "--generator", "openai:m"])
    assert done.exit_code == 0
    assert "March 2025" in done.stdout
    assert "note: openai:m cannot be reached" in done.stdout


@pytest.mark.parametrize("setting", ["nothing", "gguf:"])
def test_ask_with_a_generator_that_is_none(
    setting: str, seeds_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_INDEX", str(seeds_index.path))
    done = CliRunner().invoke(app, ["ask", FOUNDED, "--generator", setting])
    assert done.exit_code != 0
    assert "allowed: extractive, openai:MODEL" in str(done.exception)


@openai_like
def test_what_is_being_written_is_shown_and_taken_back(seeds_index: Index, tmp_path: Path) -> None:
    with serving(Turn(words(f"{TRUE} [1] {FALSE} [1] More")), Turn(words("Half a"), ending="cut")) as script:
        settings = Settings(index=seeds_index.path, generator="openai:m", generator_url=script.url)
        with Index.open(
            seeds_index.path, settings=settings, encoder=seeds_index.encoder, create=False
        ) as index:
            engine = AnswerEngine(Retriever(index, settings))
            assert answered(console(), engine, FOUNDED, [], None).generator == "openai:m"
            assert answered(console(), engine, FOUNDED, [], None).generator == "extractive"


def test_extras_cannot_command_the_terminal() -> None:
    shown = console()
    dropped = Unverified("\x1b[31mred [bold]bold[/bold]", ("not \x07 said",))
    show_extras(shown, Answer("q", "q", "answered", "t", note="a\x1b[2Jnote", unverified=(dropped,)))
    assert "\x1b" not in text_of(shown)
    assert "[bold]bold[/bold]" in text_of(shown)
    empty = console()
    show_extras(empty, Answer("q", "q", "answered", "t"))
    assert text_of(empty) == ""
