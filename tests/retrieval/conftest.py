"""A small synced index made of a test's own articles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.settings import Settings


@pytest.fixture
def make_index(tmp_path: Path, encoder: Encoder) -> Iterator[Callable[..., Index]]:
    """Makes an index of articles given as ``path=text`` (or a dict), with settings if wished."""
    made: list[Index] = []

    def make(articles: dict[str, str], **settings: float) -> Index:
        folder, path = tmp_path / f"articles{len(made)}", tmp_path / f"index{len(made)}"
        folder.mkdir()
        for name, text in articles.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        made.append(Index.open(path, settings=Settings(index=path, **settings), encoder=encoder))  # type: ignore[arg-type] # fields of several types
        if articles:
            made[-1].sync(folder)
        return made[-1]

    yield make
    for index in made:
        index.close()
