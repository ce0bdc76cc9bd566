"""The retriever and the engine inside LlamaIndex.

``ArticleRetriever`` finds, for any query engine of LlamaIndex that is to word the answer. ``ArticleQueryEngine``
answers: its ``source_nodes`` are citations that were compared with the articles' characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rag.answering.engine import AnswerEngine
from rag.errors import MissingExtraError
from rag.retrieval.retriever import Retriever
from rag.types import Answer, Citation, Filters, Hit, Position, Statement

try:
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.response.schema import Response
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.prompts.mixin import PromptMixinType
    from llama_index.core.schema import (
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise MissingExtraError("rag.integrations.llama_index", "llama-index") from error

# Where a passage stands is for programs; a model reads title, date and outlet.
_NOT_FOR_MODELS = ["path", "start", "end", "number", "statement"]


class ArticleRetriever(BaseRetriever):
    """Finds passages as LlamaIndex nodes: text, score, and where they stand.

    A node's metadata holds ``path``, ``title``, ``start`` and ``end`` (characters of the article's text), and
    ``published`` (ISO date) and ``source`` where the article states them.

    Args:
        retriever: finds them.
        k: how many; the settings' by default.
        filters: which articles to search.
        callback_manager: LlamaIndex's.
    """

    def __init__(
        self,
        retriever: Retriever,
        k: int | None = None,
        filters: Filters | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self._retriever = retriever
        self._k = k
        self._filters = filters

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            _hit_node(hit) for hit in self._retriever.retrieve(query_bundle.query_str, self._k, self._filters)
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await self._retriever.aretrieve(query_bundle.query_str, self._k, self._filters)
        return [_hit_node(hit) for hit in hits]


class ArticleQueryEngine(BaseQueryEngine):
    """Answers as ``AnswerEngine`` does; every source node is a checked citation.

    A source node's text is the quote, its score the support (0..1), and its metadata, beside what a retriever's node
    has, the ``number`` that stands in brackets in the answer and the ``statement`` it supports. What the articles do
    not answer has no source node. The response's metadata holds ``verdict`` (answered, partial, not_found),
    ``short_answer``, ``confidence``, ``generator``, and ``conflicts`` (about what, and the numbers of the articles that
    disagree).

    Args:
        engine: answers.
        filters: which articles may answer.
        callback_manager: LlamaIndex's.
    """

    def __init__(
        self,
        engine: AnswerEngine,
        filters: Filters | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self._engine = engine
        self._filters = filters

    def _query(self, query_bundle: QueryBundle) -> Response:
        return _response(self._engine.ask(query_bundle.query_str, filters=self._filters))

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return _response(await self._engine.aask(query_bundle.query_str, filters=self._filters))

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def _hit_node(hit: Hit) -> NodeWithScore:
    node = _node(
        hit.text, hit.path, hit.title, hit.start, hit.end, published=hit.published, source=hit.source
    )
    return NodeWithScore(node=node, score=hit.score)


def _response(answer: Answer) -> Response:
    published = {source.path: source.published for source in answer.sources}
    return Response(
        response=answer.text,
        source_nodes=[
            _citation_node(citation, said, published.get(citation.path)) for said, citation in _cited(answer)
        ],
        metadata={
            "verdict": answer.verdict,
            "short_answer": answer.short_answer,
            "confidence": answer.confidence,
            "generator": answer.generator,
            "conflicts": [
                {
                    "about": conflict.about,
                    "numbers": [one.number for side in conflict.positions for one in side.citations],
                }
                for conflict in answer.conflicts
            ],
        },
    )


def _cited(answer: Answer) -> Iterator[tuple[str, Citation]]:
    """Every citation with what it bears out: the statements, then the articles that say something else."""
    seen = set()
    told: list[Statement | Position] = [*answer.statements]
    for conflict in answer.conflicts:
        told += conflict.positions
    for said in told:
        for citation in said.citations:
            place = (citation.path, citation.start, citation.end)
            if place not in seen:
                seen.add(place)
                yield said.text, citation


def _citation_node(citation: Citation, statement: str, published: str | None) -> NodeWithScore:
    node = _node(
        citation.quote,
        citation.path,
        citation.title,
        citation.start,
        citation.end,
        published=published,
        number=citation.number,
        statement=statement,
    )
    return NodeWithScore(node=node, score=citation.support)


def _node(text: str, path: str, title: str, start: int, end: int, **more: Any) -> TextNode:
    known = {name: value for name, value in more.items() if value is not None}
    return TextNode(
        id_=f"{path}:{start}-{end}",  # the same passage is the same node, in every answer
        text=text,
        start_char_idx=start,
        end_char_idx=end,
        metadata={"path": path, "title": title, "start": start, "end": end, **known},
        excluded_llm_metadata_keys=_NOT_FOR_MODELS,
        excluded_embed_metadata_keys=_NOT_FOR_MODELS,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=path)},
    )
