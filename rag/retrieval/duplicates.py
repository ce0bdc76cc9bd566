"""Passages that say the same thing in the same words, so that a wire story printed twice is one hit.

Near-identical means: vectors close, nearly all runs of three words shared, and the same figures, negations
and names. The last matters most: "rose 3 %" and "rose 5 %" in otherwise equal reports are different facts,
and neither may hide the other. Two hits for one story are harmless beside that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rag.index.index import StoredChunk
from rag.retrieval.words import STOPWORDS

_LEAST_COSINE = 0.85  # not higher: titles are part of a passage's vector, and reprints change them
_LEAST_SHARED = 0.8  # of all the runs of three words in either
_LEAST_COVERED = 0.5  # of the shorter of two overlapping passages of one document

_WORD_RE = re.compile(r"[^\W_]+(?:[.,]\d+)*")
# the last is what "n't" leaves
_NEGATIONS = frozenset(["no", "not", "never", "none", "neither", "nor", "without", "cannot", "t"])
_DAYS = frozenset(f"{day}day" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun"))
_NO_NAMES = STOPWORDS | _DAYS  # reprints drop "on Monday"


class _Wording:
    """A passage's runs of words, and the words that change a fact without changing the wording much."""

    def __init__(self, text: str) -> None:
        self._written = _WORD_RE.findall(text)
        self._words = [word.lower() for word in self._written]

    @cached_property
    def runs(self) -> set[tuple[str, ...]]:
        words = self._words
        return {tuple(words[n : n + 3]) for n in range(max(1, len(words) - 2))}

    @cached_property
    def decisive(self) -> tuple[Counter[str], set[str]]:
        figures = Counter(w for w in self._words if w in _NEGATIONS or any(c.isdigit() for c in w))
        return figures, {w.lower() for w in self._written if w[0].isupper()} - _NO_NAMES

    def equals(self, other: _Wording) -> bool:
        shared, total = len(self.runs & other.runs), len(self.runs | other.runs)
        return shared >= _LEAST_SHARED * total and self.decisive == other.decisive


def overlap(one: StoredChunk, other: StoredChunk) -> bool:
    """Whether two passages are mostly the same stretch of one document."""
    if one.document_id != other.document_id:
        return False
    common = min(one.end, other.end) - max(one.start, other.start)
    return common >= _LEAST_COVERED * min(one.end - one.start, other.end - other.start)


def collapse(
    chunks: Sequence[StoredChunk], vectors: NDArray[np.float32], order: Sequence[int], k: int
) -> list[tuple[int, list[int]]]:
    """The first k different passages of a ranking.

    Args:
        chunks: n passages.
        vectors: (n, d) unit rows.
        order: positions in ``chunks``, best first.
        k: how many to keep.

    Returns:
        (position, positions of its near-identical ones) in order. A passage that mostly overlaps a better one
        of the same document is left out: it is the same place, not another.
    """
    kept: list[tuple[int, list[int]]] = []
    wordings: dict[int, _Wording] = {}

    def wording(position: int) -> _Wording:
        if position not in wordings:
            wordings[position] = _Wording(chunks[position].text)
        return wordings[position]

    for position in order:
        for best, twins in kept:
            if overlap(chunks[best], chunks[position]):
                break
            close = float(vectors[best] @ vectors[position]) >= _LEAST_COSINE
            if close and wording(best).equals(wording(position)):
                if not any(overlap(chunks[twin], chunks[position]) for twin in twins):
                    twins.append(position)
                break
        else:
            if len(kept) < k:
                kept.append((position, []))
    return kept
