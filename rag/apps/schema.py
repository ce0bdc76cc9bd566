"""The JSON that programs read: one function per value the command line prints with ``--json``."""

from __future__ import annotations

from typing import Any

from rag.types import Answer, Citation, Conflict, Hit, Statement, SyncReport


def answer_json(answer: Answer) -> dict[str, Any]:
    """What ``rag ask --json`` prints.

    ``note`` and ``unverified`` only where a language model left something to say, ``conflicts`` only where articles
    disagree.
    """
    printed: dict[str, Any] = {
        "question": answer.question,
        "query": answer.query,
        "verdict": answer.verdict,
        "text": answer.text,
        "short_answer": answer.short_answer,
        "statements": [statement_json(statement) for statement in answer.statements],
        "sources": [
            {
                "number": source.number,
                "path": source.path,
                "title": source.title,
                "published": source.published,
            }
            for source in answer.sources
        ],
        "generator": answer.generator,
        "timings_ms": answer.timings_ms,
    }
    if answer.note is not None:
        printed["note"] = answer.note
    if answer.unverified:
        printed["unverified"] = [
            {"text": dropped.text, "reasons": list(dropped.reasons)} for dropped in answer.unverified
        ]
    if answer.conflicts:
        printed["conflicts"] = [_conflict_json(conflict) for conflict in answer.conflicts]
    return printed


def _conflict_json(conflict: Conflict) -> dict[str, Any]:
    return {
        "about": conflict.about,
        "positions": [
            {
                "text": position.text,
                "published": position.published,
                "citations": [_citation_json(citation) for citation in position.citations],
            }
            for position in conflict.positions
        ],
    }


def statement_json(statement: Statement) -> dict[str, Any]:
    """One sentence of an answer with its citations."""
    return {
        "text": statement.text,
        "citations": [_citation_json(citation) for citation in statement.citations],
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "path": citation.path,
        "title": citation.title,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "support": citation.support,
    }


def hits_json(query: str, hits: list[Hit]) -> dict[str, Any]:
    """What ``rag search --json`` prints."""
    return {
        "query": query,
        "hits": [
            {
                "rank": hit.rank,
                "score": round(hit.score, 4),
                "path": hit.path,
                "title": hit.title,
                "start": hit.start,
                "end": hit.end,
                "text": hit.text,
                "scores": {
                    "dense": round(hit.scores.dense, 4),
                    "lexical": round(hit.scores.lexical, 4),
                    "sentence": round(hit.scores.sentence, 4),
                },
            }
            for hit in hits
        ],
    }


def sync_json(report: SyncReport) -> dict[str, Any]:
    """What ``rag sync --json`` prints."""
    return {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "failed": [{"path": failure.path, "error": failure.error} for failure in report.failed],
        "documents": report.documents,
        "chunks": report.chunks,
        "seconds": round(report.seconds, 3),
    }
