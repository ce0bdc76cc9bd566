"""Answers questions over a folder of articles, every sentence backed by a citation checked against its source.

The public names resolve lazily, so that ``import rag`` costs milliseconds and loads no model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine
    from rag.errors import RagError
    from rag.index.index import Index
    from rag.retrieval.retriever import Retriever
    from rag.settings import Settings
    from rag.types import Answer, Citation, Document, Filters, Hit, Query, Source, Statement, SyncReport

__version__ = "0.1.0"

_HOMES = {
    "AnswerEngine": "rag.answering.engine",
    "Index": "rag.index.index",
    "RagError": "rag.errors",
    "Retriever": "rag.retrieval.retriever",
    "Settings": "rag.settings",
    **dict.fromkeys(
        ("Answer", "Citation", "Document", "Filters", "Hit", "Query", "Source", "Statement", "SyncReport"),
        "rag.types",
    ),
}

__all__ = [  # noqa: RUF022 - grouped as a reader meets them
    "Index",
    "Retriever",
    "AnswerEngine",
    "Settings",
    "RagError",
    "Answer",
    "Citation",
    "Document",
    "Filters",
    "Hit",
    "Query",
    "Source",
    "Statement",
    "SyncReport",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
