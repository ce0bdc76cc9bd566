"""Articles that contradict each other on what was asked, set side by side: who says what, newest first.

Of each article the sentences that answer best are compared with those shown (``disagreement``). It costs a reading of a
few sentences, and nothing where only one article answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from rag.answering.citations import Numbering, Pointer
from rag.answering.contradiction import decided
from rag.answering.disagreement import Difference, Said, difference, may_be_compared
from rag.answering.evidence import Evidence
from rag.answering.extractive import Draft, readable
from rag.answering.opposites import term_set
from rag.answering.question import Analysis
from rag.answering.values import name_terms
from rag.chunking.sentences import split_sentences
from rag.models.reader import Reader
from rag.types import Conflict, Document, Location, Position

_NEAR = 0.3  # of the best sentence's probability: what is far less likely to answer contradicts nothing
_PER_ARTICLE = 2
_READ = 8  # sentences read once more, each by itself; one takes some 3 ms
_JUDGED = 6  # pairs the reader judges both ways, those first that the rules hold against each other
_MOST = 4  # positions shown
_AROUND = 500  # characters to either side in which names tell what the article is about


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence that may answer: where it stands, and what the reader makes of it by itself."""

    pointer: Pointer
    is_shown: bool
    said: Said


def find(
    analysis: Analysis,
    weighed: Sequence[Evidence],
    drafts: Sequence[Draft],
    reader: Reader | None,
    document_of: Callable[[str], Document],
) -> tuple[Pointer, ...]:
    """Where the articles contradict each other on one part of a question, a sentence of each; empty where they do not.

    Args:
        analysis: what the part asks for.
        weighed: its sentences, best first.
        drafts: what is shown of them; one side of a disagreement is always among it.
        reader: reads the sentences one by one; without it nothing is found.
        document_of: the document at a path.
    """
    if reader is None or not drafts:
        return ()
    sentences = _candidates(weighed, drafts, document_of)
    if len({pointer.document.path for pointer, _, _ in sentences}) < 2:
        return ()
    readings = reader.read(analysis.text, [pointer.quote for pointer, _, _ in sentences])
    candidates = []
    for (pointer, is_shown, before), reading in zip(sentences, readings, strict=True):
        span = (reading.start, reading.end) if reading.end > reading.start else None
        candidates.append(
            _Candidate(
                pointer,
                is_shown,
                Said(
                    pointer.quote,
                    span,
                    reading.answerable,
                    before,
                    _names_around(pointer),
                    pointer.document.published,
                ),
            )
        )
    return tuple(one.pointer for one in _at_odds(analysis, candidates, reader))


def cited(about: str, pointers: Sequence[Pointer], numbering: Numbering) -> Conflict | None:
    """The disagreement as it is shown, its citations checked and numbered; None if fewer than two sides are left."""
    positions = []
    for pointer in pointers:
        statement = numbering.cite(readable(pointer.quote), [pointer])
        if statement is not None:
            positions.append(Position(statement.text, statement.citations, pointer.document.published))
    return Conflict(about, tuple(_newest_first(positions))) if len(positions) > 1 else None


def _candidates(
    weighed: Sequence[Evidence], drafts: Sequence[Draft], document_of: Callable[[str], Document]
) -> list[tuple[Pointer, bool, str]]:
    """The best sentences of each article, those shown first: (where it stands, whether it is shown, what is before)."""
    shown = {(pointer.document.path, pointer.start) for draft in drafts for pointer in draft.pointers}
    least = _NEAR * weighed[0].probability if weighed else 0.0
    count: dict[str, int] = {}
    found: list[tuple[Pointer, bool, str]] = []
    for item in sorted(weighed, key=lambda item: (item.hit.path, item.sentence.start) not in shown):
        is_shown = (item.hit.path, item.sentence.start) in shown
        if not is_shown and (item.probability < least or count.get(item.hit.path, 0) >= _PER_ARTICLE):
            continue
        document = document_of(item.hit.path)
        count[item.hit.path] = count.get(item.hit.path, 0) + 1
        sentence = item.sentence
        pointer = Pointer(document, sentence.start, sentence.end, sentence.text, 1.0)
        if any(
            (pointer.document.path, pointer.start) == (known.document.path, known.start)
            for known, _, _ in found
        ):
            continue
        found.append((pointer, is_shown, _before(item)))
    found += _in_near_copies(weighed, shown, document_of)
    return found[:_READ]


