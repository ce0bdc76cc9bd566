"""Why this answer: what was searched, what was found with its scores, what was cited or passed over, and the time.

The trace is made when the answer is, and kept with it as plain values, so that it can be looked at later on; what is
not worth keeping (the passages' texts) is read from the articles by whoever opens one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.answering import evidence
from rag.answering.gate import Gate
from rag.answering.question import analyse
from rag.apps.chat_html import Span, byline, check, count, escape, target
from rag.errors import RagError
from rag.types import Answer, Hit, Unverified

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine

_STAGES = {
    "search": "searching",
    "read": "reading",
    "compose": "composing",
    "write": "writing and checking",
    "total": "altogether",
}


def trace(
    engine: AnswerEngine,
    parts: Sequence[tuple[str, Sequence[Hit]]],
    answer: Answer,
    dropped: Sequence[Unverified],
    within: str,
) -> dict[str, Any]:
    """What there is to say about how an answer came about.

    Args:
        engine: what answered.
        parts: each part of the question as it was searched, and what that found.
        answer: what was made of it.
        dropped: what a model said and failed the check.
        within: which articles were searched, in words; '' for all.
    """
    used: dict[str, set[tuple[int, int, int]]] = {}
    for statement in answer.statements:
        for citation in statement.citations:
            used.setdefault(citation.path, set()).add((citation.start, citation.end, citation.number))
    hits = [hit for _, found in parts for hit in found]
    return {
        "query": answer.query,
        "within": within,
        "verdict": answer.verdict,
        "confidence": answer.confidence,
        "threshold": evidence.calibration(engine.reader is not None).threshold if hits else None,
        "generator": answer.generator,
        "timings": answer.timings_ms,
        "dropped": [{"text": one.text, "reasons": list(one.reasons)} for one in dropped or answer.unverified],
        "parts": [
            {"query": text, "hits": _candidates(found, _gate(engine, text, found), used)}
            for text, found in parts
        ],
    }


def _candidates(
    hits: Sequence[Hit], passes: Sequence[bool], used: Mapping[str, set[tuple[int, int, int]]]
) -> list[dict[str, Any]]:
    """What is kept of the passages of one part: scores, and what became of each."""
    return [
        {
            "path": hit.path,
            "title": hit.title,
            "span": [hit.start, hit.end, check(hit.text)],
            "score": round(hit.score, 3),
            "dense": round(hit.scores.dense, 3),
            "lexical": round(hit.scores.lexical, 3),
            "evidence": None if hit.scores.evidence is None else round(hit.scores.evidence, 3),
            "number": min(
                (n for start, end, n in used.get(hit.path, ()) if start < hit.end and hit.start < end),
                default=0,
            ),
            "passes": is_passed,
        }
        for hit, is_passed in zip(hits, passes, strict=True)
    ]


def _gate(engine: AnswerEngine, query: str, hits: Sequence[Hit]) -> list[bool]:
    """Which passages stand in an article that mentions what the question insists on."""
    if not hits:
        return []
    material = evidence.Material(hits)
    analysis = material.corrected(analyse(query, material.names))
    try:
        gate = Gate(analysis, engine.retriever.index.document)
        return [gate.passes(hit, terms) for hit, terms in zip(hits, material.passages, strict=True)]
    except RagError:  # an article was removed meanwhile
        return [True] * len(hits)


# --- as HTML; the values come back from the store and are read with care ---


def _fate(hit: Mapping[str, Any], verdict: str) -> str:
    if hit.get("number"):
        return f"cited as {hit['number']}"
    if not hit.get("passes", True):
        return "passed over: the article does not mention what the question asks about"
    if verdict == "not_found":
        return "not taken: it does not say enough to answer"
    return "not needed: others say it more directly"


def _hit(hit: Mapping[str, Any], verdict: str) -> str:
    start, end, mark = hit["span"]
    scores = byline(
        f"score {hit['score']:.2f}",
        f"meaning {hit['dense']:.2f}",
        f"words {hit['lexical']:.2f}",
        None if hit.get("evidence") is None else f"evidence {hit['evidence']:.2f}",
    )
    kind = "cited" if hit.get("number") else "closest"
    return (
        f'<li><button type="button" class="candidate{" used" if hit.get("number") else ""}" '
        f"{target(hit['path'], [Span(start, end, mark)], kind, 'Candidate')}>"
        f'<span class="source-title">{escape(hit["title"])}</span>'
        f'<span class="source-line">{escape(_fate(hit, verdict))}</span>'
        f'<span class="scores">{scores}</span></button></li>'
    )


def _part(part: Mapping[str, Any], verdict: str, names_it: bool) -> str:
    hits: Sequence[Mapping[str, Any]] = part.get("hits", ())
    of = f" for <q>{escape(part.get('query', ''))}</q>" if names_it else ""
    return (
        f"<h4>{count(len(hits), 'passage', 'passages')} looked at{of}</h4>"
        f'<ol class="candidates">{"".join(_hit(hit, verdict) for hit in hits)}</ol>'
    )


def _sureness(found: Mapping[str, Any]) -> str:
    sure, needed = found.get("confidence"), found.get("threshold")
    if sure is None or needed is None:
        return ""
    return (
        f"<p>How likely it is that the articles hold the answer: <strong>{sure:.0%}</strong>; "
        f"from {needed:.0%} on it is given.</p>"
    )


def drawer(found: Mapping[str, Any]) -> str:
    """The drawer under an answer."""
    if not found:
        return "<p>Nothing was noted about this answer.</p>"
    verdict = str(found.get("verdict", ""))
    # an earlier version kept what the first part found, and nothing of the others
    parts: Sequence[Mapping[str, Any]] = found.get("parts") or [found]
    dropped = "".join(
        f'<li><s>{escape(one["text"])}</s><span class="source-line">{escape("; ".join(one["reasons"]))}</span></li>'
        for one in found.get("dropped", ())
    )
    times = byline(
        *(f"{_STAGES.get(stage, stage)} {ms:,.0f} ms" for stage, ms in found.get("timings", {}).items())
    )
    within = f", only in {escape(found['within'])}" if found.get("within") else ""
    return "".join(
        [
            f"<p>Searched for <q>{escape(found.get('query', ''))}</q>{within}.</p>",
            _sureness(found),
            "".join(_part(part, verdict, len(parts) > 1) for part in parts)
            if any(part.get("hits") for part in parts)
            else "<p>Nothing was searched: the answer before was asked about.</p>",
            f'<h4>Said by the model and left out</h4><ul class="left-out-list">{dropped}</ul>'
            if dropped
            else "",
            f'<h4>Time</h4><p class="times">{times}</p>' if times else "",
        ]
    )
