"""Fixtures for tests of storage: a small folder of articles, and an index over it with the word encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from index.word_encoder import WordEncoder, write_articles

from rag.index.index import Index
from rag.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Small chunks, so that short articles have several."""
    return Settings(index=tmp_path / "index", chunk_tokens=24, chunk_overlap=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with six articles; article ``a3.txt`` alone holds the word ``marker3``."""
    folder = tmp_path / "articles"
    write_articles(folder, range(6))
    return folder


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def index(settings: Settings, words: WordEncoder) -> Iterator[Index]:
    """An empty index."""
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        yield index


@pytest.fixture
def synced(index: Index, folder: Path) -> Index:
    """An index over the six articles."""
    index.sync(folder)
    return index
