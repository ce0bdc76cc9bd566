"""An encoder that remembers: what was embedded once, by the same weights, is never embedded again.

An index keeps its own embeddings; this is for several indexes over the same articles that differ in how they are cut,
where most passages of one are not passages of the other, but many are.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.models.encoder import Encoded, Encoder, Passage


class CachedEncoder:
    """Passes everything on to an encoder, but keeps passages' embeddings in one SQLite file.

    Args:
        encoder: does the work that is left.
        file: made if absent; may hold embeddings of other encoders, too.
    """

    def __init__(self, encoder: Encoder, file: Path) -> None:
        self.encoder = encoder
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension, self.window = encoder.dimension, encoder.window
        self.made = 0  # passages that had to be embedded
        self._db = sqlite3.connect(file, check_same_thread=False)
        with self._db:
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS embeddings (key BLOB PRIMARY KEY, vector BLOB, sentences BLOB)"
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As the encoder itself."""
        return self.encoder.count_tokens(texts)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the encoder itself."""
        return self.encoder.encode_queries(texts)

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        """As the encoder itself; only passages not seen before are work."""
        keys = [self._key(passage) for passage in passages]
        found = {key: encoded for key in keys if (encoded := self._stored(key)) is not None}
        if progress is not None and found:
            progress(sum(key in found for key in keys))
        missing = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in found}
        if missing:
            made = self.encoder.encode_passages(list(missing.values()), progress)
            self.made += len(made)
            found |= dict(zip(missing, made, strict=True))
            with self._db:
                self._db.executemany(
                    "INSERT OR IGNORE INTO embeddings VALUES (?, ?, ?)",
                    [
                        (
                            key,
                            one.vector.astype("<f4").tobytes(),
                            one.sentence_vectors.astype("<f2").tobytes(),
                        )
                        for key, one in zip(missing, made, strict=True)
                    ],
                )
        return [found[key] for key in keys]

    def _key(self, passage: Passage) -> bytes:
        offsets = ",".join(f"{one.start}-{one.end}" for one in passage.sentences)
        parts = (self.fingerprint, passage.prefix, passage.text, offsets)
        return hashlib.sha256("\0".join(f"{len(part)}:{part}" for part in parts).encode()).digest()

    def _stored(self, key: bytes) -> Encoded | None:
        row = self._db.execute("SELECT vector, sentences FROM embeddings WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        vector = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
        sentences = np.frombuffer(row[1], dtype="<f2").astype(np.float16).reshape(-1, self.dimension)
        return Encoded(vector, sentences)
