from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.answering.events import Event, Searched
from rag.errors import InputError
from rag.evaluation import run_folder
from rag.evaluation.questions import Question
from rag.evaluation.run_folder import ANSWERS, RunFolder
from rag.evaluation.runner import ask, run, without_foreign_sources
from rag.types import Answer, Hit

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]


@pytest.fixture
def questions(question: MakeQuestion) -> list[Question]:
    return [
        question(
            id="own",
            question="How much?",
            kind="followup",
            history=("Does Nissan own part of it?",),
            expected=(("34%",),),
        ),
        question(id="ceo", question="Who leads Tesla?", answerable=False),
        question(id="day", question="Which day?", expected=(("Thursday",),), sources=()),
    ]


@pytest.fixture
def engine(answer: MakeAnswer, hit: MakeHit, scripted: Any) -> Any:
    return scripted(
        [
            (answer("Nissan owns 34 %.", "001_a.txt"), (hit(1, "001_a.txt", "It owns 34%."),)),
            (answer("Not in these articles.", verdict="not_found"), ()),
            (answer("On Friday.", "003_b.txt"), ()),
        ]
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return run_folder.start(tmp_path / "run", {"kind": "answers"})


def lines(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder.path / ANSWERS).read_text("utf-8").splitlines()]


def test_every_question_is_asked_with_its_history(questions: list[Question], engine: Any) -> None:
    done = run(questions, engine, progress=False)
    assert engine.asked == [
        ("How much?", ("Does Nissan own part of it?",)),
        ("Who leads Tesla?", ()),
        ("Which day?", ()),
    ]
    assert [record.outcome.failure for record in done.records] == [None, None, "missing: Thursday"]
    assert (done.planned, done.interrupted) == (3, False)
    assert done.summary.right.count == 1 and done.summary.refusal_recall.count == 1
    assert all(record.outcome.milliseconds > 0 for record in done.records)


def test_a_conversation_goes_on_from_what_was_really_answered(
    question: MakeQuestion, answer: MakeAnswer, scripted: Any
) -> None:
    turns = [
        question(id="c/1", question="Who owns it?"),
        question(id="c/2", question="How much?", follows="c/1"),
        question(id="d/1", question="What else?"),
        question(id="c/3", question="And why?", follows="c/2"),
    ]
    engine = scripted([(answer(f"Answer {n}.", "001_a.txt"), ()) for n in range(1, 5)])
    run(turns, engine, progress=False)
    assert [history for _, history in engine.asked] == [
        (),
        (("Who owns it?", "Answer 1. [1]"),),
        (),
        (("Who owns it?", "Answer 1. [1]"), ("How much?", "Answer 2. [1]")),
    ]


def test_the_folder_holds_a_line_per_question(
    questions: list[Question], engine: Any, folder: RunFolder
) -> None:
    run(questions, engine, folder=folder)
    first, second, third = lines(folder)
    assert [first["id"], second["id"], third["id"]] == ["own", "ceo", "day"]
    assert first["history"] == ["Does Nissan own part of it?"]
    assert first["answer"]["statements"][0]["citations"][0]["path"] == "001_a.txt"
    assert (first["right"], first["source_cited"], first["evidence_rank"]) == (True, True, 1)
    assert first["hits"][0]["text"] == "It owns 34%."
    assert (second["verdict"], second["right"], second["failure"]) == ("not_found", None, None)
    assert (third["facts"], third["source_cited"]) == ([False], None)


def test_ctrl_c_keeps_what_is_done_and_a_resumed_run_asks_only_the_rest(
    questions: list[Question], engine: Any, folder: RunFolder, answer: MakeAnswer, scripted: Any
) -> None:
    engine.replies[1] = KeyboardInterrupt()
    stopped = run(questions, engine, folder=folder)
    assert (stopped.interrupted, stopped.planned, len(stopped.records)) == (True, 3, 1)
    assert len(lines(folder)) == 1
    with (folder.path / ANSWERS).open("a", encoding="utf-8") as file:
        file.write('{"id": "ceo", "question": "Who le')  # cut off by a power cut

    again = run_folder.resume(folder.path, {"kind": "answers"})
    rest = scripted([(answer("No.", verdict="not_found"), ()), (answer("On Thursday.", "003_b.txt"), ())])
    done = run(questions, rest, folder=again)
    assert [asked for asked, _ in rest.asked] == ["Who leads Tesla?", "Which day?"]
    assert [line["id"] for line in lines(folder)] == ["own", "ceo", "day"]
    assert done.records[0] == stopped.records[0]
    assert (done.summary.right.count, done.summary.questions) == (2, 3)


def test_ctrl_c_before_the_first_answer_goes_through(questions: list[Question], engine: Any) -> None:
    engine.replies[0] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(questions, engine)


def test_an_error_of_the_engine_is_not_counted_as_an_answer(
    questions: list[Question], engine: Any, folder: RunFolder
) -> None:
    engine.replies[1] = InputError("the index is gone")
    with pytest.raises(InputError, match="the index is gone"):
        run(questions, engine, folder=folder)
    assert len(lines(folder)) == 1


def test_an_engine_that_never_completes_is_found_out(question: MakeQuestion) -> None:
    class Endless:
        def stream(self, question: str, history: object = (), filters: object = None) -> Iterator[Event]:
            yield Searched(question, ())

    with pytest.raises(RuntimeError, match="never completed"):
        ask(Endless(), question())


@pytest.mark.parametrize(
    ("paths", "kept"), [(["001_a.txt", "x.txt"], ("001",)), (["a.txt"], ())], ids=["there", "foreign"]
)
def test_sources_of_another_folder_are_not_judged(
    question: MakeQuestion, paths: Sequence[str], kept: tuple[str, ...]
) -> None:
    (asked,) = without_foreign_sources([question(sources=("001",))], paths)
    assert asked.sources == kept


@pytest.mark.parametrize(
    ("terminal", "wanted", "shown"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_progress_bar_is_for_terminals_and_goes_to_stderr(
    questions: list[Question],
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
    run(questions, engine, progress=wanted)
    said = capsys.readouterr()
    assert said.out == ""
    assert ("3/3" in said.err, "1 failed" in said.err) == (shown, shown)
