from __future__ import annotations

import numpy as np
import pytest

from rag.models.encoder import Passage
from rag.models.pooling import batches_by_length, pool_sentences, unit
from rag.types import Sentence


def test_unit_rows_have_length_one_and_zero_stays_zero() -> None:
    rows = unit(np.array([[3, 4], [0, 0]], dtype=np.float32))
    assert rows.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
    assert rows.dtype == np.float32


def test_a_sentence_is_the_mean_of_its_own_tokens() -> None:
    passage = Passage("T. ", "ab cd. \u0000 ef", (Sentence(0, 6), Sentence(7, 8), Sentence(9, 11)))
    starts = np.array([0, 1, 3, 6, 12])  # T, ., ab, cd., ef
    tokens = np.array([[9, 9], [9, 9], [1, 0], [1, 2], [0, 5]], dtype=np.float32)
    whole = np.array([1, 0], dtype=np.float32)
    encoded = pool_sentences(passage, starts, tokens, whole)
    half = 2**-0.5
    expected = [[half, half], [1, 0], [0, 1]]  # the second has no token: the passage stands in for it
    np.testing.assert_allclose(encoded.sentence_vectors, expected, atol=1e-3)
    assert encoded.sentence_vectors.dtype == np.float16
    assert encoded.vector is whole


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = [5, 100, 7, 7, 60, 1, 300]
    batches = batches_by_length(lengths, budget=120)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert batches[0] == [6]  # longer than the budget, so alone
    assert all(max(lengths[r] for r in batch) * len(batch) <= 120 for batch in batches[1:])
    assert batches_by_length([], budget=10) == []
