"""The retriever inside LangChain: a ``BaseRetriever`` of langchain-core, for chains, agents and graphs."""

from __future__ import annotations

from rag.errors import MissingExtraError
from rag.retrieval.retriever import Retriever
from rag.types import Filters, Hit

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise MissingExtraError("rag.integrations.langchain", "langchain") from error


class ArticleRetriever(BaseRetriever):
    """Finds passages as LangChain documents.

    Metadata: ``path``, ``title``, ``start`` and ``end`` (characters of the article's text), ``score`` (comparable
    within one result only), and ``published`` (ISO date) and ``source`` where the article states them.

    Attributes:
        retriever: finds them.
        k: how many; the settings' by default.
        filters: which articles to search.
    """

    retriever: Retriever
    k: int | None = None
    filters: Filters | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in self.retriever.retrieve(query, self.k, self.filters)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in await self.retriever.aretrieve(query, self.k, self.filters)]


def _document(hit: Hit) -> Document:
    stated = {"published": hit.published, "source": hit.source}
    return Document(
        id=f"{hit.path}:{hit.start}-{hit.end}",
        page_content=hit.text,
        metadata={
            "path": hit.path,
            "title": hit.title,
            "start": hit.start,
            "end": hit.end,
            "score": hit.score,
            **{name: value for name, value in stated.items() if value is not None},
        },
    )
