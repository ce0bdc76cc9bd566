from __future__ import annotations

import numpy as np
import pytest

from rag.index.records import StoredChunk
from rag.retrieval.duplicates import collapse, overlap

STORY = (
    "The car maker said on Monday that it will cut 9,000 jobs around the world. It also lowered its forecast for the "
    "year, and the chief executive gives up half of his pay until the company is back on its feet."
)


def chunk(text: str, document: int = 1, start: int = 0) -> StoredChunk:
    return StoredChunk(
        id=start * 100 + document,
        document_id=document,
        path=f"{document}.txt",
        title="",
        published=None,
        source=None,
        start=start,
        end=start + len(text),
        text=text,
        sentences=(),
        sentence_vectors=np.empty((0, 2), dtype=np.float16),
    )


def collapsed(chunks: list[StoredChunk], k: int = 5, cosine: float = 0.99) -> list[tuple[int, list[int]]]:
    """With vectors that are all so close to one another."""
    vectors = np.eye(len(chunks), dtype=np.float32) * (1 - cosine) ** 0.5
    vectors = np.hstack([vectors, np.full((len(chunks), 1), cosine**0.5, dtype=np.float32)])
    return collapse(chunks, vectors, range(len(chunks)), k)


def test_a_reprint_is_one_hit_that_names_the_other() -> None:
    reprint = STORY.replace("on Monday ", "")
    assert collapsed([chunk(STORY, 1), chunk("Rain.", 2), chunk(reprint, 3)]) == [(0, [2]), (1, [])]


@pytest.mark.parametrize(
    "other",
    [
        STORY.replace("9,000", "8,000"),
        STORY.replace("will cut", "will not cut"),
        STORY.replace("it will", "it won't"),
        STORY.replace("the world", "Europe"),
        STORY.replace("The car", "Honda, the car"),
        "Rain is expected in the north, and the south stays dry until Friday.",
    ],
    ids=["another figure", "denied", "denied in short", "another place", "another name", "another story"],
)
def test_what_says_something_else_is_a_hit_of_its_own(other: str) -> None:
    assert collapsed([chunk(STORY, 1), chunk(other, 2)]) == [(0, []), (1, [])]


def test_vectors_far_apart_are_never_collapsed() -> None:
    assert collapsed([chunk(STORY, 1), chunk(STORY, 2)], cosine=0.5) == [(0, []), (1, [])]


def test_a_repeated_paragraph_in_one_document_is_one_hit() -> None:
    assert collapsed([chunk(STORY, 1), chunk(STORY, 1, start=5000)]) == [(0, [1])]


def test_overlapping_passages_of_one_document_are_one_place() -> None:
    whole, tail = chunk(STORY, 1), chunk(STORY[100:], 1, start=100)
    assert overlap(whole, tail)
    assert collapsed([whole, tail]) == [(0, [])]
    assert not overlap(chunk(STORY, 1), chunk(STORY, 1, start=len(STORY) - 20))  # a sentence shared is normal
    assert not overlap(chunk(STORY, 1), chunk(STORY, 2))


def test_twins_are_found_below_the_last_hit_and_named_once() -> None:
    chunks = [
        chunk(STORY, 1),
        chunk("Rain.", 2),
        chunk("Sun.", 3),
        chunk(STORY, 4),
        chunk(STORY[9:], 4, start=9),
    ]
    assert collapsed(chunks, k=2) == [(0, [3]), (1, [])]
    assert collapse([], np.empty((0, 3), dtype=np.float32), [], 3) == []
