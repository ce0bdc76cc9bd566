"""Lessons written by hand over news passages: free wording, near misses, and claims that another paper might print.

Each line of ``lessons.jsonl.gz`` names a passage of the data folder's ``articles/`` (id and characters; its text stays
there) and holds questions with their exact answers, questions that it seems to answer and does not, claims that follow
from it, claims that contradict those, and claims that do neither. Each line of ``cases.jsonl.gz`` is a sentence of one
paper with three of other papers: one that agrees in other words, one that contradicts it, and one that only seems to.
Each line of ``selections.jsonl.gz`` is a passage with its sentences, and for each question which of them answer; each
line of ``summaries.jsonl.gz`` a passage with sentences that sum up parts of it, faithfully or all but one bit, and
each line of ``records.jsonl.gz`` the same over a record (JSON, lines, a table) that was invented with them. Each line
of ``dialogues.jsonl.gz`` is a passage with a conversation about it. All lie in `FOLDER`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rag.models.reader import following
from rag.training.examples import NEITHER, REFUTED, SUPPORTED, Example, overlaps, read_lines

FOLDER = Path(__file__).with_name("written")
LESSONS, CASES, SELECTIONS, SUMMARIES, RECORDS, DIALOGUES = (
    f"{name}.jsonl.gz" for name in ("lessons", "cases", "selections", "summaries", "records", "dialogues")
)
ARTICLES = ("wikinews", "reuters21578")
PARAGRAPHS = ("tydiqa_en", "qed_nq", "squadshifts_wiki", "squad1_du_test", "squad_sample800")
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


@dataclass(frozen=True, slots=True)
class Selection:
    """A passage, and which of its sentences answer questions that seldom have one exact answer: broad ones, reasons,
    yes or no, lists.

    Attributes:
        sentences: (start, end) characters of the passage.
        asked: question, the sentences that answer it, and the phrase in them that decides ("" where none does).
        missing: questions of the same kinds that no sentence answers.
    """

    passage: str
    sentences: tuple[tuple[int, int], ...]
    asked: tuple[tuple[str, tuple[int, ...], str], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A passage, or a record as text, and sentences as a language model writes them about it.

    Attributes:
        faithful: sentences all of which follows from the passage.
        unfaithful: sentences of which one bit does not, with `REFUTED` or `NEITHER` for that bit.
    """

    passage: str
    faithful: tuple[str, ...]
    unfaithful: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A turn of a conversation.

    Attributes:
        typed: the question as a person types it.
        whole: the same so that it stands by itself.
        answering: (start, end) characters of the sentences that answer it; none where the passage does not.
        phrase: what decides in them; "" where nothing short does.
    """

    typed: str
    whole: str
    answering: tuple[tuple[int, int], ...]
    phrase: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A passage and a conversation about it.

    Attributes:
        asked: its turns, the first a question that stands by itself.
        missing: follow-ups that the passage does not answer, each with the number of turns before it.
    """

    passage: str
    asked: tuple[Ask, ...]
    missing: tuple[tuple[int, Ask], ...]


def taught(data: Path, seen: set[int], folder: Path = FOLDER) -> Iterator[Example]:
    """Everything in ``folder`` but what is held out, and what overlaps with ``seen``.

    Raises:
        KeyError: a passage's article is not in ``data``.
    """
    passages = Passages(data)
    yield from taught_by_lessons(read_lessons(passages, folder), seen)
    yield from taught_by_cases(read_cases(folder))
    yield from taught_by_selections(read_selections(passages, folder), seen)
    yield from taught_by_summaries(read_summaries(passages, folder) + read_records(folder), seen)
    yield from taught_by_dialogues(read_dialogues(passages, folder), seen)


def read_cases(folder: Path = FOLDER) -> list[Case]:
    """The cases in ``folder``."""
    return [
        Case(item["q"], item["a"], item["v"], item["same"], item["conflict"], item["other"])
        for item in read_lines(folder / CASES)
    ]


def read_lessons(passages: Passages, folder: Path = FOLDER) -> list[Lesson]:
    """The lessons in ``folder`` with their passages."""
    return [
        Lesson(
            passages[item["p"]],
            tuple((question, answer) for question, answer in item["q"]),
            tuple(item["n"]),
            tuple(item["s"]),
            tuple(item["r"]),
            tuple(item["x"]),
        )
        for item in read_lines(folder / LESSONS)
    ]


def read_selections(passages: Passages, folder: Path = FOLDER) -> list[Selection]:
    """The selections in ``folder`` with their passages."""
    return [
        Selection(
            passages[item["p"]],
            tuple((start, end) for start, end in item["t"]),
            tuple((question, tuple(numbers), phrase or "") for question, numbers, phrase in item["b"]),
            tuple(item["n"]),
        )
        for item in read_lines(folder / SELECTIONS)
    ]


def read_summaries(passages: Passages, folder: Path = FOLDER) -> list[Summary]:
    """The summaries in ``folder`` with their passages."""
    return [_summary(passages[item["p"]], item) for item in read_lines(folder / SUMMARIES)]


def read_records(folder: Path = FOLDER) -> list[Summary]:
    """The records in ``folder``."""
    return [_summary(item["t"], item) for item in read_lines(folder / RECORDS)]


