"""A run told twice: tables for people, one JSON object for programs; both from the same Summary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rag.evaluation.metrics import Outcome, Share, Summary
from rag.evaluation.runner import Run

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
        "metrics": {name: _share_json(share) for name, _, share in _shares(summary)},
        "statements": summary.statements,
        "median_ms": round(summary.median_ms, 2),
        "p95_ms": round(summary.p95_ms, 2),
        "seconds": round(run.seconds, 2),
        "verdicts": {
            name: {
                verdict: summary.verdicts.get((answerable, verdict), 0)
                for verdict in ("answered", "partial", "not_found")
            }
            for name, answerable in (("answerable", True), ("unanswerable", False))
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
                "expected": [list(fact) for fact in outcome.question.expected],
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
    console.print()
    console.print(_kinds(summary))
    failed = list(_failed(run))
    if failures:
        for outcome in failed:
            _print_failure(outcome, console)
    elif failed:
        console.print(f"{len(failed)} questions went wrong; --failures lists them")


def _shares(summary: Summary) -> list[tuple[str, str, Share]]:
    """(name for programs, words for people, share), in the order they are read."""
    return [
        *(
            (f"evidence_recall@{depth}", f"evidence among the first {depth}", share)
            for depth, share in summary.evidence_recall.items()
        ),
        ("right", "answer holds the expected facts", summary.right),
        ("source_cited", "  of these: right source cited", summary.source_cited),
        ("refusal_precision", "refused: cannot be answered (precision)", summary.refusal_precision),
        ("refusal_recall", "cannot be answered: refused (recall)", summary.refusal_recall),
        ("near_miss_recall", "  of these, near misses: refused", summary.near_miss_recall),
        ("wrongly_refused", "answerable, yet refused", summary.wrongly_refused),
    ]


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
    for _, words, share in _shares(summary):
        if share.value is None or share.low is None or share.high is None:
            table.add_row(words, "–", "–", "0")
        else:
            interval = f"{share.low:6.1%} – {share.high:6.1%}"
            table.add_row(words, f"{share.value:.1%}", interval, f"{share.count}/{share.total}")
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
    return (outcome for outcome in run.outcomes if outcome.failure is not None)


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
    if question.expected:
        wanted = "; ".join(" | ".join(fact) for fact in question.expected)
        lines.append(Text(f"  expected: {wanted} (from {', '.join(question.sources) or 'any source'})"))
    for line in lines:
        console.print(line, soft_wrap=True)
