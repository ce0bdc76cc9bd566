"""A tiny deterministic encoder for tests of storage: words are hashed to directions, so equal words are near."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

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
