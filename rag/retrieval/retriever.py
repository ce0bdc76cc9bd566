"""A question becomes Hits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rag.errors import InputError
from rag.index.index import Index, StoredChunk
from rag.models.reader import Reader, load_reader
from rag.retrieval.candidates import Candidates, find_candidates
from rag.retrieval.duplicates import collapse
from rag.retrieval.filters import allowed_documents
from rag.retrieval.rerank import READ, read_hits, rerank
from rag.settings import Settings
from rag.types import Filters, Hit, Location, Query, ScoredSentence, Scores


class Retriever:
    """Dense and lexical search over one index, fused; the sentences of each passage scored; the best ones read.

    Safe to use from several threads.

    Args:
        index: where to search.
        settings: weights, number of candidates, reader, default k; the index's own by default.
        reader: reads the first passages found, and what it thinks of them moves them among themselves; by default
            what the settings say. With ``reader="none"`` a search is some 100 ms faster and its first hits less sure.
    """

    def __init__(self, index: Index, settings: Settings | None = None, reader: Reader | None = None) -> None:
        self.index = index
        self.settings = settings or index.settings
        self.reader = reader if reader is not None else load_reader(self.settings.reader)

    def retrieve(
        self, question: str | Query, k: int | None = None, filters: Filters | None = None
    ) -> list[Hit]:
        """Find the passages that say most about a question.

        Args:
            question: plain words, or a Query, whose own filters are used when ``filters`` is None.
            k: how many hits; the settings' by default. Near-identical passages count once.
            filters: which documents to search.

        Raises:
            InputError: an empty question, a k below 1, or a filter that makes no sense.
        """
        k = self.settings.k if k is None else k
        asked = question.text if isinstance(question, Query) else question
        if self.reader is None or k < 1:
            return self.retrieve_with_vector(question, k, filters)[0]
        hits, _ = self.retrieve_with_vector(question, max(k, READ), filters)
        hits, _ = rerank(hits, read_hits(self.reader, asked, hits[:READ]))
        return hits[:k]

    async def aretrieve(
        self, question: str | Query, k: int | None = None, filters: Filters | None = None
    ) -> list[Hit]:
        """As ``retrieve``, in a thread of the running loop's executor."""
        import asyncio  # 30 ms that a plain question need not pay

        return await asyncio.to_thread(self.retrieve, question, k, filters)

    def retrieve_with_vector(
        self,
        question: str | Query,
        k: int | None = None,
        filters: Filters | None = None,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[list[Hit], NDArray[np.float32]]:
        """As ``retrieve`` without the reader, for callers that have the question's vector already or want it.

        Args:
            vector: the question's unit vector (d,); made from the question by default.

        Returns:
            the hits, and the question's vector.
        """
        query = question if isinstance(question, Query) else Query(text=question, question=question)
        filters = query.filters if filters is None else filters
        k = self.settings.k if k is None else k
        if not query.text.strip():
            raise InputError("the question is empty; next step: ask something")
        if k < 1:
            raise InputError(f"k is {k}; next step: ask for at least one passage")
        if vector is None:
            vector = self.index.encoder.encode_queries([query.text])[0]
        with self.index.snapshot():
            allowed = allowed_documents(filters, self.index.documents()) if filters else None
            found = find_candidates(self.index, query.text, vector, self.settings, k, allowed)
        return _rank(found, k), vector


def _rank(found: Candidates, k: int) -> list[Hit]:
    # rounded, so that the last bits of a sum never decide; then by place, so that equals have a fixed order
    order = sorted(
        range(len(found.chunks)),
        key=lambda n: (-round(float(found.scores[n]), 6), found.chunks[n].path, found.chunks[n].start),
    )
    kept = collapse(found.chunks, found.vectors, order, k)
    return [_hit(rank, found, position, twins) for rank, (position, twins) in enumerate(kept, 1)]


def _hit(rank: int, found: Candidates, position: int, twins: list[int]) -> Hit:
    chunk, cosines = found.chunks[position], found.cosines[position]
    return Hit(
        rank=rank,
        score=float(found.scores[position]),
        path=chunk.path,
        title=chunk.title,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        scores=Scores(
            dense=float(found.dense[position]),
            lexical=float(found.lexical[position]),
            sentence=float(cosines.max()) if len(cosines) else 0.0,
        ),
        sentences=tuple(
            ScoredSentence(
                s.start, s.end, chunk.text[s.start - chunk.start : s.end - chunk.start], float(cosine)
            )
            for s, cosine in zip(chunk.sentences, cosines, strict=True)
        ),
        published=chunk.published,
        source=chunk.source,
        also_in=tuple(_location(found.chunks[twin]) for twin in twins),
        chunk_id=chunk.id,
        document_id=chunk.document_id,
    )


def _location(chunk: StoredChunk) -> Location:
    return Location(path=chunk.path, title=chunk.title, start=chunk.start, end=chunk.end)
