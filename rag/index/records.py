"""The values that pass in and out of the catalog."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.types import Sentence


@dataclass(frozen=True, slots=True)
class FileState:
    """What the file system said about a file when it was read: the grounds for not reading it again."""

    size: int
    mtime_ns: int
    ctime_ns: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class Known:
    """A document the catalog holds, as sync compares it with the folder."""

    id: int
    sha256: str
    file: FileState


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to be staged: offsets into the document's text, what is embedded, and the key of its embedding."""

    start: int
    end: int
    key: bytes
    prefix: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """A staged chunk that has no embedding yet; sentence offsets are relative to ``text``."""

    key: bytes
    prefix: str
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class NewEmbedding:
    """An embedding to be stored under the key of what was embedded."""

    key: bytes
    vector: NDArray[np.float32]
    sentence_vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class LexicalRow:
    """What the lexical index needs of a chunk."""

    chunk_id: int
    document_id: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its text."""

    id: int
    path: str
    title: str
    published: str | None
    source: str | None
    sha256: str
    characters: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk at rest. Sentence offsets point into the document's text; ``sentence_vectors`` has a unit row each."""

    id: int
    document_id: int
    path: str
    title: str
    published: str | None
    source: str | None
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]
    sentence_vectors: NDArray[np.float16]
