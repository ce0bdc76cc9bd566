"""What dense and lexical search propose, scored, and the best of it compared with the question sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.index.index import Index, StoredChunk
from rag.retrieval.words import Question, coverage
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Candidates:
    """n passages and their scores for one question.

    Attributes:
        vectors: (n, d).
        dense: (n,) cosine of question and passage.
        lexical: (n,) BM25 stretched to 0..1 over all that was proposed; 0 where lexical search did not
            propose it.
        cosines: for each passage, its sentences' cosines.
        scores: (n,) the fused score, 0..1.
    """

    chunks: Sequence[StoredChunk]
    vectors: NDArray[np.float32]
    dense: NDArray[np.float32]
    lexical: NDArray[np.float32]
    cosines: Sequence[NDArray[np.float32]]
    scores: NDArray[np.float32]


# How many of the proposed passages are compared sentence by sentence: on every collection measured as good as
# all of them, at half the work.
_COMPARED = 64
_COVERAGE_WEIGHT = 0.5  # of the words a sentence shares with the question, beside its cosine


# A claim or a few words are looked for a second time with what the first passages have in common (Rocchio): it helps
# there (eval/bench/README.md) and does questions, which say what they want, no good.
_FEEDBACK = 0.6
_FEEDBACK_PASSAGES = 3
_ASKS = re.compile(
    r"\?\W*$|^\W*(?:and |but |so )?(?:(?:in|at|on|by|with|for|from|to|of) )?"
    r"(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)\b",
    re.IGNORECASE,
)
_Proposed: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Chunk ids, their vectors, their lexical and their fused scores."""


def find_candidates(
    index: Index,
    text: str,
    vector: NDArray[np.float32],
    settings: Settings,
    k: int,
    allowed: Collection[int] | None,
) -> Candidates:
    """Ask both searches, complete the scores of what only one of them found, and look into the best passages.

    Call it inside ``index.snapshot()``.
    """
    count = max(settings.candidates, k)
    bm25 = dict(index.lexical(text, count, allowed))
    kinds = settings.weight_dense, settings.weight_lexical, settings.weight_sentence
    total = sum(kinds) or 1.0

    def proposed(towards: NDArray[np.float32]) -> _Proposed:
        ids = np.array(
            sorted(bm25.keys() | {id_ for id_, _ in index.dense(towards, count, allowed)}), dtype=np.int64
        )
        # an index that was never synced knows no dimension
        vectors = (
            index.chunk_vectors(ids.tolist()) if len(ids) else np.empty((0, len(vector)), dtype=np.float32)
        )
        lexical = min_max(np.array([bm25.get(id_, 0.0) for id_ in ids.tolist()], dtype=np.float32))
        coarse = (kinds[0] * min_max(vectors @ towards) + kinds[1] * lexical) / total
        return ids, vectors, lexical, np.asarray(coarse, dtype=np.float32)

    ids, vectors, lexical, coarse = proposed(vector)
    if len(ids) and kinds[0] and not _asks(text):
        ids, vectors, lexical, coarse = proposed(_fed_back(vector, vectors, coarse))
    dense = vectors @ vector
    best = np.argsort(-coarse, kind="stable")[: max(_COMPARED, k)]
    chunks = index.chunks(ids[best].tolist())
    cosines = _sentence_cosines(chunks, vector)
    # however many are asked for, the same ones are compared, so that the order does not depend on k
    matches = _matches(Question(text), chunks[:_COMPARED], cosines[:_COMPARED])
    scores = coarse[best]
    scores[:_COMPARED] += kinds[2] / total * min_max(matches)
    return Candidates(
        chunks=chunks,
        vectors=vectors[best],
        dense=dense[best],
        lexical=lexical[best],
        cosines=cosines,
        scores=scores.astype(np.float32),
    )


def _asks(text: str) -> bool:
    """Whether a text is put as a question; else it is a claim, or words to search for."""
    return _ASKS.search(text) is not None


def _fed_back(
    vector: NDArray[np.float32], vectors: NDArray[np.float32], scores: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The unit vector (d,) moved towards the best passages' mean, weighted by their scores."""
    first = np.argsort(-scores, kind="stable")[:_FEEDBACK_PASSAGES]
    weights = scores[first] / max(float(scores[first].sum()), 1e-9)
    moved = vector + _FEEDBACK * (weights @ vectors[first])
    return np.asarray(moved / max(float(np.linalg.norm(moved)), 1e-9), dtype=np.float32)


def _sentence_cosines(
    chunks: Sequence[StoredChunk], vector: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    if not chunks:
        return []
    together = np.concatenate([chunk.sentence_vectors for chunk in chunks]).astype(np.float32) @ vector
    return np.split(together, np.cumsum([len(chunk.sentences) for chunk in chunks])[:-1])


def _matches(
    question: Question, chunks: Sequence[StoredChunk], cosines: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """How well each passage's best sentence matches: its cosine, and the words it shares with the question."""
    texts = [sentence_texts(chunk) for chunk in chunks]
    shares = coverage(question, [chunk.title for chunk in chunks], texts)
    best = [
        float((cosine + _COVERAGE_WEIGHT * share).max(initial=0.0))
        for cosine, share in zip(cosines, shares, strict=True)
    ]
    return np.array(best, dtype=np.float32)


def sentence_texts(chunk: StoredChunk) -> list[str]:
    """The texts of a chunk's sentences."""
    return [chunk.text[s.start - chunk.start : s.end - chunk.start] for s in chunk.sentences]


def min_max(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores stretched to 0..1. Where all are equal there is nothing to stretch: 1 if they are positive, else 0.

    Adding such scores keeps how far apart two passages are, which a fusion of ranks throws away; it did
    better on every collection measured (eval/bench/README.md).
    """
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    if high - low < 1e-9:
        return np.full_like(scores, 1.0 if high > 0 else 0.0)
    return np.asarray((scores - low) / (high - low), dtype=np.float32)
