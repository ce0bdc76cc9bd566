"""The command line in this process, where the rare can be put in its way; tests/test_end_to_end.py runs it whole."""

from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
import typer
from apps.command_line import run

from rag.apps import cli
from rag.index.index import Index


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_interrupting_a_sync_says_what_it_means(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(self: Index, folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Index, "sync", interrupted)
    assert run(monkeypatch, "sync", tmp_path, "--index", tmp_path / "index") == 130
    assert "interrupted; nothing indexed before is lost" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["status"], ["ask", "x"], ["search", "x"], ["sync", "."]])
@pytest.mark.parametrize("name", ["a" * 300, "file"], ids=["too long", "a file"])
def test_an_impossible_index_path_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: list[str],
    name: str,
) -> None:
    (tmp_path / "file").write_text("not an index")
    assert run(monkeypatch, *command, "--index", name) == cli.EXIT_USER_ERROR
    said = capsys.readouterr()
    assert said.err.startswith("rag: ")
    assert name in said.err
    assert "next step" in said.err
    assert "syncing" not in said.err
    assert said.out == ""


def test_a_folder_whose_name_is_too_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "sync", "a" * 300, "--index", tmp_path / "index") == cli.EXIT_USER_ERROR
    assert "File name too long" in capsys.readouterr().err


def test_a_malformed_date_is_told_before_anything_is_synced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "seeds").mkdir()
    assert run(monkeypatch, "search", "x", "--after", "soon") == cli.EXIT_USER_ERROR
    said = capsys.readouterr().err
    assert "--after 'soon' is not a date" in said
    assert "syncing" not in said


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_survives_any_standard_output(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    out = TextIOWrapper(BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    cli._print_json({"text": "é 日本 ²"})
    out.flush()
    written = out.buffer
    assert isinstance(written, BytesIO)
    assert json.loads(written.getvalue().decode(encoding)) == {"text": "é 日本 ²"}
    assert ("\\u" in written.getvalue().decode(encoding)) == (encoding != "utf-8")


def test_output_that_cannot_hold_a_raised_digit_is_no_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = TextIOWrapper(BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(cli, "app", lambda: typer.echo("president ⁴"))
    cli.main()
    out.flush()
    assert isinstance(out.buffer, BytesIO)
    assert out.buffer.getvalue().decode("cp1252").startswith("president ?")
