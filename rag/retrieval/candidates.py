"""What dense and lexical search propose, with every score that is cheap to have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.index.index import Index, StoredChunk
from rag.retrieval.words import Question, coverage


@dataclass(frozen=True, slots=True)
class Candidates:
    """n passages and their scores for one question, in order of chunk id.

    Attributes:
        vectors: (n, d).
        dense: (n,) cosine of question and passage.
        lexical: (n,) BM25, 0 where lexical search did not propose the passage.
        cosines: for each passage, its sentences' cosines.
        matches: (n,) the best sentence's cosine and coverage of the question together.
    """

    chunks: Sequence[StoredChunk]
    vectors: NDArray[np.float32]
    dense: NDArray[np.float32]
    lexical: NDArray[np.float32]
    cosines: Sequence[NDArray[np.float32]]
    matches: NDArray[np.float32]


_COVERAGE_WEIGHT = 0.5  # of the words a sentence shares with the question, beside its cosine


def find_candidates(
    index: Index, text: str, vector: NDArray[np.float32], count: int, allowed: Collection[int] | None
) -> Candidates:
    """Ask both searches for ``count`` passages each, and complete the scores of those only one of them found.

    Call it inside ``index.snapshot()``.
    """
    bm25 = dict(index.lexical(text, count, allowed))
    proposed = sorted(bm25.keys() | {id_ for id_, _ in index.dense(vector, count, allowed)})
    chunks = index.chunks(proposed)
    vectors = index.chunk_vectors([chunk.id for chunk in chunks])
    cosines = [chunk.sentence_vectors.astype(np.float32) @ vector for chunk in chunks]
    shares = coverage(
        Question(text), [chunk.title for chunk in chunks], [sentence_texts(chunk) for chunk in chunks]
    )
    matches = [
        float((cosine + _COVERAGE_WEIGHT * share).max()) if len(cosine) else 0.0
        for cosine, share in zip(cosines, shares, strict=True)
    ]
    return Candidates(
        chunks=chunks,
        vectors=vectors,
        dense=vectors @ vector,
        lexical=np.array([bm25.get(chunk.id, 0.0) for chunk in chunks], dtype=np.float32),
        cosines=cosines,
        matches=np.array(matches, dtype=np.float32),
    )


def sentence_texts(chunk: StoredChunk) -> list[str]:
    """The texts of a chunk's sentences."""
    return [chunk.text[s.start - chunk.start : s.end - chunk.start] for s in chunk.sentences]
