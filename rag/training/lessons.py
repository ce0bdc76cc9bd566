"""Lessons written by hand over news passages: free wording, near misses, and claims that another paper might print.

Each line of ``lessons.jsonl.gz`` names a passage of the data folder's ``articles/`` (id and characters; its text stays
there) and holds questions with their exact answers, questions that it seems to answer and does not, claims that follow
from it, claims that contradict those, and claims that do neither. Each line of ``cases.jsonl.gz`` is a sentence of one
paper with three of other papers: one that agrees in other words, one that contradicts it, and one that only seems to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rag.training.examples import NEITHER, REFUTED, SUPPORTED, Example, overlaps, read_lines

FILE = Path(__file__).with_name("lessons.jsonl.gz")
CASES = Path(__file__).with_name("cases.jsonl.gz")
ARTICLES = ("wikinews", "reuters21578")
HELD_OUT = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A passage and what is asked and said about it.

    Attributes:
        asked: pairs of a question and its answer, which stands in the passage.
        missing: questions that the passage does not answer.
        true: claims that follow from the passage.
        false: claims that contradict it, each also the claim of ``true`` at its place.
        open: claims that the passage neither supports nor contradicts.
    """

    passage: str
    asked: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    true: tuple[str, ...]
    false: tuple[str, ...]
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Sentences of four papers on one question; ``answer`` stands in ``said``."""

    question: str
    said: str
    answer: str
    agrees: str
    contradicts: str
    other: str


def read_cases(file: Path = CASES) -> list[Case]:
    """The cases of ``file``."""
    return [
        Case(item["q"], item["a"], item["v"], item["same"], item["conflict"], item["other"])
        for item in read_lines(file)
    ]


def read_lessons(data: Path, file: Path = FILE) -> list[Lesson]:
    """The lessons of ``file`` with their passages out of ``data``; line ends in them are spaces.

    Raises:
        KeyError: a passage's article is not in the data folder.
    """
    texts = {
        item["_id"]: item["text"]
        for name in ARTICLES
        for item in read_lines(data / "articles" / f"{name}.jsonl.gz")
    }
    found = []
    for item in read_lines(file):
        name, start, end = item["p"].rsplit(":", 2)
        found.append(
            Lesson(
                texts[name][int(start) : int(end)].replace("\n", " "),
                tuple((question, answer) for question, answer in item["q"]),
                tuple(item["n"]),
                tuple(item["s"]),
                tuple(item["r"]),
                tuple(item["x"]),
            )
        )
    return found


def held_out(lessons: list[T]) -> list[T]:
    """Every sixteenth of the lessons (or cases), which is not taught: to measure by."""
    return lessons[::HELD_OUT]


def _to_teach(lessons: list[T]) -> Iterator[T]:
    return (one for place, one in enumerate(lessons) if place % HELD_OUT)


def _answered(question: str, answer: str, passage: str) -> Iterator[Example]:
    start = passage.find(answer)
    if start >= 0:
        yield Example("lesson+", question, passage, spans=((start, start + len(answer)),), evidence=1)


def taught(lessons: list[Lesson], seen: set[int]) -> Iterator[Example]:
    """Questions and claims over each passage, and claims over one another.

    Lessons that are held out are left away, and those whose passage overlaps with ``seen``.
    """
    for one in _to_teach(lessons):
        if overlaps(one.passage, seen):
            continue
        for question, answer in one.asked:
            yield from _answered(question, answer, one.passage)
        for question in one.missing:
            yield Example("lesson-", question, one.passage, no_answer=True, evidence=0)
        for claims, label in ((one.true, SUPPORTED), (one.false, REFUTED), (one.open, NEITHER)):
            for claim in claims:
                yield Example("support:lesson", claim, one.passage, support=(label,))
        yield from _side_by_side(one)


def _side_by_side(one: Lesson) -> Iterator[Example]:
    """Single sentences of two reports held against each other, as sources that may disagree are."""
    for place, (true, false) in enumerate(zip(one.true, one.false, strict=True)):
        for claim, premise in ((true, false), (false, true)):
            yield Example("support:sides", claim, premise, support=(REFUTED,))
        for other in one.open:
            yield Example("support:sides", other, true, support=(NEITHER,))
        # another fact of the same passage; it may follow from this one
        other = one.true[(place + 1) % len(one.true)]
        yield Example("support:sides", other, true, support=(SUPPORTED, NEITHER))


def taught_by_cases(cases: list[Case]) -> Iterator[Example]:
    """The question over the sentence that answers it, and the sentences held against each other, both ways round."""
    for one in _to_teach(cases):
        yield from _answered(one.question, one.answer, one.said)
        for other, labels in (
            (one.agrees, (SUPPORTED, NEITHER)),  # what agrees need not say as much
            (one.contradicts, (REFUTED,)),
            (one.other, (NEITHER,)),
        ):
            yield Example("support:cases", other, one.said, support=labels)
            yield Example("support:cases", one.said, other, support=labels)
