"""What no similarity may talk past: an article must mention the names and numbers a question insists on.

"Who is the chief executive of Tesla?" cannot be answered by an article in which Tesla does not occur, however much it
says about chief executives; nor "What happened in 2019?" by one without that year.
"""

from __future__ import annotations

from collections.abc import Callable

from rag.answering.evidence import missing
from rag.answering.question import Analysis
from rag.types import Document, Hit

# Words that are part of many companies' names and identify none of them.
_GENERIC = frozenset("motor corp corpor compani co inc ltd group hold limit".split())
# A name anywhere in a document this short is in reach of each of its sentences; in a longer one it must be nearer.
_SHORT_DOCUMENT = 20_000


class Gate:
    """Decides for one question which hits may answer at all.

    Args:
        analysis: the question's names and numbers.
        document_of: the document at a path.
    """

    def __init__(self, analysis: Analysis, document_of: Callable[[str], Document]) -> None:
        self._names = tuple(name for name in analysis.names if name not in _GENERIC)
        self._numbers = analysis.numbers
        # a comparison or a list draws on several articles, each with some of the names
        self._any_name = analysis.wants_several or " or " in f" {analysis.text.lower()} "
        self._document_of = document_of
        self._missing: dict[str, tuple[list[str], list[str]]] = {}

    def passes(self, hit: Hit) -> bool:
        """Whether the hit's article mentions what the question insists on."""
        names, numbers = self.missing(hit)
        if numbers:
            return False
        return len(names) < len(self._names) if self._any_name and self._names else not names

    def missing(self, hit: Hit) -> tuple[list[str], list[str]]:
        """Names and numbers of the question that the hit's surroundings do not mention."""
        if hit.path not in self._missing:
            document = self._document_of(hit.path)
            if len(document.text) > _SHORT_DOCUMENT:
                around = document.text[max(0, hit.start - 2000) : hit.end + 2000]
                return self._look(f"{document.title}\n{document.text[:1000]}\n{around}")
            self._missing[hit.path] = self._look(f"{document.title}\n{document.text}")
        return self._missing[hit.path]

    def _look(self, text: str) -> tuple[list[str], list[str]]:
        return missing(self._names, text), missing(self._numbers, text)
