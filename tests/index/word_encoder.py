"""A tiny deterministic encoder for tests of storage: words are hashed to directions, so equal words are near."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.index.index import Index
from rag.models.encoder import Encoded, Passage


class WordEncoder:
    """Sum of one pseudo-random direction per word. ``passages`` counts what it was asked to encode."""

    def __init__(self, fingerprint: str = "words-1", dimension: int = 32) -> None:
        self.name = "words"
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.window = 256
        self.passages = 0
        self._directions: dict[str, NDArray[np.float32]] = {}

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(text) for text in texts])

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        encoded = []
        for passage in passages:
            rows = [self._vector(passage.text[one.start : one.end]) for one in passage.sentences]
            encoded.append(
                Encoded(self._vector(passage.prefix + passage.text), np.stack(rows).astype(np.float16))
            )
            self.passages += 1
            if progress is not None:
                progress(1)
        return encoded

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = np.full(self.dimension, 1e-6, dtype=np.float32)
        for word in text.lower().split():
            word = word.strip(".,;:!?\"'()")
            if word not in self._directions:
                seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
                self._directions[word] = np.random.default_rng(seed).standard_normal(
                    self.dimension, dtype=np.float32
                )
            total += self._directions[word]
        return total / np.linalg.norm(total)


def article(number: int, edition: int = 0) -> str:
    """An article of three paragraphs; the words ``marker3`` and ``edition0`` say which one it is."""
    return (
        f"Report {number} on the harbour\n\n"
        f"The harbour of town {number} was opened in {1900 + number} by the mayor. It cost {number + 1} million "
        f"crowns and took four years. Its sign is marker{number}.\n\n"
        f"Ships from {number + 2} countries call there. Most of them carry timber, grain or salt. The pilots know "
        f"every rock. None of them has been lost since {1950 + number}.\n\n"
        f"The latest word is edition{edition}n{number}. More will be said next year.\n"
    )


def write_articles(folder: Path, numbers: Iterable[int], edition: int = 0) -> None:
    """Write articles as ``a<number>.txt``."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"a{number}.txt").write_text(article(number, edition), encoding="utf-8")


def faults(index: Index, folder_state: Mapping[str, str]) -> list[str]:
    """What is wrong with an index that should show exactly these texts by path; empty when nothing is."""
    found = []
    texts = {info.path: index.document(info.path).text for info in index.documents()}
    if texts != dict(folder_state):
        found.append(f"documents differ: {sorted(texts)} but expected {sorted(folder_state)}")
    everything = 100_000
    query = index.encoder.encode_queries(["harbour"])[0]
    by_vector = {id_ for id_, _ in index.dense(query, everything)}
    by_words = {
        id_ for id_, _ in index.lexical("the of report harbour ships latest more", everything, stopwords=())
    }
    chunks = index.chunks(sorted(by_vector))
    status = index.status()
    if len(chunks) != status.chunks or len(by_vector) != status.chunks:
        found.append(
            f"{len(by_vector)} chunks by vector, {len(chunks)} of them stored, {status.chunks} in all"
        )
    if not by_words <= by_vector:
        found.append(f"words found chunks that vectors do not: {sorted(by_words - by_vector)}")
    covered: dict[str, str] = {}
    for chunk in chunks:
        text = texts.get(chunk.path, "")
        if text[chunk.start : chunk.end] != chunk.text or not chunk.text.strip():
            found.append(f"chunk {chunk.id} is not where it says")
        if len(chunk.sentence_vectors) != len(chunk.sentences):
            found.append(f"chunk {chunk.id} has not one vector a sentence")
        for one in chunk.sentences:
            if not chunk.start <= one.start < one.end <= chunk.end:
                found.append(f"a sentence of chunk {chunk.id} is outside it")
        covered[chunk.path] = covered.get(chunk.path, "") + chunk.text
    for path, text in texts.items():
        for word in text.split():
            if word not in covered.get(path, ""):
                found.append(f"{word!r} of {path} is in no chunk")
        for word in text.split():
            if word.startswith(("marker", "edition")):
                hits = index.chunks([id_ for id_, _ in index.lexical(word, 5)])
                if path not in {hit.path for hit in hits}:
                    found.append(f"{word!r} does not find {path}")
    return found


def texts_of(folder: Path) -> dict[str, str]:
    """The texts of a folder by relative path."""
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob("*.txt"))
    }
