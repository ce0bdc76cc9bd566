"""Chunks: the window is never exceeded by the real tokenizer, nothing is lost, places to end are sensible."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import REAL_SEEDS, SEEDS

from rag.chunking.chunker import ChunkerConfig, chunk_document, chunk_prefix, title_prefix
from rag.documents.read import list_files, read_document
from rag.errors import InputError
from rag.types import Chunk, Document

Counter = Callable[[Sequence[str]], list[int]]

WINDOW = 256
CONFIG = ChunkerConfig(target_tokens=200, overlap_sentences=1)


def document(text: str, title: str = "Honda and Nissan talk", body_start: int = 0) -> Document:
    return Document(path="a.txt", title=title, text=text, sha256="", body_start=body_start)


def check(doc: Document, chunks: list[Chunk], count: Counter, window: int) -> None:
    """The invariants every chunking keeps."""
    covered: set[int] = set()
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(starts)
    assert len({(chunk.start, chunk.end) for chunk in chunks}) == len(chunks)
    for chunk in chunks:
        assert chunk.text == doc.text[chunk.start : chunk.end]
        assert (chunk.sentences[0].start, chunk.sentences[-1].end) == (chunk.start, chunk.end)
        assert list(chunk.sentences) == sorted(chunk.sentences, key=lambda s: s.start)
        for sentence in chunk.sentences:
            span = doc.text[sentence.start : sentence.end]
            assert span
            assert span == span.strip()
            covered.update(range(sentence.start, sentence.end))
    sizes = count([chunk_prefix(doc, chunk) + chunk.text for chunk in chunks]) if chunks else []
    assert max(sizes, default=0) + 2 <= window
    body = enumerate(doc.text[doc.body_start :], doc.body_start)
    assert [at for at, character in body if not character.isspace() and at not in covered] == []
    assert min(covered, default=doc.body_start) >= doc.body_start


WORDS = st.sampled_from(
    [
        "Nissan",
        "the",
        "electrification",
        "3.5",
        "Co.",
        "U.S.",
        "was done.Nissan",
        "said",
        "“We",
        "agree.”",
        "and",
        "x" * 150,
        "漢字",
        "é;",
        "—",
    ]
)
TEXTS = st.lists(
    st.tuples(
        st.lists(WORDS, min_size=1, max_size=60).map(" ".join),
        st.sampled_from([". ", "\n", "\n\n", "? ", ", "]),
    ),
    max_size=20,
).map(lambda parts: "".join(text + end for text, end in parts))


@settings(max_examples=120)
@given(
    text=TEXTS,
    title=st.sampled_from(["", "Honda talks", "Will it?", "Nissan the electrification", "漢" * 300]),
    window=st.sampled_from([128, 200, 256, 512]),
    target=st.sampled_from([16, 60, 200, 1000]),
    overlap=st.integers(0, 3),
)
def test_invariants(count: Counter, text: str, title: str, window: int, target: int, overlap: int) -> None:
    doc = document(text, title)
    config = ChunkerConfig(target, overlap)
    chunks = chunk_document(doc, count, window, config)
    check(doc, chunks, count, window)
    assert chunk_document(doc, count, window, config) == chunks


@settings(max_examples=60)
@given(text=st.text(max_size=600), window=st.sampled_from([64, 128]))
def test_invariants_over_any_characters(count: Counter, text: str, window: int) -> None:
    doc = document(text)
    check(doc, chunk_document(doc, count, window, ChunkerConfig(24, 1)), count, window)


@settings(max_examples=60)
@given(text=TEXTS)
def test_a_tokenizer_whose_parts_do_not_add_up(text: str) -> None:
    def awkward(texts: Sequence[str]) -> list[int]:
        return [
            len(t.split()) + len(t) // 10 + t.count(". ") + t.count("\n") + 10 * t.count(".N") for t in texts
        ]

    doc = document(text, "T")
    check(doc, chunk_document(doc, awkward, 80, ChunkerConfig(60, 1)), awkward, 80)


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(SEEDS, id="own-seeds"),
        pytest.param(
            REAL_SEEDS,
            id="real-seeds",
            marks=pytest.mark.skipif(not REAL_SEEDS.is_dir(), reason="../shared/seeds is not here"),
        ),
    ],
)
def test_invariants_over_real_articles(folder: Path, count: Counter) -> None:
    files = list_files(folder)
    assert len(files) == 5
    for file in files:
        doc = read_document(file, folder)
        for target in (64, 200):
            check(doc, chunk_document(doc, count, WINDOW, ChunkerConfig(target, 1)), count, WINDOW)


def test_a_short_document_is_one_chunk(count: Counter) -> None:
    chunks = chunk_document(document("\n They agreed. \n"), count, WINDOW, CONFIG)
    assert [chunk.text for chunk in chunks] == ["They agreed."]
    assert chunk_document(document(" \n "), count, WINDOW, CONFIG) == []


def test_chunks_fill_up_to_the_target_and_the_last_is_not_tiny(count: Counter) -> None:
    sentence = "The two firms said they will work together on batteries and motors. "
    for number in (16, 17, 18, 33, 50):
        chunks = chunk_document(document(sentence * number), count, WINDOW, ChunkerConfig(200, 0))
        sizes = count([chunk.text for chunk in chunks])
        assert max(sizes) <= 1.15 * 200
        assert min(sizes) >= 60


def test_overlap_repeats_whole_sentences(count: Counter) -> None:
    text = " ".join(f"This is sentence number {n} of the article." for n in range(60))
    for overlap in (0, 1, 2):
        chunks = chunk_document(document(text), count, WINDOW, ChunkerConfig(100, overlap))
        for before, after in pairwise(chunks):
            assert len(set(before.sentences) & set(after.sentences)) == overlap


def test_a_chunk_ends_with_a_paragraph_and_a_heading_stays_with_what_follows(count: Counter) -> None:
    paragraph = "The firms said they will work together. They will share batteries. They meet in Tokyo.\n"
    text = "".join(f"Part {'ABCDEFGH'[n]}\n{paragraph * 2}" for n in range(8))
    chunks = chunk_document(document(text), count, WINDOW, ChunkerConfig(90, 0))
    assert len(chunks) > 3
    for chunk in chunks:
        assert chunk.text.endswith("Tokyo.")
        assert not chunk.text.splitlines()[-1].startswith("Part")


def test_a_list_stays_with_its_lead_in(count: Counter) -> None:
    filler = "The two firms said they will work together on batteries and motors. " * 4
    items = "The agreement means:\n\n  1. Development of a car.\n  2. Introduction of a model.\n  3. A third one.\n\n"
    chunks = chunk_document(document(f"{filler}\n\n{items}{filler}"), count, WINDOW, ChunkerConfig(80, 0))
    assert any(items.strip() in chunk.text for chunk in chunks)


def test_a_sentence_longer_than_the_window_is_cut_at_clauses(count: Counter) -> None:
    clause = "the company will build a new factory in the north of the country and hire two hundred people"
    text = "; ".join([clause] * 40) + "."
    chunks = chunk_document(document(text), count, WINDOW, CONFIG)
    assert len(chunks) > 2
    assert all(chunk.text.endswith((";", ".")) for chunk in chunks)


@pytest.mark.parametrize("unit", ["a", "漢", "x1", "word ", "He said. "])
def test_one_line_without_end(unit: str, count: Counter) -> None:
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    chunks = chunk_document(document(text, "T"), count, WINDOW, CONFIG)
    assert time.perf_counter() - started < 30  # under 1 s on a free core; a quadratic way would need minutes
    assert chunks[0].start == 0
    assert chunks[-1].end == len(text.rstrip())
    assert all(not text[before.end : after.start].strip() for before, after in pairwise(chunks))
    assert max(len(chunk.text) for chunk in chunks) <= 8 * WINDOW
    assert (
        max(count([chunk_prefix(document(text, "T"), chunk) + chunk.text for chunk in chunks])) + 2 <= WINDOW
    )


def test_front_matter_is_not_chunked(count: Counter) -> None:
    text = "---\ntitle: A\n---\nThe body."
    doc = document(text, "A", text.index("The"))
    assert [chunk.text for chunk in chunk_document(doc, count, WINDOW, CONFIG)] == ["The body."]


@pytest.mark.parametrize(
    ("title", "prefix"),
    [
        ("Honda talks", "Honda talks. "),
        ("Will Honda talk?", "Will Honda talk? "),
        ("On Nov. 4, the firms…", "On Nov. 4, the firms… "),
        ("“We agree.”", "“We agree.” "),
        ("", ""),
    ],
)
def test_title_prefix(title: str, prefix: str) -> None:
    assert title_prefix(document("x", title)) == prefix


def test_a_long_title_is_clipped_at_a_word() -> None:
    prefix = title_prefix(document("x", "word " * 100))
    assert len(prefix) <= 165
    assert prefix.endswith("word… ")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Honda talks\nThe firms met.", "Honda talks"),
        ("# **Honda talks**\nThe firms met.", "Honda talks"),
        ("On Nov. 4, the firms agreed to found a company.", "On Nov. 4, the firms agreed…"),
        ("On Nov. 4, the\nfirms agreed to found a company.", "On Nov. 4, the firms agreed…"),
    ],
)
def test_a_chunk_that_begins_with_the_title_does_not_repeat_it(text: str, title: str, count: Counter) -> None:
    doc = document(text, title)
    (chunk,) = chunk_document(doc, count, WINDOW, CONFIG)
    assert chunk_prefix(doc, chunk) == ""


def test_no_room_beside_the_title_is_an_input_error(count: Counter) -> None:
    with pytest.raises(InputError, match=r"a\.txt: its title .* leaves 3 of 16 word pieces"):
        chunk_document(
            document("Text.", "one two three four five six seven eight nine ten"), count, 16, CONFIG
        )
