"""The lessons that ship, and what is taught with them."""

from __future__ import annotations

import gzip
import json
from collections import Counter

from rag.training.examples import NEITHER, REFUTED, SUPPORTED
from rag.training.lessons import FILE, Case, Lesson, held_out, read_cases, taught, taught_by_cases

LESSON = Lesson(
    "On Monday Dora Lane bought the mill.",
    (("Who bought the mill?", "Dora Lane"),),
    ("What did the mill cost?",),
    ("The mill was sold.", "Lane owns the mill."),
    ("The mill was not for sale.", "Lane sold the mill."),
    ("The mill is old.",),
)


def test_the_shipped_lessons_are_whole() -> None:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        lessons = [json.loads(line) for line in lines]
    assert len(lessons) >= 1000
    assert len({lesson["p"] for lesson in lessons}) == len(lessons)
    for lesson in lessons:
        name, start, end = lesson["p"].rsplit(":", 2)
        assert name.startswith(("reut-", "wikinews-")) and int(start) < int(end), lesson["p"]
        assert len(lesson["s"]) == len(lesson["r"]) and lesson["q"] and lesson["n"] and lesson["x"], lesson[
            "p"
        ]
        assert all(question and answer for question, answer in lesson["q"]), lesson["p"]


def test_no_lesson_is_about_an_article_that_is_asked_about() -> None:
    """The questions of eval/questions/news.jsonl are asked over Wikinews, too."""
    asked = FILE.parents[2] / "eval" / "questions" / "news.jsonl"
    sources = {
        source.removesuffix(".txt")
        for line in asked.read_text("utf-8").splitlines()
        for source in json.loads(line).get("sources", ())
    }
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        taught_on = {json.loads(line)["p"].rsplit(":", 2)[0] for line in lines}
    assert sources and not sources & taught_on


def test_what_a_lesson_teaches() -> None:
    examples = list(taught([LESSON] * 2, set()))
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
    learned = {example.second for example in taught(lessons, set())}
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
