"""The JSON of what only the service says; answers and hits are `rag.apps.schema`'s, as on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rag.answering.alignment import Aligned
from rag.answering.citations import Pointer
from rag.answering.events import (
    Completed,
    Event,
    FellBack,
    Preparing,
    Searched,
    StatementDropped,
    StatementReady,
)
from rag.apps.library import Article, FileResult
from rag.apps.schema import answer_json, hits_json, statement_json
from rag.types import Document


def article_json(article: Article) -> dict[str, Any]:
    """One line of the list of articles."""
    return {
        "path": article.path,
        "title": article.title,
        "source": article.source,
        "published": article.published,
        "characters": article.characters,
        "sha256": article.sha256,
    }


def text_json(document: Document) -> dict[str, Any]:
    """An article with its text."""
    return {
        "path": document.path,
        "title": document.title,
        "author": document.author,
        "source": document.source,
        "published": document.published,
        "url": document.url,
        "sha256": document.sha256,
        "body_start": document.body_start,
        "text": document.text,
    }


def file_json(result: FileResult) -> dict[str, Any]:
    """What became of one file."""
    return {"path": result.path, "outcome": result.outcome, "reason": result.reason}


def check_json(sentence: str, aligned: Aligned, passages: Sequence[Document]) -> dict[str, Any]:
    """What came of checking one sentence.

    Args:
        sentence: of the claim.
        aligned: what bears it out, or why nothing does.
        passages: those that were given; empty when the articles were searched.
    """
    return {
        "text": sentence,
        "supported": bool(aligned.pointers),
        "evidence": [_evidence(pointer, passages) for pointer in aligned.pointers],
        "objections": [
            {"kind": objection.kind, "text": objection.text, "reason": objection.reason}
            for objection in aligned.objections
        ],
    }


def _evidence(pointer: Pointer, passages: Sequence[Document]) -> dict[str, Any]:
    given = [number for number, passage in enumerate(passages, 1) if passage.path == pointer.document.path]
    return {
        "passage": given[0] if given else None,
        "path": None if given else pointer.document.path,
        "title": None if given else pointer.document.title,
        "start": pointer.start,
        "end": pointer.end,
        "quote": pointer.quote,
        "support": round(pointer.support, 4),
    }


def event_json(event: Event) -> tuple[str, dict[str, Any]]:
    """An event's name and data, as server-sent events carry them."""
    match event:
        case Searched():
            return "searched", hits_json(event.query, list(event.hits))
        case StatementReady():
            return "statement", statement_json(event.statement)
        case StatementDropped():
            return "dropped", {"text": event.statement.text, "reasons": list(event.statement.reasons)}
        case Preparing():
            return "preparing", {"note": event.note}
        case FellBack():
            return "fell_back", {"note": event.note}
        case Completed():
            return "completed", answer_json(event.answer)
        case _:
            return "token", {"text": event.text}


def sse(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {_compact(data)}\n\n".encode("utf-8", "replace")


def sse_data(data: dict[str, Any]) -> bytes:
    """One server-sent event without a name, as OpenAI's clients read them."""
    return f"data: {_compact(data)}\n\n".encode("utf-8", "replace")


def _compact(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
