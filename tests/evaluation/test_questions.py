from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.errors import InputError
from rag.evaluation.questions import read_questions

GOOD: dict[str, Any] = {
    "id": "a",
    "question": "How much?",
    "kind": "followup",
    "answerable": True,
    "history": ["Does Nissan own part of it?", ["Which part?", "A third."]],
    "expected": [["34%", "a third"]],
    "sources": ["001", "002"],
    "sources_all": ["002"],
    "split": "dev",
    "note": "hard",
}
REFUSE: dict[str, Any] = {
    "id": "b",
    "question": "Who?",
    "kind": "fact",
    "answerable": False,
    "near_miss": True,
    "split": "test",
}


def write(folder: Path, *rows: dict[str, Any] | str) -> Path:
    file = folder / "set.jsonl"
    file.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8"
    )
    return file


def test_every_field_is_read(tmp_path: Path) -> None:
    first, second = read_questions(write(tmp_path, GOOD, "", REFUSE))
    assert first.history == ("Does Nissan own part of it?", ("Which part?", "A third."))
    assert first.expected == (("34%", "a third"),)
    assert (first.sources, first.sources_all, first.note) == (("001", "002"), ("002",), "hard")
    assert not second.answerable and second.near_miss and second.expected == ()


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + f"{json.dumps(GOOD)}\r\n{json.dumps(REFUSE)}\r\n".encode())
    assert [question.id for question in read_questions(file)] == ["a", "b"]


@pytest.mark.parametrize(("split", "ids"), [("dev", ["a"]), ("test", ["b"]), (None, ["a", "b"])])
def test_one_half(tmp_path: Path, split: Any, ids: list[str]) -> None:
    assert [question.id for question in read_questions(write(tmp_path, GOOD, REFUSE), split)] == ids


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param("{not json", "Invalid JSON", id="not json"),
        pytest.param('["a"]', "object", id="not an object"),
        pytest.param(
            GOOD | {"expceted": []}, "unknown key 'expceted'; allowed: id, question", id="unknown key"
        ),
        pytest.param({k: v for k, v in GOOD.items() if k != "kind"}, "key 'kind' is missing", id="missing"),
        pytest.param(GOOD | {"kind": "riddle"}, "'kind': Input should be 'fact', 'yesno'", id="kind"),
        pytest.param(GOOD | {"split": "train"}, "'split': Input should be 'dev' or 'test'", id="split"),
        pytest.param(GOOD | {"answerable": "yes"}, "'answerable'", id="not a bool"),
        pytest.param(GOOD | {"question": " "}, "'question' is empty", id="blank question"),
        pytest.param(GOOD | {"expected": []}, "needs 'expected' facts", id="nothing expected"),
        pytest.param(GOOD | {"expected": [[]]}, "at least one wording", id="fact without wording"),
        pytest.param(GOOD | {"expected": ["34%"]}, "'expected.0'", id="fact not a list"),
        pytest.param(GOOD | {"near_miss": True}, "'near_miss' is for unanswerable", id="near miss answered"),
        pytest.param(GOOD | {"answerable": False}, "an unanswerable question has no", id="both"),
        pytest.param(GOOD | {"sources": ["001"]}, "'sources_all' may only name", id="needed but not gold"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: dict[str, Any] | str, said: str) -> None:
    file = write(tmp_path, REFUSE, "", row)
    with pytest.raises(InputError) as caught:
        read_questions(file)
    assert str(caught.value).startswith(f"{file}, line 3: ")
    assert said in str(caught.value)


def test_an_id_used_twice_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 3: id 'a' is also on line 1"):
        read_questions(write(tmp_path, GOOD, REFUSE, GOOD))


def test_files_that_are_no_question_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl cannot be read: No such file"):
        read_questions(tmp_path / "nowhere.jsonl")
    with pytest.raises(InputError, match="holds no questions"):
        read_questions(write(tmp_path, "", ""))
    (tmp_path / "latin.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\xe9")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_questions(tmp_path / "latin.jsonl")
    with pytest.raises(InputError, match='no question with "split": "test"'):
        read_questions(write(tmp_path, GOOD), "test")
