"""``rag eval`` in this process, over a real index; what the numbers mean is tested in tests/evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apps.command_line import run

from rag.answering.engine import AnswerEngine
from rag.apps import cli
from rag.index.index import Index

ROWS: list[dict[str, Any]] = [
    {
        "id": "when",
        "question": "When will the joint venture be founded?",
        "kind": "fact",
        "answerable": True,
        "expected": [["March 2025"]],
        "sources": ["000"],
    },
    {"id": "far", "question": "How do I bake bread?", "kind": "fact", "answerable": False},
]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "set.jsonl"
    made.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    return made


@pytest.mark.parametrize("words", [("eval",), ("eval", "answers")], ids=["short", "long"])
def test_a_set_is_asked_and_leaves_a_folder(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seeds_index: Index,
    file: Path,
    words: tuple[str, ...],
) -> None:
    code = run(monkeypatch, *words, file, "--index", seeds_index.path, "--out", "run")
    said = capsys.readouterr().out
    assert code == 0
    assert "set.jsonl: 2 questions" in said and "report: run/report.html" in said
    names = {path.name for path in Path("run").iterdir()}
    assert names == {"run.json", "answers.jsonl", "summary.json", "summary.md", "report.html"}
    about = json.loads(Path("run/run.json").read_text("utf-8"))
    assert about["command"].startswith("rag eval")


def test_options_may_come_before_the_file_and_nothing_need_be_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seeds_index: Index, file: Path
) -> None:
    code = run(monkeypatch, "eval", "--json", "--no-save", "--limit", "1", file, "--index", seeds_index.path)
    told = json.loads(capsys.readouterr().out)
    assert (code, told["questions"], told["metrics"]["right"]["value"]) == (0, 1, 1.0)
    assert not Path("eval").exists()


def test_ctrl_c_says_how_to_go_on_and_resume_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seeds_index: Index, file: Path
) -> None:
    real = AnswerEngine.stream

    def stopped(self: AnswerEngine, question: str, *rest: Any, **more: Any) -> Any:
        if "bread" in question:
            raise KeyboardInterrupt
        return real(self, question, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(AnswerEngine, "stream", stopped)
        assert run(patched, "eval", file, "--index", seeds_index.path, "--out", "run") == 130
    said = capsys.readouterr()
    assert "stopped after 1 of 2" in said.out
    assert "go on with: --resume run" in said.err
    assert run(monkeypatch, "eval", file, "--index", seeds_index.path, "--resume", "run") == 0
    assert len(Path("run/answers.jsonl").read_text("utf-8").splitlines()) == 2


def test_two_runs_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seeds_index: Index, file: Path
) -> None:
    for name in ("a", "b"):
        run(monkeypatch, "eval", file, "--index", seeds_index.path, "--out", name)
    capsys.readouterr()
    assert run(monkeypatch, "eval", "compare", "a", "b", "--html", "c.html") == 0
    assert "answers that changed: 0 worse, 0 better" in capsys.readouterr().out
    assert "asked twice of the same articles" in Path("c.html").read_text("utf-8")
    assert run(monkeypatch, "eval", "compare", "a", "nowhere") == cli.EXIT_USER_ERROR


def test_a_ranking_of_any_system_is_scored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run").write_text("q1 Q0 a 1 2.0 x\n")
    Path("qrels").write_text("q1 0 a 1\nq2 0 b 1\n")
    code = run(
        monkeypatch, "eval", "retrieval", "--run", "run", "--qrels", "qrels", "--measures", "RR", "--json"
    )
    assert code == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["RR"]["value"] == 0.5
    assert run(monkeypatch, "eval", "retrieval", "--run", "run") == cli.EXIT_USER_ERROR
    assert "--run FILE --qrels FILE" in capsys.readouterr().err


def test_a_failed_check_exits_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("expected.yaml").write_text(
        "- {name: x, command: status, needs: [elsewhere], expect: {a: {score: 1}}}\n"
    )
    assert run(monkeypatch, "eval", "check", "expected.yaml") == 0
    assert "SKIP  x: elsewhere is not here" in capsys.readouterr().out
    Path("expected.yaml").write_text("- {name: x, command: eval none.jsonl, expect: {a: {score: 1}}}\n")
    assert run(monkeypatch, "eval", "check", "expected.yaml") == 1
    assert "FAIL  x: rag: none.jsonl cannot be read" in capsys.readouterr().out


def test_drafts_are_made_and_reviewed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "news").mkdir()
    text = (
        "Renault bought the old factory near Lyon from a rival. It was sold in May 2019 for 3 million euros."
    )
    (tmp_path / "news" / "a.txt").write_text(f"Head\n\n{text}\n")
    assert run(monkeypatch, "eval", "make", "news") == 0
    assert "2 drafts" in capsys.readouterr().out
    assert run(monkeypatch, "eval", "make", "news") == cli.EXIT_USER_ERROR  # never over what was reviewed
    replies = iter(["e", "Who bought the factory?", "r"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(replies))
    assert run(monkeypatch, "eval", "review", "drafts.jsonl", "--out", "mine.jsonl") == 0
    assert "1 questions in mine.jsonl; 0 drafts left" in capsys.readouterr().out
    (row,) = map(json.loads, Path("mine.jsonl").read_text("utf-8").splitlines())
    assert row["question"] == "Who bought the factory?"


def test_a_squad_file_is_unpacked_synced_and_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"id": "s", "question": "Where are kei cars sold?", "answers": [{"text": "Japan"}]}
    text = "A kei car is a small car. Kei cars are sold in Japan only."
    data = [{"title": "Kei car", "paragraphs": [{"context": text, "qas": [asked]}]}]
    Path("dev.json").write_text(json.dumps({"data": data}))
    assert run(monkeypatch, "eval", "unpack", "dev.json", "articles") == 0
    assert "1 articles in articles" in capsys.readouterr().out
    assert run(monkeypatch, "sync", "articles", "--index", "i") == 0
    capsys.readouterr()
    assert run(monkeypatch, "eval", "dev.json", "--index", "i", "--no-save", "--json") == 0
    told = json.loads(capsys.readouterr().out)["metrics"]
    assert told["right"]["value"] == told["source_cited"]["value"] == 1.0
    assert told["f1"]["total"] == 1


def test_a_grid_is_swept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, file: Path
) -> None:
    (tmp_path / "news").mkdir()
    text = "The joint venture will be founded in March 2025, the two companies said on Monday."
    (tmp_path / "news" / "000.txt").write_text(f"Head\n\n{text}\n")
    code = run(
        monkeypatch, "eval", "sweep", file, "news", "--set", "reader=none", "--set", "k=3,5", "--out", "s"
    )
    said = capsys.readouterr()
    assert code == 0
    assert said.out.count("right  reader=none k=") == 2
    assert "reader=none k=5: 0 passages embedded" in said.err


@pytest.mark.parametrize(
    "command",
    ["answers", "retrieval", "compare", "check", "support", "make", "review", "sweep", "unpack"],
)
def test_every_command_explains_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run(monkeypatch, "eval", command, "--help") == 0
    assert f"Usage: rag eval {command}" in capsys.readouterr().out


def test_eval_alone_and_its_help_list_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "eval", "--help") == 0
    said = capsys.readouterr().out
    assert "Usage: rag eval" in said and "compare" in said
    assert run(monkeypatch, "eval", "retreival") == cli.EXIT_USER_ERROR
    assert "retreival" in capsys.readouterr().err
