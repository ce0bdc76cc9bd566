"""A large index for load tests, made from a small real one without embedding anything again.

Articles are real sentences of the given index in a new order, so that words, lengths and vectors are spread as in real
text; a passage's vector is the mean of its sentences' vectors, which the given index holds. What comes out takes a
search as long as a real index of that size does. Its answers mean nothing.

    python eval/service/many.py --from INDEX --out INDEX [--chunks 100000] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.index.index import Index
from rag.index.sync import SyncEvent
from rag.models.encoder import Encoded, Encoder, Passage
from rag.settings import Settings

MIXED = 6  # documents an article's sentences are taken from
PER_CHUNK = 4.4  # sentences of these abstracts that a chunk adds to the one before
LONGEST = 60  # words; longer ones are tables and lists
WORDS_ENOUGH = 5


class Recombined:
    """The real encoder, except that a passage's vectors come from sentences that were embedded before."""

    def __init__(self, real: Encoder, known: dict[str, NDArray[np.float16]]) -> None:
        self.name, self.fingerprint = real.name, real.fingerprint
        self.dimension, self.window = real.dimension, real.window
        self.count_tokens, self.encode_queries = real.count_tokens, real.encode_queries
        self._known = known
        self._mean = np.mean([*known.values()][:1000], axis=0).astype(np.float32)
        self.unknown = self.seen = 0

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        """The vectors of each passage."""
        done = []
        for passage in passages:
            rows = [self._row(passage.text[s.start : s.end]) for s in passage.sentences]
            vectors = np.stack(rows).astype(np.float32) if rows else self._mean[None, :]
            total = vectors.mean(axis=0)
            done.append(Encoded(total / np.linalg.norm(total), np.stack(rows).astype(np.float16)))
        if progress is not None:
            progress(len(passages))
        return done

    def _row(self, text: str) -> NDArray[np.float32]:
        self.seen += 1
        found = self._known.get(text.strip())
        if found is None:  # cut otherwise than it was
            self.unknown += 1
            return self._mean / np.linalg.norm(self._mean)
        return found.astype(np.float32)


def sentences_of(index: Index) -> tuple[dict[str, NDArray[np.float16]], list[list[str]]]:
    """Each sentence's vector, and each document's sentences in order."""
    known: dict[str, NDArray[np.float16]] = {}
    documents: dict[str, list[str]] = {}
    ids = index._catalog.live_chunks()
    for begin in range(0, len(ids), 1000):
        for chunk in index.chunks(ids[begin : begin + 1000]):
            for sentence, vector in zip(chunk.sentences, chunk.sentence_vectors, strict=True):
                text = chunk.text[sentence.start - chunk.start : sentence.end - chunk.start].strip()
                if WORDS_ENOUGH <= len(text.split()) <= LONGEST and "\n" not in text and text[-1] in ".?!":
                    if text not in known:
                        documents.setdefault(chunk.path, []).append(text)
                    known[text] = vector
    return known, [texts for texts in documents.values() if texts]


def write_articles(folder: Path, documents: list[list[str]], chunks: int, seed: int) -> None:
    """Articles that make about so many chunks."""
    rng = random.Random(seed)
    sentences, number = 0, 0
    while sentences < chunks * PER_CHUNK:
        texts = [text for texts in rng.sample(documents, MIXED) for text in texts]
        rng.shuffle(texts)
        paragraphs = [" ".join(texts[at : at + 8]) for at in range(0, len(texts), 8)]
        place = folder / f"{number % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}.txt").write_text(
            f"Article {number}\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8"
        )
        sentences, number = sentences + len(texts), number + 1


def reporter() -> Callable[[SyncEvent], None]:
    """Says how far it is, every ten seconds."""
    last = [time.monotonic()]

    def tell(event: SyncEvent) -> None:
        if time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            print(f"{event.stage} {event.done} of {event.total}", file=sys.stderr, flush=True)

    return tell


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--from", dest="source", type=Path, required=True, help="an index of some thousand passages"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="where to make the index; its articles beside it"
    )
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with Index.open(asked.source, settings=Settings(index=asked.source), create=False) as source:
        known, documents = sentences_of(source)
        encoder = Recombined(source.encoder, known)
    print(f"{len(known)} sentences of {len(documents)} documents", file=sys.stderr)
    articles = asked.out.with_name(asked.out.name + "-articles")
    if not articles.exists():
        write_articles(articles, documents, asked.chunks, asked.seed)
    with Index.open(asked.out, settings=Settings(index=asked.out), encoder=encoder) as index:
        report = index.sync(articles, reporter())
    print(
        f"{asked.out}: {report.documents} articles, {report.chunks} chunks in {report.seconds:.0f} s; "
        f"{encoder.unknown / max(encoder.seen, 1):.1%} of the sentences had no vector of their own"
    )


if __name__ == "__main__":
    main()
