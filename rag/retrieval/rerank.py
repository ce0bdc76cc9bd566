"""The reader's view of the best passages, added to what retrieval found.

The reader looks at question and passage together and says how likely the answer stands there, or, of a claim,
how likely the passage supports it. It is far slower than a search and good at telling apart passages that look alike,
so it sees the first few only and moves them among themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rag.models.reader import Reader, Reading
from rag.types import Hit, Sentence

READ = 10  # passages read; 20 were no better on any collection measured
# Beside a fused score of 0..1; chosen on scifact's training questions and squad2, where the optimum is flat.
_EVIDENCE_WEIGHT = 0.1
_SUPPORT_WEIGHT = 0.2  # what tells for claims ("Aspirin lowers …"), and does no harm to questions
_TOTAL = 1 + _EVIDENCE_WEIGHT + _SUPPORT_WEIGHT


def read_hits(reader: Reader, question: str, hits: Sequence[Hit]) -> list[Reading]:
    """Read each hit's passage, with its sentences."""
    sentences = [[Sentence(s.start - hit.start, s.end - hit.start) for s in hit.sentences] for hit in hits]
    return reader.read(question, [hit.text for hit in hits], sentences)


def rerank(hits: Sequence[Hit], readings: Sequence[Reading]) -> tuple[list[Hit], list[Reading]]:
    """Order hits by score and evidence together.

    Args:
        hits: best first.
        readings: of the first ``len(readings)`` hits; the others keep their places behind them.

    Returns:
        the hits, ranks and scores renewed, ``scores.evidence`` filled for those that were read; and the
        readings in the order of their hits. Scores of hits that were not read are lowered, where needed, to
        keep the order.
    """
    read = []
    for hit, reading in zip(hits, readings, strict=False):
        evidence = _probability(reading.evidence)
        fused = (hit.score + _EVIDENCE_WEIGHT * evidence + _SUPPORT_WEIGHT * reading.supported) / _TOTAL
        read.append((replace(hit, score=fused, scores=replace(hit.scores, evidence=evidence)), reading))
    read.sort(key=lambda pair: (-round(pair[0].score, 6), pair[0].rank))
    rest = [replace(hit, score=hit.score / _TOTAL) for hit in hits[len(read) :]]
    ranked = [replace(hit, rank=rank) for rank, hit in enumerate([*(hit for hit, _ in read), *rest], 1)]
    return ranked, [reading for _, reading in read]


def _probability(logit: float) -> float:
    """The logistic function; of minus infinity (nothing was read) 0."""
    return 1 / (1 + math.exp(-logit)) if logit > -30 else 0.0
