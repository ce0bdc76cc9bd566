"""A run told three times: tables for the terminal, Markdown for a page, one JSON object for programs.

All from the same Summary; the report with plots is in ``html_report``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.evaluation.confidence import (
    CurvePoint,
    area_under,
    calibration_error,
    coverage_risk,
    reliability,
    separation,
)
from rag.evaluation.metered import total
from rag.evaluation.metrics import Outcome
from rag.evaluation.records import outcomes
from rag.evaluation.runner import Run
from rag.evaluation.summary import Share, Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def to_json(run: Run) -> dict[str, Any]:
    """The run's numbers and its failures, ready for ``json.dumps``."""
    summary = run.summary
    return {
        "file": run.file,
        "split": run.split,
        "planned": run.planned,
        "questions": summary.questions,
        "interrupted": run.interrupted,
        "metrics": {name: _share_json(share) for name, _, share in shares(summary)},
        "confidence": _confidence_json(run),
        "statements": summary.statements,
        "median_ms": round(summary.median_ms, 2),
        "p95_ms": round(summary.p95_ms, 2),
        "seconds": round(run.seconds, 2),
        **_usage_json(run),
        "verdicts": {
            name: {
                verdict: summary.verdicts.get((answerable, verdict), 0)
                for verdict in ("answered", "partial", "not_found")
            }
            for name, answerable in (("answerable", True), ("unanswerable", False), ("unknown", None))
        },
        "kinds": [
            {
                "kind": row.kind,
                "answerable": row.answerable,
                "right": row.right,
                "source_cited": row.source_cited,
                "refused_answerable": row.refused_answerable,
                "unanswerable": row.unanswerable,
                "refused_unanswerable": row.refused_unanswerable,
            }
            for row in summary.kinds
        ],
        "failures": [
            {
                "id": outcome.question.id,
                "kind": outcome.question.kind,
                "question": outcome.question.question,
                "failure": outcome.failure,
                "got": outcome.text,
                "cited": list(outcome.cited),
                "expected": [list(fact) for fact in outcome.question.facts],
                "sources": list(outcome.question.sources),
            }
            for outcome in _failed(run)
        ],
    }


def print_report(run: Run, console: Console, *, failures: bool = False) -> None:
    """Print the numbers, the table per kind and, if asked for, every question that went wrong."""
    from rich.markup import escape

    summary = run.summary
    half = f", split {run.split}" if run.split else ""
    console.print(
        f"[bold]{escape(run.file)}[/bold]{half}: {summary.questions} questions in {run.seconds:.1f} s",
        soft_wrap=True,
    )
    if run.interrupted:
        console.print(
            f"[yellow]stopped after {summary.questions} of {run.planned}; the numbers are of these[/yellow]"
        )
    console.print(_numbers(summary))
    used = usage_line(run)
    if used is not None:
        console.print(used, soft_wrap=True, markup=False)
    console.print()
    console.print(_kinds(summary))
    failed = list(_failed(run))
    if failures:
        for outcome in failed:
            _print_failure(outcome, console)
    elif failed:
        console.print(f"{len(failed)} questions went wrong; --failures lists them")


def shares(summary: Summary) -> list[tuple[str, str, Share]]:
    """(name for programs, words for people, share), in the order they are read."""
    return [
        *(
            (f"evidence_recall@{depth}", f"evidence among the first {depth}", share)
            for depth, share in summary.evidence_recall.items()
        ),
        ("right", "answer holds the expected facts", summary.right),
        ("source_cited", "  of these: right source cited", summary.source_cited),
        ("exact", "short answer: exact match, refusals counted", summary.exact),
        ("f1", "short answer: F1, refusals counted", summary.f1),
        ("exact_answerable", "  answerable only: exact match", summary.exact_answerable),
        ("f1_answerable", "  answerable only: F1", summary.f1_answerable),
        ("refusal_precision", "refused: cannot be answered (precision)", summary.refusal_precision),
        ("refusal_recall", "cannot be answered: refused (recall)", summary.refusal_recall),
        ("near_miss_recall", "  of these, near misses: refused", summary.near_miss_recall),
        ("wrongly_refused", "answerable, yet refused", summary.wrongly_refused),
        ("citation_precision", "cited documents that are gold sources", summary.citation_precision),
        ("citation_recall", "gold sources that are cited", summary.citation_recall),
        ("supported", "statements supported, by the support check", summary.supported),
        ("support_precision", "citations that support, by the support check", summary.support_precision),
    ]


def _usage_json(run: Run) -> dict[str, Any]:
    """Tokens of the language model and their price; nothing where none wrote."""
    used = total(record.answer for record in run.records)
    if used is None:
        return {}
    return {
        "tokens": asdict(used),
        "cost": round(run.price.of(used), 6) if run.price is not None else None,
    }


def usage_line(run: Run) -> str | None:
    """What the language model used, in words; None where none wrote."""
    used = total(record.answer for record in run.records)
    if used is None:
        return None
    said = f"tokens of the model, about: {used.read:,} read, {used.written:,} written"
    if run.price is None:
        return said
    cost, each = run.price.of(used), run.price.of(used) / max(1, len(run.records))
    return f"{said}; cost {cost:.4f}, {each:.6f} a question"


