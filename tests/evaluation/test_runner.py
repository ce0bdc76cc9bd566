from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.answering.events import Event, Searched
from rag.errors import InputError
from rag.evaluation.questions import Question
from rag.evaluation.runner import ask, run
from rag.types import Answer, Hit

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]

ROWS = [
    {
        "id": "own",
        "question": "How much?",
        "kind": "followup",
        "answerable": True,
        "history": ["Does Nissan own part of it?"],
        "expected": [["34%"]],
        "sources": ["001"],
        "split": "dev",
    },
    {"id": "ceo", "question": "Who leads Tesla?", "kind": "fact", "answerable": False, "split": "test"},
    {
        "id": "day",
        "question": "Which day?",
        "kind": "fact",
        "answerable": True,
        "expected": [["Thursday"]],
        "split": "dev",
    },
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return path


@pytest.fixture
def engine(answer: MakeAnswer, hit: MakeHit, scripted: Any) -> Any:
    return scripted(
        [
            (answer("Nissan owns 34 %.", "001_a.txt"), (hit(1, "001_a.txt", "It owns 34%."),)),
            (answer("Not in these articles.", verdict="not_found"), ()),
            (answer("On Friday.", "003_b.txt"), ()),
        ]
    )


def test_every_question_is_asked_with_its_history(file: Path, engine: Any) -> None:
    done = run(file, engine, progress=False)
    assert engine.asked == [
        ("How much?", ("Does Nissan own part of it?",)),
        ("Who leads Tesla?", ()),
        ("Which day?", ()),
    ]
    assert [outcome.failure for outcome in done.outcomes] == [None, None, "missing: Thursday"]
    assert (done.planned, done.interrupted) == (3, False)
    assert done.summary.right.count == 1 and done.summary.refusal_recall.count == 1
    assert all(outcome.milliseconds > 0 for outcome in done.outcomes)


def test_only_one_half_is_asked(file: Path, engine: Any) -> None:
    assert [outcome.question.id for outcome in run(file, engine, split="dev").outcomes] == ["own", "day"]


def test_out_holds_a_line_per_question(file: Path, engine: Any, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "today.jsonl"
    run(file, engine, out=out)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["own", "ceo", "day"]
    first, second, third = lines
    assert first["history"] == ["Does Nissan own part of it?"]
    assert first["citations"][0]["path"] == "001_a.txt"
    assert (first["right"], first["source_cited"], first["evidence_rank"]) == (True, True, 1)
    assert (second["verdict"], second["right"], second["failure"]) == ("not_found", None, None)
    assert (third["facts"], third["source_cited"]) == ([False], None)


def test_ctrl_c_keeps_what_is_done(file: Path, engine: Any, tmp_path: Path) -> None:
    engine.replies[1] = KeyboardInterrupt()
    out = tmp_path / "out.jsonl"
    done = run(file, engine, out=out)
    assert (done.interrupted, done.planned, len(done.outcomes)) == (True, 3, 1)
    assert done.summary.questions == 1
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1


def test_ctrl_c_before_the_first_answer_goes_through(file: Path, engine: Any) -> None:
    engine.replies[0] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(file, engine)


def test_an_error_of_the_engine_is_not_counted_as_an_answer(file: Path, engine: Any, tmp_path: Path) -> None:
    engine.replies[1] = InputError("the index is gone")
    out = tmp_path / "out.jsonl"
    with pytest.raises(InputError, match="the index is gone"):
        run(file, engine, out=out)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1


def test_an_engine_that_never_completes_is_found_out(question: MakeQuestion) -> None:
    class Endless:
        def stream(self, question: str, history: object = (), filters: object = None) -> Iterator[Event]:
            yield Searched(question, ())

    with pytest.raises(RuntimeError, match="never completed"):
        ask(Endless(), question())


def test_the_question_set_is_never_overwritten(file: Path, engine: Any) -> None:
    before = file.read_bytes()
    with pytest.raises(InputError, match="is the question set itself"):
        run(file, engine, out=file.parent / "." / file.name)
    assert file.read_bytes() == before


def test_an_out_that_cannot_be_written(file: Path, engine: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        run(file, engine, out=tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        run(file, engine, out=file / "below" / "a-file.jsonl")
    assert engine.asked == []


@pytest.mark.parametrize(
    ("terminal", "wanted", "shown"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_progress_bar_is_for_terminals_and_goes_to_stderr(
    file: Path,
    engine: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    wanted: bool,
    shown: bool,
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    run(file, engine, progress=wanted)
    said = capsys.readouterr()
    assert said.out == ""
    assert ("3/3" in said.err, "1 failed" in said.err) == (shown, shown)
