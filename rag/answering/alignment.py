"""Which sentences of the articles support what a model said: its citations are hints, the check decides.

A statement is held against single sentences and short runs of neighbouring ones, first in the passages it cites, then
in the others it was shown. The shortest run that passes the check becomes the citation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.answering.citations import Pointer
from rag.answering.machine_talk import is_machine_talk
from rag.answering.prompting import Passage
from rag.answering.verification import (
    Objection,
    Verification,
    exact_objections,
    similarity,
    supported_above,
    verify_all,
)
from rag.models.reader import Reader
from rag.types import Document

LONGEST_RUN = 2  # sentences
_MOST_TOGETHER = 3  # articles that may support a statement only jointly
_TRIED = 4  # runs the reader judges for one statement; each costs it some 10 ms
_LOOKED_AT = 24  # runs the exact checks are made on, nearest in wording first
_LENGTH_COST = 0.05  # of support for each further sentence, so that the shortest proof wins
# Of support for a further sentence: two are easily mixed into a third thing. From here on 95 % of the proofs that need
# two sentences are right (eval/generators/two_sentences.py).
_LONGER_NEEDS = 0.25
_MOST_WORDS = 80  # a "sentence" longer than this is no statement


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring sentences of one article, as they stand there."""

    passage: int
    document: Document
    start: int
    end: int
    length: int

    @property
    def text(self) -> str:
        return self.document.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Aligned:
    """What supports a statement, or why nothing does."""

    pointers: tuple[Pointer, ...]
    objections: tuple[Objection, ...] = ()


def align(
    statement: str,
    cited: Sequence[int],
    passages: Sequence[Passage],
    document_of: Callable[[str], Document],
    reader: Reader | None,
) -> Aligned:
    """Find the support of one statement.

    Args:
        statement: without marks.
        cited: numbers of the passages its author named, from 1.
        passages: the prompt's passages in order.
        document_of: the document at a path.
        reader: judges the meaning, where there is one.
    """
    if statement.rstrip().endswith("?"):
        return Aligned((), (Objection("empty", statement, "it is a question"),))
    if len(statement.split()) > _MOST_WORDS:
        return Aligned((), (Objection("empty", statement, "it is no single sentence"),))
    runs = [
        run for number, passage in enumerate(passages, start=1) for run in _runs(number, passage, document_of)
    ]
    named = [run for run in runs if run.passage in cited]
    others = [run for run in runs if run.passage not in cited]
    told: tuple[Objection, ...] = ()
    for pool in (named, others):
        aligned = _supported(statement, pool, reader)
        if aligned.pointers:
            return aligned
        if pool is named:
            together = _together(statement, named, reader)
            if together:
                return Aligned(together)
        told = told or aligned.objections
    return Aligned((), told or (Objection("support", statement, "no article says this"),))


def _runs(number: int, passage: Passage, document_of: Callable[[str], Document]) -> list[_Run]:
    document = document_of(passage.hit.path)
    sentences = [sentence for sentence in passage.sentences if not is_machine_talk(sentence.text)]
    runs = []
    for first in range(len(sentences)):
        for length in range(1, min(LONGEST_RUN, len(sentences) - first) + 1):
            last = sentences[first + length - 1]
            between = document.text[sentences[first].start : last.end]
            if length > 1 and (
                is_machine_talk(between)
                or "\n\n" in document.text[sentences[first + length - 2].end : last.start]
                or document.text[sentences[first + length - 2].end : last.start].strip()
            ):
                break  # a blank line parts two thoughts; what was left out between two sentences is nothing to cite
            runs.append(_Run(number, document, sentences[first].start, last.end, length))
    return runs


def _supported(statement: str, pool: Sequence[_Run], reader: Reader | None) -> Aligned:
    """The best run of each article that passes the check by itself."""
    tried = _candidates(statement, pool)
    if not tried:
        near = max(pool, key=lambda run: similarity(statement, [run.text]), default=None)
        return Aligned((), exact_objections(statement, [near.text]) if near else ())
    verified = verify_all([(statement, [run.text]) for run in tried], reader)
    best: dict[str, tuple[float, _Run, Verification]] = {}
    least = supported_above(reader)
    for run, verification in zip(tried, verified, strict=True):
        worth = verification.support - _LENGTH_COST * (run.length - 1)
        known = best.get(run.document.path)
        is_enough = verification.support >= least + _LONGER_NEEDS * (run.length - 1)
        if verification.is_supported and is_enough and (known is None or worth > known[0]):
            best[run.document.path] = (worth, run, verification)
    if not best:
        nearest = max(verified, key=lambda verification: verification.support)
        return Aligned(
            (), nearest.objections or (Objection("support", statement, "no one sentence says this"),)
        )
    return Aligned(
        tuple(
            Pointer(run.document, run.start, run.end, run.text, verification.support)
            for _, run, verification in sorted(best.values(), key=lambda item: -item[0])
        )
    )


def _candidates(statement: str, pool: Sequence[_Run]) -> list[_Run]:
    """The few runs worth the reader's time: nearest in wording, and nothing exact against them."""

    def nearness(run: _Run) -> float:
        return similarity(statement, [run.text]) - _LENGTH_COST * (run.length - 1)

    nearest = sorted(pool, key=nearness, reverse=True)[:_LOOKED_AT]
    return [run for run in nearest if not exact_objections(statement, [run.text])][:_TRIED]


def _together(statement: str, named: Sequence[_Run], reader: Reader | None) -> tuple[Pointer, ...]:
    """One sentence of each cited article, where only all of them together support the statement."""
    best: dict[str, _Run] = {}
    for run in named:
        known = best.get(run.document.path)
        if run.length == 1 and (
            known is None or similarity(statement, [run.text]) > similarity(statement, [known.text])
        ):
            best[run.document.path] = run
    if not 2 <= len(best) <= _MOST_TOGETHER:
        return ()
    verification = verify_all([(statement, [run.text for run in best.values()])], reader)[0]
    if not verification.is_supported or verification.support < supported_above(reader) + _LONGER_NEEDS:
        return ()
    return tuple(
        Pointer(run.document, run.start, run.end, run.text, verification.support) for run in best.values()
    )
