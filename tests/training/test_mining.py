from __future__ import annotations

import random

import numpy as np

from rag.training.mining import mine

PARAGRAPHS = [
    "The bridge was opened in 1911 by the engineer Whitcombe.",
    "The bridge was closed for repairs in 1950 by the engineer Marsh.",
    "Another bridge, also by Whitcombe, burnt down.",
    "Wheat prices fell.",
    *(f"Paragraph {n} is about nothing." for n in range(40)),
]


def test_mined_paragraphs_are_near_and_lack_the_answer() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(PARAGRAPHS) + 1, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = mine(
        ["Which engineer opened the bridge?"],
        [["Whitcombe"]],
        [0],
        PARAGRAPHS,
        vectors[:1],
        vectors[1:],
        random.Random(0),
        depth=3,
        keep=3,
    )[0]
    assert 1 in found
    assert len(found) == 3
    assert not {0, 2} & set(found)


def test_a_paragraph_by_the_same_words_comes_first() -> None:
    even = np.ones((len(PARAGRAPHS), 1), dtype=np.float32)
    found = mine(
        ["Which engineer closed the bridge for repairs?"],
        [["Nobody"]],
        [0],
        PARAGRAPHS,
        even[:1],
        even,
        random.Random(0),
        1,
    )
    assert found == [[1]]
