from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from rag.errors import InputError
from rag.evaluation import run_folder
from rag.evaluation.compare import Comparison, compare, paired, to_json
from rag.evaluation.compare_report import print_comparison, render
from rag.evaluation.questions import Question
from rag.evaluation.runner import run
from rag.types import Answer, Hit

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]

ABOUT: dict[str, Any] = {
    "kind": "answers",
    "questions": {"file": "set.jsonl", "count": 4, "digest": "q"},
    "corpus": {"documents": 2, "digest": "c"},
    "settings": {"k": 5},
}


@pytest.fixture
def make_run(
    tmp_path: Path, question: MakeQuestion, answer: MakeAnswer, hit: MakeHit, scripted: Any
) -> Callable[..., Path]:
    def made(name: str, *texts: str, **about: Any) -> Path:
        folder = run_folder.start(tmp_path / name, ABOUT | about)
        asked = [question(id=f"q{n}", question=f"Question {n}?") for n in range(len(texts))]
        replies = []
        for text in texts:
            said = answer(text, "001_a.txt") if text else answer("No.", verdict="not_found")
            replies.append((said, (hit(1, "002_b.txt", "The <b>closest</b> passage."),)))
        run(asked, scripted(replies), folder=folder, progress=False)
        return folder.path

    return made


@pytest.fixture
def comparison(make_run: Callable[..., Path]) -> Comparison:
    a = make_run("a", "Nissan.", "Nissan.", "Honda.", "Nissan owns it.")
    b = make_run("b", "Nissan.", "", "Nissan.", "It is Nissan.", settings={"k": 9})
    return compare(a, b)


def test_what_flipped_and_what_only_changed(comparison: Comparison) -> None:
    assert [(one.how, one.a.question.id) for one in comparison.changed] == [
        ("worse", "q1"),
        ("better", "q2"),
        ("other words", "q3"),
    ]
    assert comparison.settings == {"settings k": (5, 9)}
    right = next(one for one in comparison.differences if one.measure == "right")
    assert (right.a, right.b, right.wins, right.losses, right.questions) == (0.75, 0.75, 1, 1, 4)
    assert right.low < 0 < right.high and right.p == 1.0
    refused = next(one for one in comparison.differences if one.measure == "refused (answerable)")
    assert (refused.wins, refused.losses) == (0, 1)  # more of it is worse
    assert not {"f1", "exact"} & {
        one.measure for one in comparison.differences
    }  # the set has no short answers


def test_a_changed_answer_is_told_with_its_question_both_answers_and_the_evidence(
    comparison: Comparison,
) -> None:
    console = Console(file=StringIO(), width=120)
    print_comparison(comparison, console, most=1)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "worse: q1: Question 1?" in text
    assert "a: Nissan. [1]" in text and "cited, 001_a.txt 0–7: Nissan." in text
    assert "b: No." in text and "found, not cited, 002_b.txt" in text
    assert "Question 2?" not in text and "… and 2 more" in text
    told = to_json(comparison)["changed"][0]
    assert told["b"]["evidence"][0]["path"] == "002_b.txt"
    page = render(comparison)
    assert "Question 1?" in page and "The &lt;b&gt;closest&lt;/b&gt; passage." in page
    assert "<b>closest" not in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"questions": {"count": 1, "digest": "other"}}, "they asked different questions"),
        ({"corpus": {"documents": 9, "digest": "other"}}, "they asked different articles.*documents 9"),
        ({"kind": "retrieval"}, "they measure different things"),
    ],
)
def test_what_may_not_be_compared_is_refused_with_the_reason(
    make_run: Callable[..., Path], changed: dict[str, Any], said: str
) -> None:
    one = {"questions": ABOUT["questions"] | {"count": 1}}
    a, b = make_run("a", "Nissan.", **one), make_run("b", "Nissan.", **(one | changed))
    with pytest.raises(InputError, match=said):
        compare(a, b)


def test_an_unfinished_run_is_refused(make_run: Callable[..., Path]) -> None:
    a, b = make_run("a", "1", "2", "3", "4"), make_run("b", "1", "2")
    with pytest.raises(InputError, match=r"b has 2 of 4 questions; next step: finish it with --resume"):
        compare(a, b)
    with pytest.raises(InputError, match="holds no run"):
        compare(a, b.parent)


def test_rankings_are_compared_query_by_query(tmp_path: Path) -> None:
    paths = []
    for name, values in (("a", (0.2, 0.4, 0.6)), ("b", (0.3, 0.6, 0.9))):
        about = ABOUT | {"kind": "retrieval", "questions": {"count": 3, "digest": "q"}}
        folder = run_folder.start(tmp_path / name, about)
        rows = [json.dumps({"id": str(n), "nDCG@10": value}) for n, value in enumerate(values)]
        folder.write("queries.jsonl", "\n".join(rows) + "\n")
        paths.append(folder.path)
    (only,) = compare(*paths).differences
    assert (only.measure, only.wins, only.losses) == ("nDCG@10", 3, 0)
    assert only.b - only.a == pytest.approx(0.2)


def test_interval_and_p_agree_with_the_t_test_where_that_holds() -> None:
    drawn = np.random.default_rng(5)
    a = drawn.normal(0.5, 0.2, 400)
    b = a + drawn.normal(0.02, 0.2, 400)
    low, high, p = paired(a, b)
    theirs = stats.ttest_rel(b, a)
    assert p == pytest.approx(theirs.pvalue, abs=0.02)
    interval = theirs.confidence_interval()
    assert (low, high) == (pytest.approx(interval.low, abs=0.003), pytest.approx(interval.high, abs=0.003))
    assert paired(a, b) == (low, high, p)
    assert paired(a, a) == (0.0, 0.0, 1.0)
