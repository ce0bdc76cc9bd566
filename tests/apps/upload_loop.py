"""Replaces a folder's articles through a library, edition after edition, until it is killed."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from apps.archives import packed
from index.word_encoder import WordEncoder, article

from rag.apps.library import Library, Upload
from rag.index.index import Index
from rag.settings import Settings

ARTICLES = 6


def edition(number: int) -> dict[str, bytes]:
    """What the zip of one edition holds."""
    return {f"deep/{n}/a{n}.txt": article(n, number).encode() for n in range(ARTICLES)}


def main(index: Path) -> None:
    """Add editions for ever, saying so after each."""
    settings = Settings(index=index, chunk_tokens=24, chunk_overlap=1)
    with Index.open(index, settings=settings, encoder=WordEncoder()) as opened:
        library = Library(opened)
        for number in count(1):
            results = library.add([Upload("all.zip", packed(edition(number)))])
            assert all(one.outcome != "refused" for one in results), results
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
