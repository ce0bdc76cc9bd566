"""The lessons that ship, and what is taught with them."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rag.training.examples import NEITHER, REFUTED, SUPPORTED
from rag.training.lessons import (
    ARTICLES,
    DIALOGUES,
    FOLDER,
    LESSONS,
    PARAGRAPHS,
    RECORDS,
    SELECTIONS,
    SUMMARIES,
    Ask,
    Case,
    Dialogue,
    Lesson,
    Passages,
    Selection,
    Summary,
    held_out,
    read_cases,
    taught_by_cases,
    taught_by_dialogues,
    taught_by_lessons,
    taught_by_selections,
    taught_by_summaries,
)

# the ids of questions in the sets of PARAGRAPHS
PARAGRAPH = re.compile(r"english-?-\d+-\d+|-?\d+|[0-9a-f]{24}|sq800-[0-9a-f]{16}")
LESSON = Lesson(
    "On Monday Dora Lane bought the mill.",
    (("Who bought the mill?", "Dora Lane"),),
    ("What did the mill cost?",),
    ("The mill was sold.", "Lane owns the mill."),
    ("The mill was not for sale.", "Lane sold the mill."),
    ("The mill is old.",),
)


def shipped(name: str) -> list[dict[str, Any]]:
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "least"), [(LESSONS, 1000), (SELECTIONS, 400), (SUMMARIES, 200), (DIALOGUES, 200)]
)
def test_each_names_a_passage_of_its_own(name: str, least: int) -> None:
    items = shipped(name)
    assert len(items) >= least
    assert len({item["p"] for item in items}) == len(items)
    for item in items:
        article, start, end = item["p"].rsplit(":", 2)
        is_news = article.startswith(("reut-", "wikinews-"))
        assert is_news or (name != LESSONS and PARAGRAPH.fullmatch(article)), item["p"]
        assert int(start) < int(end), item["p"]


def test_the_shipped_lessons_are_whole() -> None:
    for lesson in shipped(LESSONS):
        assert len(lesson["s"]) == len(lesson["r"]) and lesson["q"] and lesson["n"] and lesson["x"], lesson[
            "p"
        ]
        assert all(question and answer for question, answer in lesson["q"]), lesson["p"]


def test_the_shipped_selections_are_whole() -> None:
    for item in shipped(SELECTIONS):
        _, start, end = item["p"].rsplit(":", 2)
        assert all(0 <= a < b <= int(end) - int(start) for a, b in item["t"]), item["p"]
        assert item["b"] and item["n"], item["p"]
        for question, numbers, _ in item["b"]:
            assert question and numbers and all(0 <= number < len(item["t"]) for number in numbers), question


def test_the_shipped_summaries_are_whole() -> None:
    records = shipped(RECORDS)
    assert len(records) >= 60 and all(item["t"] for item in records)
    for item in shipped(SUMMARIES) + records:
        assert item["g"] and item["b"] and {kind for _, kind in item["b"]} <= {"r", "x"}, item


@pytest.mark.parametrize("name", [LESSONS, SELECTIONS, SUMMARIES])
def test_nothing_is_about_an_article_that_is_asked_about(name: str) -> None:
    """The questions of eval/questions/news.jsonl are asked over Wikinews, too."""
    asked = FOLDER.parents[2] / "eval" / "questions" / "news.jsonl"
    sources = {
        source.removesuffix(".txt")
        for line in asked.read_text("utf-8").splitlines()
        for source in json.loads(line).get("sources", ())
    }
    taught_on = {item["p"].rsplit(":", 2)[0] for item in shipped(name)}
    assert sources and not sources & taught_on


def test_what_a_lesson_teaches() -> None:
    examples = list(taught_by_lessons([LESSON] * 2, set()))
    groups = Counter(example.group for example in examples)
    assert groups == {"lesson+": 1, "lesson-": 1, "support:lesson": 5, "support:sides": 8}
    answered = next(example for example in examples if example.group == "lesson+")
    (span,) = answered.spans
    assert answered.second[slice(*span)] == "Dora Lane" and answered.evidence == 1
    labels = {(e.first, e.second): e.support for e in examples if e.support}
    assert labels["The mill was not for sale.", LESSON.passage] == (REFUTED,)
    assert labels["The mill was not for sale.", "The mill was sold."] == (REFUTED,)
    assert labels["The mill was sold.", "The mill was not for sale."] == (REFUTED,)
    assert labels["The mill is old.", "The mill was sold."] == (NEITHER,)
    assert labels["Lane owns the mill.", "The mill was sold."] == (SUPPORTED, NEITHER)


def test_every_sixteenth_lesson_is_kept_to_measure_by() -> None:
    lessons = [Lesson(f"Passage {n}.", (), (f"Who is {n}?",), (), (), ()) for n in range(32)]
    learned = {example.second for example in taught_by_lessons(lessons, set())}
    assert len(learned) == 30
    assert learned.isdisjoint(lesson.passage for lesson in held_out(lessons))


def test_the_shipped_cases_are_whole() -> None:
    cases = read_cases()
    assert len(cases) >= 500
    for case in cases:
        assert case.answer and case.answer in case.said, case.question
        told = {case.said, case.agrees, case.contradicts, case.other}
        assert len(told) == 4 and all(len(text.split()) >= 5 for text in told), case.question


def test_what_a_case_teaches() -> None:
    case = Case(
        "How many were hurt?",
        "Fourteen were hurt.",
        "Fourteen",
        "More than a dozen were hurt.",
        "Nobody was hurt.",
        "Nine of the hurt are in hospital.",
    )
    examples = list(taught_by_cases([case] * 2))
    answered = [example for example in examples if example.group == "lesson+"]
    assert [(e.second[slice(*e.spans[0])], e.evidence) for e in answered] == [("Fourteen", 1)]
    labels = {(e.first, e.second): e.support for e in examples if e.support}
    for other, expected in (
        (case.agrees, (SUPPORTED, NEITHER)),
        (case.contradicts, (REFUTED,)),
        (case.other, (NEITHER,)),
    ):
        assert labels[other, case.said] == labels[case.said, other] == expected
    assert len(labels) == 6


def test_what_a_selection_teaches() -> None:
    passage = "The mill was sold on Monday. Dora Lane bought it. She paid in cash."
    selection = Selection(
        passage,
        ((0, 28), (29, 49), (50, 67)),
        (("What became of the mill?", (0, 1), ""), ("How did Lane pay?", (2,), "in cash")),
        ("Why was the mill sold?",),
    )
    examples = list(taught_by_selections([selection] * 2, set()))
    broad, exact, missing = examples
    assert [passage[slice(*span)] for span in broad.answering or ()] == [
        "The mill was sold on Monday.",
        "Dora Lane bought it.",
    ]
    assert (broad.spans, broad.evidence, exact.evidence) == ((), 1, 1)
    assert [passage[slice(*span)] for span in exact.spans] == ["in cash"]
    assert (missing.no_answer, missing.evidence) == (True, 0)


def test_what_a_summary_teaches() -> None:
    summary = Summary("Lane has the mill.", ("The mill is Lane's.",), (("It cost her little.", NEITHER),))
    examples = list(taught_by_summaries([summary] * 2, set()))
    assert [(e.first, e.support) for e in examples] == [
        ("The mill is Lane's.", (SUPPORTED,)),
        ("It cost her little.", (NEITHER,)),
    ]


def test_what_a_conversation_teaches() -> None:
    passage = "The mill was sold on Monday. Dora Lane bought it. She paid in cash."
    dialogue = Dialogue(
        passage,
        (
            Ask("Who has the mill now?", "Who has the mill now?", ((29, 49),), "Dora Lane"),
            Ask("since when", "Since when has Dora Lane had the mill?", ((0, 28),), ""),
        ),
        ((2, Ask("why?", "Why was the mill sold on Monday?", (), "")),),
    )
    examples = list(taught_by_dialogues([dialogue] * 2, set()))
    assert [(e.group, e.first, e.no_answer) for e in examples] == [
        ("told+", "Who has the mill now?", False),
        ("told+", "Since when has Dora Lane had the mill?", False),
        ("talk+", "since when (Who has the mill now? Dora Lane bought it.)", False),
        ("told-", "Why was the mill sold on Monday?", True),
        ("talk-", "why? (Since when has Dora Lane had the mill? The mill was sold on Monday.)", True),
    ]
    assert [passage[slice(*span)] for e in examples for span in e.answering or ()] == [
        "Dora Lane bought it.",
        "The mill was sold on Monday.",
        "The mill was sold on Monday.",
    ]


def test_a_paragraph_goes_by_its_first_question(tmp_path: Path) -> None:
    for name in (*(f"articles/{one}" for one in ARTICLES), *(f"train/qa/{one}" for one in PARAGRAPHS)):
        file = tmp_path / f"{name}.jsonl.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(file, "wt", encoding="utf-8") as lines:
            lines.write(json.dumps({"_id": "w", "id": "q:1", "text": "News.", "context": "A mill.\nA farm."}))
    passages = Passages(tmp_path)
    assert (passages["w:0:4"], passages["q:1:2:14"]) == ("News", "mill. A farm")
