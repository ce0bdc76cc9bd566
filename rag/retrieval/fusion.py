"""Scores of different kinds made comparable and added up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def min_max(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores stretched to 0..1. Where all are equal there is nothing to stretch: 1 if they are positive, else 0."""
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    if high - low < 1e-9:
        return np.full_like(scores, 1.0 if high > 0 else 0.0)
    return np.asarray((scores - low) / (high - low), dtype=np.float32)


def fuse(parts: Sequence[tuple[float, NDArray[np.float32]]]) -> NDArray[np.float32]:
    """The weighted mean of min-max normalised scores, 0..1.

    A sum of normalised scores keeps how far apart two passages are, which a fusion of ranks throws away; it
    did better on every collection measured (eval/bench/README.md).

    Args:
        parts: (weight, scores (n,)) of each kind.
    """
    total = sum(weight for weight, _ in parts)
    fused = sum(weight * min_max(scores) for weight, scores in parts)
    return np.asarray(fused / (total or 1.0), dtype=np.float32)