def read_dialogues(passages: Passages, folder: Path = FOLDER) -> list[Dialogue]:
    """The conversations in ``folder`` with their passages."""

    def ask(turn: Mapping[str, Any], spans: list[tuple[int, int]]) -> Ask:
        answering = tuple((spans[number][0], spans[number][1]) for number in turn.get("n", ()))
        return Ask(turn["q"], turn.get("s", turn["q"]), answering, turn.get("a") or "")

    return [
        Dialogue(
            passages[item["p"]],
            tuple(ask(turn, item["t"]) for turn in item["c"]),
            tuple((turn["after"], ask(turn, item["t"])) for turn in item["x"]),
        )
        for item in read_lines(folder / DIALOGUES)
    ]


def _summary(text: str, item: Mapping[str, Any]) -> Summary:
    kinds = {"r": REFUTED, "x": NEITHER}
    unfaithful = tuple((sentence, kinds[kind]) for sentence, kind in item["b"])
    return Summary(text, tuple(item["g"]), unfaithful)


class Passages:
    """The data folder's passages by "article:start:end"; line ends in them are spaces.

    A paragraph that questions are asked of goes by the id of its first question.

    Raises:
        KeyError: on access, if the article is not in the data folder.
    """

    def __init__(self, data: Path) -> None:
        self._texts: dict[str, str] = {
            item["_id"]: item["text"]
            for name in ARTICLES
            for item in read_lines(data / "articles" / f"{name}.jsonl.gz")
        }
        for name in PARAGRAPHS:
            for item in read_lines(data / "train" / "qa" / f"{name}.jsonl.gz"):
                self._texts.setdefault(item["id"], item["context"])

    def __getitem__(self, name: str) -> str:
        article, start, end = name.rsplit(":", 2)
        return self._texts[article][int(start) : int(end)].replace("\n", " ")


def held_out(lessons: list[T]) -> list[T]:
    """Every sixteenth of the lessons (or cases), which is not taught: to measure by."""
    return lessons[::HELD_OUT]


def _to_teach(lessons: list[T]) -> Iterator[T]:
    return (one for place, one in enumerate(lessons) if place % HELD_OUT)


def _answered(question: str, answer: str, passage: str) -> Iterator[Example]:
    start = passage.find(answer)
    if start >= 0:
        yield Example("lesson+", question, passage, spans=((start, start + len(answer)),), evidence=1)


def taught_by_lessons(lessons: list[Lesson], seen: set[int]) -> Iterator[Example]:
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


def taught_by_selections(selections: list[Selection], seen: set[int]) -> Iterator[Example]:
    """Questions with the sentences that answer; those that are held out or overlap with ``seen`` are left away."""
    for one in _to_teach(selections):
        if overlaps(one.passage, seen):
            continue
        for question, numbers, phrase in one.asked:
            answering = tuple(one.sentences[number] for number in numbers)
            yield Example(
                "told+",
                question,
                one.passage,
                spans=_within(phrase, one.passage, answering),
                evidence=1,
                answering=answering,
            )
        for question in one.missing:
            yield Example("told-", question, one.passage, no_answer=True, evidence=0)


def taught_by_summaries(summaries: list[Summary], seen: set[int]) -> Iterator[Example]:
    """Each sentence over its passage; those that are held out or overlap with ``seen`` are left away."""
    for one in _to_teach(summaries):
        if overlaps(one.passage, seen):
            continue
        for claim in one.faithful:
            yield Example("support:summed", claim, one.passage, support=(SUPPORTED,))
        for claim, label in one.unfaithful:
            yield Example("support:summed", claim, one.passage, support=(label,))


def taught_by_dialogues(dialogues: list[Dialogue], seen: set[int]) -> Iterator[Example]:
    """Follow-ups as they are typed, with the turn before, and each as a question that stands by itself.

    Conversations that are held out or overlap with ``seen`` are left away.
    """
    for one in _to_teach(dialogues):
        if overlaps(one.passage, seen):
            continue
        for number, ask in enumerate(one.asked):
            yield _selected("told+", ask.whole, one.passage, ask)
            if number:
                yield _selected("talk+", leaning(one, number, ask), one.passage, ask)
        for number, ask in one.missing:
            yield Example("told-", ask.whole, one.passage, no_answer=True, evidence=0)
            yield Example("talk-", leaning(one, number, ask), one.passage, no_answer=True, evidence=0)


def leaning(dialogue: Dialogue, number: int, ask: Ask) -> str:
    """What the reader is given of a question that comes after ``number`` turns."""
    before = dialogue.asked[number - 1]
    said = " ".join(dialogue.passage[start:end] for start, end in before.answering)
    return following(ask.typed, before.whole, said)


def _selected(group: str, question: str, passage: str, ask: Ask) -> Example:
    spans = _within(ask.phrase, passage, ask.answering)
    return Example(group, question, passage, spans=spans, evidence=1, answering=ask.answering)


def _within(phrase: str, passage: str, sentences: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Where ``phrase`` stands first in one of the sentences of ``passage``; empty where it does in none."""
    for start, end in sentences:
        found = passage.find(phrase, start, end) if phrase else -1
        if found >= 0:
            return ((found, found + len(phrase)),)
    return ()
