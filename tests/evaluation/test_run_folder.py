from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.evaluation import run_folder

ABOUT = {"kind": "answers", "questions": {"digest": "a"}, "corpus": {"digest": "b"}, "seed": 1}


def test_a_run_is_told_in_its_folder(tmp_path: Path) -> None:
    folder = run_folder.start(tmp_path / "deep" / "run", ABOUT)
    assert run_folder.read_about(folder.path) == ABOUT
    folder.write_json("summary.json", {"é": 1})
    assert json.loads((folder.path / "summary.json").read_text("utf-8")) == {"é": 1}


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is not empty.*--resume"):
        run_folder.start(tmp_path, ABOUT)
    with pytest.raises(InputError, match="is not empty"):
        run_folder.start(tmp_path / "notes.txt", ABOUT)
    with pytest.raises(InputError, match="cannot be written"):
        run_folder.start(tmp_path / "notes.txt" / "run", ABOUT)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"questions": {"digest": "c"}}, "its questions had digest 'a', now 'c'"),
        ({"corpus": {"digest": "c"}}, "its corpus had digest 'b', now 'c'"),
        ({"settings": {"k": 3}}, "its settings were None"),
    ],
)
def test_only_the_same_run_is_resumed(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    folder = run_folder.start(tmp_path / "run", ABOUT)
    assert run_folder.resume(folder.path, ABOUT | {"seed": 2}).about["seed"] == 1
    with pytest.raises(InputError, match=said):
        run_folder.resume(folder.path, ABOUT | changed)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        run_folder.resume(tmp_path, ABOUT)
    (tmp_path / run_folder.RUN).write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        run_folder.read_about(tmp_path)


def test_a_damaged_line_that_is_not_the_last_is_named(tmp_path: Path) -> None:
    folder = run_folder.start(tmp_path / "run", ABOUT)
    (folder.path / run_folder.ANSWERS).write_text('{"id": "x"}\n{"id"')
    with pytest.raises(InputError, match="line 1: no record of this version"):
        run_folder.resume(folder.path, ABOUT)
