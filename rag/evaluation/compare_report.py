"""A comparison told: in the terminal, and as a page that opens from disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.evaluation.compare import Changed, Comparison, counted, evidence
from rag.evaluation.html_report import environment
from rag.evaluation.records import Record

if TYPE_CHECKING:
    from rich.console import Console

_SURE = 0.05
_EVIDENCE_CHARACTERS = 300


def print_comparison(comparison: Comparison, console: Console, *, most: int) -> None:
    """Print the measures, what was set differently, and up to ``most`` of the changed questions."""
    from rich.table import Table
    from rich.text import Text

    console.print(f"a: {comparison.a}\nb: {comparison.b}", markup=False)
    for name, (one, other) in comparison.settings.items():
        console.print(Text(f"  {name}: {one} → {other}"), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{comparison.questions} questions")
    for heading in ("a", "b", "b - a", "95 % interval", "p", "better", "worse"):
        table.add_column(heading, justify="right")
    for one in comparison.differences:
        places = 1 if one.measure == "milliseconds" else 4
        table.add_row(
            one.measure,
            f"{one.a:.{places}f}",
            f"{one.b:.{places}f}",
            f"{one.b - one.a:+.{places}f}",
            f"{one.low:+.{places}f} – {one.high:+.{places}f}",
            told_p(one.p) + (" *" if one.p < _SURE else "  "),
            str(one.wins),
            str(one.losses),
        )
    console.print(table)
    if comparison.kind != "answers":
        return
    counts = counted(comparison.changed)
    console.print(
        f"\nanswers that changed: {counts['worse']} worse, {counts['better']} better, "
        f"{counts['other words']} in other words"
    )
    for changed in comparison.changed[:most]:
        _print_changed(changed, console)
    left = len(comparison.changed) - most
    if left > 0:
        console.print(f"\n… and {left} more: --most {len(comparison.changed)}, or --html FILE")


def _print_changed(changed: Changed, console: Console) -> None:
    from rich.text import Text

    style = {"better": "green", "worse": "red"}.get(changed.how, "")
    question = changed.a.question
    console.print(
        Text(f"\n{changed.how}: ", style=style).append(f"{question.id}: {question.question}", style="bold"),
        soft_wrap=True,
    )
    for side, record in (("a", changed.a), ("b", changed.b)):
        console.print(Text(f"  {side}: {record.outcome.text}"), soft_wrap=True)
        for one in evidence(record):
            role = "cited" if one["cited"] else "found, not cited"
            shown = " ".join(str(one["text"]).split())[:_EVIDENCE_CHARACTERS]
            console.print(
                Text(f"     {role}, {one['path']} {one['start']}–{one['end']}: {shown}", style="dim"),
                soft_wrap=True,
            )


def told_p(p: float) -> str:
    """A p as it is written: none is 0."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def render(comparison: Comparison) -> str:
    """The comparison as one HTML page that loads nothing."""
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            comparison=comparison,
            counts=counted(comparison.changed),
            changed=[
                {
                    "how": one.how,
                    "question": one.a.question,
                    "sides": [_side("a", one.a), _side("b", one.b)],
                }
                for one in comparison.changed
            ],
            sure=_SURE,
            told_p=told_p,
        )
    )


def _side(name: str, record: Record) -> dict[str, object]:
    found = evidence(record)
    for one in found:
        if not one["cited"] and len(str(one["text"])) > _EVIDENCE_CHARACTERS:
            one["text"] = str(one["text"])[:_EVIDENCE_CHARACTERS].rstrip() + "…"
    return {"name": name, "outcome": record.outcome, "evidence": found}
