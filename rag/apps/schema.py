"""The JSON that programs read: one function per value the command line prints with ``--json``."""

from __future__ import annotations

from typing import Any

from rag.types import Answer, Hit, SyncReport


def answer_json(answer: Answer) -> dict[str, Any]:
    """What ``rag ask --json`` prints; ``note`` and ``unverified`` only where a language model left something to say."""
    printed: dict[str, Any] = {
        "question": answer.question,
        "query": answer.query,
        "verdict": answer.verdict,
        "text": answer.text,
        "short_answer": answer.short_answer,
        "statements": [
            {
                "text": statement.text,
                "citations": [
                    {
                        "number": citation.number,
                        "path": citation.path,
                        "title": citation.title,
                        "start": citation.start,
                        "end": citation.end,
                        "quote": citation.quote,
                        "support": citation.support,
                    }
                    for citation in statement.citations
                ],
            }
            for statement in answer.statements
        ],
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
    return printed


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
