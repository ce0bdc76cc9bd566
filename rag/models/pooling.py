"""From token vectors to the vectors that are stored: plain means over exact token spans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.models.encoder import Encoded, Passage


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)


def pool_sentences(
    passage: Passage,
    starts: NDArray[np.int64],
    tokens: NDArray[np.float32],
    vector: NDArray[np.float32],
) -> Encoded:
    """Add the sentence vectors to a passage's vector.

    Args:
        passage: gives the sentences.
        starts: (n,) where each token starts in ``prefix + text``, ascending; no specials.
        tokens: (n, d) the tokens' vectors.
        vector: (d,) unit vector of the whole passage; it stands in for a sentence without any token (one of
            characters the tokenizer drops).
    """
    offset = len(passage.prefix)
    bounds = np.array([(s.start, s.end) for s in passage.sentences], dtype=np.int64).reshape(-1, 2) + offset
    spans = np.searchsorted(starts, bounds)
    rows = np.empty((len(spans), len(vector)), dtype=np.float32)
    for row, (first, last) in enumerate(spans):
        rows[row] = tokens[first:last].mean(axis=0) if last > first else vector
    return Encoded(vector, unit(rows).astype(np.float16))


def batches_by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group positions of like length, longest first, so that padding is little and the last batch is small.

    Args:
        lengths: tokens of each row once padded.
        budget: most tokens in a batch, padding included; a longer row makes a batch of its own.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda p: -lengths[p]):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches
