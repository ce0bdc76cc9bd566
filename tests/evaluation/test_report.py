from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rag.evaluation.questions import read_questions
from rag.evaluation.report import print_report, to_json, to_markdown
from rag.evaluation.runner import Run, run
from rag.types import Answer, Hit

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]


@pytest.fixture
def done(tmp_path: Path, answer: MakeAnswer, hit: MakeHit, scripted: Any) -> Run:
    """Four questions: right, refused wrongly, answered wrongly, and Ctrl-C."""
    rows = [
        {"kind": "fact", "answerable": True, "expected": [["34%"]], "sources": ["001"]},
        {"kind": "why", "answerable": True, "expected": [["costs", "cost"]], "sources": ["001"]},
        {"kind": "fact", "answerable": False, "near_miss": True, "history": ["Who leads [Tesla]?"]},
        {"kind": "fact", "answerable": False},
    ]
    file = tmp_path / "set.jsonl"
    lines = [json.dumps({"id": f"q{n}", "question": f"Question {n}?"} | row) for n, row in enumerate(rows)]
    file.write_text("\n".join(lines), encoding="utf-8")
    engine = scripted(
        [
            (answer("It owns 34%.", "001_a.txt"), (hit(1, "001_a.txt", "It owns 34%."),)),
            (answer("Not in these articles.", verdict="not_found"), (hit(1, "001_a.txt", "costs fall"),)),
            (answer("The [bold]chief[/bold] is Mr. X.", "003_b.txt"), ()),
            KeyboardInterrupt(),
        ]
    )
    return run(read_questions(file), engine, name=file.name)


def printed(done: Run, *, failures: bool, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width)
    print_report(done, console, failures=failures)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_json_says_everything_and_is_json(done: Run) -> None:
    said = json.loads(json.dumps(to_json(done)))
    assert (said["planned"], said["questions"], said["interrupted"]) == (4, 3, True)
    assert said["metrics"]["right"] | {"ci95": None} == {
        "value": 0.5,
        "count": 1,
        "total": 2,
        "ci95": None,
    }
    assert said["metrics"]["evidence_recall@1"]["value"] == 1.0
    assert said["metrics"]["refusal_precision"]["value"] == 0.0
    assert said["metrics"]["near_miss_recall"]["value"] == 0.0
    assert said["verdicts"]["answerable"] == {"answered": 1, "partial": 0, "not_found": 1}
    assert [row["kind"] for row in said["kinds"]] == ["fact", "why"]
    assert [(failure["id"], failure["failure"]) for failure in said["failures"]] == [
        ("q1", "refused, though the articles say"),
        ("q2", "answered, though the articles do not say"),
    ]


def test_tables_hold_the_same_numbers(done: Run) -> None:
    text = printed(done, failures=False)
    assert "stopped after 3 of 4" in text
    row = next(line for line in text.splitlines() if "expected facts" in line)
    assert "50.0%" in row and row.endswith("1/2")
    why = next(line for line in text.splitlines() if line.startswith("why"))
    assert " ".join(why.split()) == "why 1 0 0 1 0 0"
    assert "2 questions went wrong; --failures lists them" in text
    assert "Question 1?" not in text


def test_failures_show_question_got_and_expected(done: Run) -> None:
    text = printed(done, failures=True)
    assert "Question 1?" in text and "expected: costs | cost (from 001)" in text
    assert "Who leads [Tesla]? → Question 2?" in text  # square brackets are text here, not markup
    assert "got: The [bold]chief[/bold] is Mr. X. [1]" in text
    assert "cited: 003_b.txt" in text
    assert "Question 0?" not in text


def test_markdown_has_the_numbers_and_what_made_them(done: Run) -> None:
    about = {
        "command": "rag eval set.jsonl",
        "started": "2026-01-01",
        "corpus": {"documents": 5, "digest": "abc"},
        "git": {"commit": "0123456789abcdef", "changed": True},
        "seed": 7,
    }
    text = to_markdown(done, about)
    assert "| answer holds the expected facts | 0.500 | 0.000–1.000 | 1/2 |" in text
    assert (
        "3 questions of 4 (interrupted), 2026-01-01, 5 articles (abc), commit 0123456789 and changes" in text
    )
    assert "| why | 1 | 0 | 0 | 1 | 0 | 0 |" in text