def _confidence_json(run: Run) -> dict[str, Any]:
    judged = outcomes(run.records)
    bins, curve = reliability(judged), coverage_risk(judged)
    return {
        "auroc_answerable": _rounded(separation(judged)),
        "calibration_error": _rounded(calibration_error(bins)),
        "mean_risk": _rounded(area_under(curve)),
        "reliability": [asdict(one) for one in bins],
        "coverage_risk": [asdict(point) for point in thinned(curve)],
    }


def thinned(points: Sequence[CurvePoint], most: int = 200) -> list[CurvePoint]:
    """At most about ``most`` points of a curve, evenly spaced, the last always among them."""
    step = max(1, -(-len(points) // most))
    kept = list(points[::step])
    return [*kept, points[-1]] if points and kept[-1] is not points[-1] else kept


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _share_json(share: Share) -> dict[str, Any]:
    return {
        "value": share.value,
        "count": share.count,
        "total": share.total,
        "ci95": None if share.low is None or share.high is None else [share.low, share.high],
    }


def _numbers(summary: Summary) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("share", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("of", justify="right")
    for _, words, share in shares(summary):
        if share.value is not None and share.low is not None and share.high is not None:
            interval = f"{share.low:6.1%} – {share.high:6.1%}"
            table.add_row(words, f"{share.value:.1%}", interval, f"{share.count:.4g}/{share.total}")
    if summary.statements is not None:
        table.add_row("statements in an answer, mean", f"{summary.statements:.1f}", "", "")
    table.add_row("time per question, median", f"{summary.median_ms:.0f} ms", "", "")
    table.add_row("time per question, 95th percentile", f"{summary.p95_ms:.0f} ms", "", "")
    return table


def _kinds(summary: Summary) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("kind")
    for heading in ("answerable", "facts", "source", "refused", "unanswerable", "refused"):
        table.add_column(heading, justify="right")
    for row in summary.kinds:
        table.add_row(
            row.kind,
            str(row.answerable),
            str(row.right),
            str(row.source_cited),
            str(row.refused_answerable),
            str(row.unanswerable),
            str(row.refused_unanswerable),
        )
    return table


def _failed(run: Run) -> Iterable[Outcome]:
    return (record.outcome for record in run.records if record.outcome.failure is not None)


def _print_failure(outcome: Outcome, console: Console) -> None:
    from rich.text import Text

    question = outcome.question
    earlier = "".join(f"{turn if isinstance(turn, str) else turn[0]} → " for turn in question.history)
    lines = [
        Text(f"\n{question.id} ({question.kind}): ", style="bold").append(f"{earlier}{question.question}"),
        Text(f"  {outcome.failure}", style="red"),
        Text(f"  got: {outcome.text}"),
    ]
    if outcome.cited:
        lines.append(Text(f"  cited: {', '.join(outcome.cited)}"))
    if question.facts:
        wanted = "; ".join(" | ".join(fact) for fact in question.facts)
        lines.append(Text(f"  expected: {wanted} (from {', '.join(question.sources) or 'any source'})"))
    for line in lines:
        console.print(line, soft_wrap=True)


def to_markdown(run: Run, about: Mapping[str, Any]) -> str:
    """The run's numbers as a page: what was asked of what, each share with its interval, a row per kind."""
    summary = run.summary
    half = f", split {run.split}" if run.split else ""
    corpus, machine = about.get("corpus") or {}, about.get("machine") or {}
    git = about.get("git") or {}
    commit = str(git.get("commit", "unknown"))[:10] + (" and changes" if git.get("changed") else "")
    lines = [
        f"# {run.file}{half}",
        "",
        f"{summary.questions} questions of {run.planned}{' (interrupted)' if run.interrupted else ''}, "
        f"{about.get('started', '')}, {corpus.get('documents', '?')} articles ({corpus.get('digest', '?')}), "
        f"commit {commit}, {machine.get('cores', '?')} cores {machine.get('processor', '')}, "
        f"seed {about.get('seed')}.",
        "",
        f"`{about.get('command', '')}`",
        "",
        "| | share | 95 % interval | of |",
        "|---|---|---|---|",
    ]
    for _, words, share in shares(summary):
        if share.value is not None and share.low is not None and share.high is not None:
            lines.append(
                f"| {words.strip()} | {share.value:.3f} | {share.low:.3f}–{share.high:.3f} "
                f"| {share.count:.4g}/{share.total} |"
            )
    lines += [
        f"| time per question, median / 95th percentile | {summary.median_ms:.0f} / {summary.p95_ms:.0f} ms | | |",
        *(["", f"{used[0].upper()}{used[1:]}."] if (used := usage_line(run)) is not None else []),
        "",
        "| kind | answerable | facts | source | refused | unanswerable | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in summary.kinds:
        cells = (row.answerable, row.right, row.source_cited, row.refused_answerable)
        more = (row.unanswerable, row.refused_unanswerable)
        lines.append(f"| {row.kind} | {' | '.join(map(str, (*cells, *more)))} |")
    return "\n".join(lines) + "\n"