def _names_around(pointer: Pointer) -> frozenset[str]:
    text = pointer.document.text
    around = text[max(0, pointer.start - _AROUND) : pointer.end + _AROUND]
    return name_terms(f"{pointer.document.title}. {around}")


def _before(item: Evidence) -> str:
    before = ""
    for sentence in item.hit.sentences:
        if sentence.start >= item.sentence.start:
            break
        before = sentence.text
    return before or item.hit.title


def _in_near_copies(
    weighed: Sequence[Evidence], shown: set[tuple[str, int]], document_of: Callable[[str], Document]
) -> list[tuple[Pointer, bool, str]]:
    """Where a shown sentence's passage was printed again almost word for word: the sentence that took its place."""
    found = []
    for item in weighed:
        if (item.hit.path, item.sentence.start) not in shown:
            continue
        for location in item.hit.also_in:
            document = document_of(location.path)
            if item.sentence.text in document.text[location.start : location.end]:
                continue
            nearest = _nearest(item.sentence.text, document, location)
            if nearest is not None:
                found.append((nearest, False, item.hit.title))
    return found


def _nearest(text: str, document: Document, location: Location) -> Pointer | None:
    """The sentence at a location that has most of a text's words."""
    said = term_set(text)
    best, most = None, 0
    for one in split_sentences(document.text, location.start, location.end):
        quote = document.text[one.start : one.end]
        shared = len(said & term_set(quote))
        if shared > most:
            best, most = Pointer(document, one.start, one.end, quote, 1.0), shared
    return best


def _at_odds(analysis: Analysis, candidates: Sequence[_Candidate], reader: Reader) -> list[_Candidate]:
    """The candidates that contradict each other, one of each article, the shown one they contradict first."""
    pairs = islice(_differing(analysis, candidates), _JUDGED)
    asked = list(pairs)
    if not asked:
        return []
    judged = reader.support(
        [
            pair
            for one, other, _ in asked
            for pair in (
                (one.said.text, other.said.text),
                (other.said.text, one.said.text),
            )
        ]
    )
    found: dict[str, _Candidate] = {}
    for place, (one, other, why) in enumerate(asked):
        if not decided(analysis, one.said, other.said, why, judged[2 * place], judged[2 * place + 1]):
            continue
        if found and one not in found.values() and other not in found.values():
            continue  # another matter than the first
        found.setdefault(one.pointer.document.path, one)
        found.setdefault(other.pointer.document.path, other)
    return list(found.values())[:_MOST]


def _differing(
    analysis: Analysis, candidates: Sequence[_Candidate]
) -> list[tuple[_Candidate, _Candidate, Difference | None]]:
    """Pairs of two articles, one of them shown, with what the rules hold against them; those first that have that."""
    found = []
    for place, one in enumerate(candidates):
        for other in candidates[place + 1 :]:
            if one.pointer.document.path == other.pointer.document.path or not (
                one.is_shown or other.is_shown
            ):
                continue
            if may_be_compared(analysis, one.said, other.said):
                found.append((one, other, difference(analysis, one.said, other.said)))
    return sorted(found, key=lambda pair: (pair[2] is None, -_answers(pair[0], pair[1])))


def _answers(one: _Candidate, other: _Candidate) -> float:
    return min(one.said.answerable, other.said.answerable)


def _newest_first(positions: Sequence[Position]) -> list[Position]:
    dated = sorted(
        (one for one in positions if one.published), key=lambda one: one.published or "", reverse=True
    )
    return [*dated, *(one for one in positions if not one.published)]
