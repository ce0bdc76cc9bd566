from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import CONFIG_FILE, Settings, load


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_passed_wins_over_the_environment_which_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load().k == Settings().k
    Path(CONFIG_FILE).write_text("k = 7\nchunk_overlap = 2\n", "utf-8")
    assert load().k == 7
    monkeypatch.setenv("RAG_K", "8")
    assert load().k == 8
    assert load(k=9, index=None).k == 9
    assert load().chunk_overlap == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chunk_tokns = 5\n", "chunk_tokns"),
        ("k = 0\n", "k"),
        ('k = "many"\n', "many"),
        ("k = = 3\n", CONFIG_FILE),
    ],
)
def test_a_wrong_file_is_an_error_that_names_what_is_wrong(text: str, said: str) -> None:
    Path(CONFIG_FILE).write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=said):
        load()


def test_a_mistyped_variable_is_an_error_and_an_empty_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_INDEX", "")
    assert load().index == Path("index/seeds")
    monkeypatch.setenv("RAG_CHUNK_TOKNS", "5")
    with pytest.raises(SettingsError, match=r"RAG_CHUNK_TOKNS.*RAG_CHUNK_TOKENS"):
        load()


def test_a_home_folder_is_expanded() -> None:
    assert load(index="~/articles").index == Path.home() / "articles"
