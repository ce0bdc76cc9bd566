"""Citations: made only after the quote was compared with the document's own characters; numbered in order of use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.types import Citation, Conflict, Document, Source, Statement


@dataclass(frozen=True, slots=True)
class Pointer:
    """A span that is to be cited, before it is checked and numbered; offsets into the document's text."""

    document: Document
    start: int
    end: int
    quote: str
    support: float


def checked(pointers: Iterable[Pointer]) -> list[Pointer]:
    """Keep the pointers whose quote is exactly what stands at their span; a pointer that fails is dropped.

    A failure means that the article changed between the search and now, so the quote is no longer what it says.
    """
    return [
        pointer
        for pointer in pointers
        if 0 <= pointer.start < pointer.end <= len(pointer.document.text)
        and pointer.document.text[pointer.start : pointer.end] == pointer.quote
    ]


class Numbering:
    """Gives each cited document its number, 1..n in order of first use, and remembers the list of sources."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    @property
    def sources(self) -> tuple[Source, ...]:
        """The cited documents in the order of their numbers."""
        return tuple(self._sources.values())

    def cite(self, text: str, pointers: Sequence[Pointer]) -> Statement | None:
        """Make a Statement of a text and the pointers behind it; None when no pointer survives its check.

        A document is cited once per statement, at its best-supported span.
        """
        best: dict[str, Pointer] = {}
        for pointer in checked(pointers):
            known = best.get(pointer.document.path)
            if known is None or pointer.support > known.support:
                best[pointer.document.path] = pointer
        if not best:
            return None
        citations = []
        for pointer in best.values():
            document = pointer.document
            source = self._sources.setdefault(
                document.path,
                Source(len(self._sources) + 1, document.path, document.title, document.published),
            )
            citations.append(
                Citation(
                    source.number,
                    document.path,
                    document.title,
                    pointer.start,
                    pointer.end,
                    pointer.quote,
                    round(pointer.support, 4),
                )
            )
        return Statement(text, tuple(sorted(citations, key=lambda citation: citation.number)))


def marked(statement: Statement) -> str:
    """A statement's text with its numbers behind it: ``It opens in March. [1][3]``."""
    return statement.text + " " + "".join(f"[{citation.number}]" for citation in statement.citations)


def in_words(conflict: Conflict) -> str:
    """A disagreement as a line of an answer's text: who says what, with dates and numbers."""
    told = []
    for position in conflict.positions:
        dated = f", {position.published}" if position.published else ""
        numbers = "".join(f"[{citation.number}]" for citation in position.citations)
        told.append(f"“{position.text}”{dated} {numbers}")
    return f"The articles disagree: {'; '.join(told)}."
