"""A run as one HTML page that opens from disk: numbers, plots, and every question with its evidence.

The page loads nothing (a content policy in it forbids it to) and everything from articles, questions and answers is
escaped by the template. A passage is shown around what was cited, not as a whole: that keeps 1,000 questions under
5 MB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from rag.errors import MissingExtraError
from rag.evaluation.confidence import area_under, calibration_error, coverage_risk, reliability, separation
from rag.evaluation.plots import coverage_risk_plot, kinds_plot, latency_plot, reliability_plot
from rag.evaluation.records import Record, outcomes
from rag.evaluation.report import shares, thinned, usage_line
from rag.evaluation.runner import Run

if TYPE_CHECKING:
    from jinja2 import Environment

_AROUND = 220  # characters shown on each side of what was cited
_CLOSEST = 2  # passages shown for a question that was refused or went wrong
_CLOSEST_CHARACTERS = 420
_TILES = ("right", "f1", "refusal_recall", "wrongly_refused", "citation_recall", "supported")
_MOST_TILES = 5  # and the time: a row of six


@dataclass(frozen=True, slots=True)
class Passage:
    """Text around what was cited: pieces in order, each with whether it is highlighted."""

    number: int | None
    path: str
    title: str
    pieces: tuple[tuple[str, bool], ...]


def render(run: Run, about: Mapping[str, Any]) -> str:
    """The whole page.

    Raises:
        MissingExtraError: the template engine is not installed.
    """
    judged = outcomes(run.records)
    bins, curve = reliability(judged), coverage_risk(judged)
    named = {name: (words.strip(), share) for name, words, share in shares(run.summary)}
    template = environment().get_template("report.html.j2")
    return template.render(
        run=run,
        about=about,
        summary=run.summary,
        used=usage_line(run),
        tiles=[(name, *named[name]) for name in _TILES if named[name][1].value is not None][:_MOST_TILES],
        rows=[(words, share) for _, words, share in shares(run.summary) if share.value is not None],
        plots=_plots(run, bool(bins), bool(curve)),
        separation=separation(judged),
        calibration_error=calibration_error(bins),
        mean_risk=area_under(curve),
        facts=list(_about_rows(about)),
        items=[_item(record) for record in run.records],
        kinds=sorted({record.question.kind for record in run.records}),
        failed=sum(record.outcome.failure is not None for record in run.records),
    )


def environment() -> Environment:
    """Templates of this room, with everything escaped that is not marked as safe."""
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("the HTML report", "eval") from error

    def load(name: str) -> str:
        return resources.files("rag.evaluation").joinpath("assets", name).read_text("utf-8")

    made = Environment(
        loader=FunctionLoader(load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = lambda share: "–" if share is None else f"{share:.1%}"
    return made


def _plots(run: Run, has_bins: bool, has_curve: bool) -> list[tuple[str, str, Any]]:
    """(title, what it shows, drawing) for the plots there is something to draw of."""
    from markupsafe import Markup

    judged = outcomes(run.records)
    drawn = []
    if any(row.answerable or row.unanswerable for row in run.summary.kinds):
        drawn.append(
            ("By kind of question", "The share handled rightly.", Markup(kinds_plot(run.summary.kinds)))
        )
    times = [outcome.milliseconds for outcome in judged]
    drawn.append(
        ("Time per question", "Wall clock, from question to whole answer.", Markup(latency_plot(times)))
    )
    if has_bins:
        told = "On the line, it is as often answerable as it is sure."
        drawn.append(("Reliability", told, Markup(reliability_plot(reliability(judged)))))
    if has_curve:
        told = "If only the surest questions were answered: how many of the answers would be wrong."
        drawn.append(("Coverage and risk", told, Markup(coverage_risk_plot(thinned(coverage_risk(judged))))))
    return drawn


def _about_rows(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in (
        "command",
        "started",
        "questions",
        "corpus",
        "settings",
        "reader",
        "software",
        "machine",
        "git",
        "seed",
    ):
        value = about.get(name)
        if value is None:
            continue
        if isinstance(value, dict):
            yield (
                name,
                ", ".join(f"{key} {_plain(one)}" for key, one in value.items() if one not in (None, {})),
            )
        else:
            yield name, _plain(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _item(record: Record) -> dict[str, Any]:
    """What the page shows of one question."""
    outcome, question = record.outcome, record.question
    shown = list(_cited_passages(record))
    if outcome.refused or outcome.failure is not None:
        shown += list(_closest_passages(record, {(passage.path, passage.pieces) for passage in shown}))
    return {
        "id": question.id,
        "kind": question.kind,
        "question": question.question,
        "history": [turn if isinstance(turn, str) else f"{turn[0]} – {turn[1]}" for turn in question.history],
        "follows": question.follows,
        "query": record.answer.get("query", ""),
        "answerable": question.answerable,
        "verdict": outcome.verdict,
        "failure": outcome.failure,
        "short": outcome.short_answer,
        "statements": [
            (statement["text"], [cited["number"] for cited in statement["citations"]])
            for statement in record.answer.get("statements", ())
        ],
        "text": outcome.text,
        "facts": list(zip(question.facts, outcome.facts, strict=True)),
        "sources": question.sources,
        "passages": shown,
        "milliseconds": outcome.milliseconds,
        "confidence": outcome.confidence,
        "rank": outcome.evidence_rank,
        "f1": outcome.f1,
    }


def _cited_passages(record: Record) -> Iterator[Passage]:
    """Each cited quote once, with the text around it where the passage was kept."""
    by_place: dict[tuple[str, int, int], dict[str, Any]] = {}
    for statement in record.answer.get("statements", ()):
        for cited in statement["citations"]:
            by_place.setdefault((cited["path"], cited["start"], cited["end"]), cited)
    for cited in by_place.values():
        pieces = _around(cited, record.hits)
        yield Passage(cited["number"], cited["path"], cited["title"], pieces)


def _around(cited: Mapping[str, Any], hits: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, bool], ...]:
    start, end, quote = int(cited["start"]), int(cited["end"]), str(cited["quote"])
    for hit in hits:
        text = str(hit.get("text", ""))
        low, high = start - int(hit["start"]), end - int(hit["start"])
        # only where the passage really holds the quote: a note of the evidence must not invent a place
        if hit["path"] == cited["path"] and low >= 0 and text[low:high] == quote:
            before, after = text[:low], text[high:]
            lead = "…" + before[-_AROUND:] if len(before) > _AROUND else before
            tail = after[:_AROUND] + "…" if len(after) > _AROUND else after
            return ((lead, False), (quote, True), (tail, False))
    return ((quote, True),)


def _closest_passages(
    record: Record, shown: set[tuple[str, tuple[tuple[str, bool], ...]]]
) -> Iterator[Passage]:
    """The first passages found, with expected facts highlighted; what a person looks at when it went wrong."""
    wordings = [wording for fact in record.question.facts for wording in fact]
    for hit in record.hits[:_CLOSEST]:
        text = str(hit.get("text", ""))
        cut = text[:_CLOSEST_CHARACTERS] + ("…" if len(text) > _CLOSEST_CHARACTERS else "")
        pieces = tuple(highlighted(cut, wordings))
        if text and (hit["path"], pieces) not in shown:
            yield Passage(None, str(hit["path"]), str(hit["title"]), pieces)


def highlighted(text: str, wordings: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The text in pieces; those that are one of the wordings, as whole words in any case, are highlighted."""
    ordered = sorted({wording for wording in wordings if wording}, key=len, reverse=True)
    if not ordered:
        yield text, False
        return
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, ordered)) + r")(?!\w)", re.IGNORECASE)
    position = 0
    for found in pattern.finditer(text):
        if found.start() > position:
            yield text[position : found.start()], False
        yield found.group(), True
        position = found.end()
    if position < len(text):
        yield text[position:], False
