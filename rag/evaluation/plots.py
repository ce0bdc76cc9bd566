"""The report's four plots as SVG text, drawn with plain numbers so that the page needs no library and no network.

Colours are left to the page (CSS classes), so that one drawing suits light and dark. Every word that comes from
outside is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from rag.evaluation.confidence import Bin, CurvePoint
from rag.evaluation.summary import KindRow

WIDTH, HEIGHT = 440, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 12, 40
_PLOT_W, _PLOT_H = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_BARS = 0.84  # of the height: above the bars stand words
_ROW = 30  # height of a kind's row


def reliability_plot(bins: Sequence[Bin]) -> str:
    """Confidence against the share that could be answered; a dot's size tells how many questions it stands for."""
    most = max((one.count for one in bins), default=1)
    dots = []
    for one in bins:
        x, y = _x(one.confidence), _y(one.answerable)
        radius = 3 + 7 * math.sqrt(one.count / most)
        told = f"confidence {one.confidence:.2f}: {one.answerable:.0%} of {one.count} can be answered"
        dots.append(
            f'<line class="gap" x1="{x:.1f}" y1="{_y(one.confidence):.1f}" x2="{x:.1f}" y2="{y:.1f}"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{escape(told)}</title></circle>'
        )
    diagonal = f'<line class="guide" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    return _frame("confidence that the articles answer", "can be answered", diagonal + "".join(dots))


def coverage_risk_plot(points: Sequence[CurvePoint]) -> str:
    """The share of wrong answers when only the surest questions are answered."""
    if not points:
        return _frame("share of questions answered", "wrong among them", "")
    path = f"M{_x(0):.1f} {_y(points[0].risk):.1f} " + " ".join(
        f"L{_x(point.coverage):.1f} {_y(point.risk):.1f}" for point in points
    )
    last = points[-1]
    told = f"{last.coverage:.0%} answered, {last.risk:.1%} of these wrong"
    area = f"{path} L{_x(last.coverage):.1f} {_y(0):.1f} L{_x(0):.1f} {_y(0):.1f} Z"
    anchor = "end" if last.coverage > 0.5 else "start"
    label = (
        f'<circle class="dot" cx="{_x(last.coverage):.1f}" cy="{_y(last.risk):.1f}" r="5"/>'
        f'<text class="told" x="{_x(last.coverage):.1f}" y="{_y(last.risk) - 12:.1f}" text-anchor="{anchor}">'
        f"{escape(told)}</text>"
    )
    body = f'<path class="area" d="{area}"/><path class="curve" d="{path}"/>{label}'
    return _frame("share of questions answered", "wrong among them", body, right=True)


def latency_plot(milliseconds: Sequence[float]) -> str:
    """How many questions took how long, in about twenty equal steps up to the 99th percentile."""
    ordered = sorted(milliseconds)
    if not ordered:
        return ""
    top = _round_up(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))])
    count = 20
    steps = [0] * count
    for value in ordered:
        steps[min(int(value / top * count), count - 1)] += 1
    most = max(steps)
    bars = []
    for place, number in enumerate(steps):
        x, width = _LEFT + place * _PLOT_W / count, _PLOT_W / count - 1.5
        height = _BARS * _PLOT_H * number / most
        low, high = top * place / count, top * (place + 1) / count
        upper = "and more" if place == count - 1 else f"to {high:.0f}"
        bars.append(
            f'<rect class="bar" x="{x:.1f}" y="{_TOP + _PLOT_H - height:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" rx="1.5"><title>{low:.0f} {upper} ms: {number}</title></rect>'
        )
    marks = []
    for share, name in ((50, "p50"), (95, "p95")):
        value = _percentile(ordered, share)
        x = _LEFT + _PLOT_W * min(value / top, 1.0)
        anchor, shift = ("end", -4) if x > 0.75 * WIDTH else ("start", 4)
        marks.append(
            f'<line class="guide" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _PLOT_H}"/>'
            f'<text class="told" x="{x + shift:.1f}" y="{_TOP + (8 if share == 50 else 24)}" '
            f'text-anchor="{anchor}">{name} {value:.0f} ms</text>'
        )
    labels = [
        f'<text x="{_LEFT + _PLOT_W * tick:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{top * tick:.0f}</text>'
        for tick in _TICKS
    ]
    labels.append(f'<text x="{_LEFT - 6}" y="{_y(_BARS) + 4:.1f}" text-anchor="end">{most}</text>')
    labels.append(f'<text x="{_LEFT - 6}" y="{_TOP + _PLOT_H}" text-anchor="end">0</text>')
    axis = f'<line class="axis" x1="{_LEFT}" y1="{_y(0)}" x2="{WIDTH - _RIGHT}" y2="{_y(0)}"/>'
    title = f'<text class="label" x="{_LEFT + _PLOT_W / 2}" y="{HEIGHT - 4}" text-anchor="middle">milliseconds</text>'
    return _svg(HEIGHT, "".join([*bars, axis, *marks, *labels, title]), "questions by time taken")


def kinds_plot(rows: Sequence[KindRow]) -> str:
    """Per kind of question, the share handled rightly: facts there, or refused where nothing answers."""
    height = _TOP + _ROW * len(rows) + 34
    left = 110
    room = WIDTH - left - 74
    drawn = []
    for place, row in enumerate(rows):
        total = row.answerable + row.unanswerable
        good = row.right + row.refused_unanswerable
        y = _TOP + place * _ROW
        share = good / total if total else 0.0
        refused = row.refused_answerable / total if total else 0.0
        told = (
            f"{row.kind}: {row.right} of {row.answerable} answerable right ({row.refused_answerable} refused), "
            f"{row.refused_unanswerable} of {row.unanswerable} unanswerable refused"
        )
        drawn.append(
            f'<g><title>{escape(told)}</title><text x="{left - 8}" y="{y + 17}" text-anchor="end">'
            f'{escape(row.kind)}</text><rect class="rail" x="{left}" y="{y + 5}" width="{room}" height="16" rx="3"/>'
            f'<rect class="bar" x="{left}" y="{y + 5}" width="{room * share:.1f}" height="16" rx="3"/>'
            f'<rect class="soft" x="{left + room * share:.1f}" y="{y + 5}" width="{room * refused:.1f}" height="16"/>'
            f'<text class="told" x="{left + room + 8}" y="{y + 17}">{good}/{total}</text></g>'
        )
    y = _TOP + _ROW * len(rows) + 18
    key = (
        f'<rect class="bar" x="{left}" y="{y - 9}" width="10" height="10" rx="2"/>'
        f'<text x="{left + 15}" y="{y}">right</text>'
        f'<rect class="soft" x="{left + 60}" y="{y - 9}" width="10" height="10"/>'
        f'<text x="{left + 75}" y="{y}">answerable, yet refused</text>'
    )
    return _svg(height, "".join(drawn) + key, "share handled rightly, by kind of question")


def _percentile(ordered: Sequence[float], share: int) -> float:
    """As numpy's: between the two nearest values."""
    place = (len(ordered) - 1) * share / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _x(share: float) -> float:
    return _LEFT + _PLOT_W * share


def _y(share: float) -> float:
    return _TOP + _PLOT_H * (1 - share)


def _frame(across: str, up: str, body: str, *, right: bool = False) -> str:
    """A square from 0 to 1 both ways, with ticks in percent; ``right`` puts the upright axis's name there."""
    grid = []
    for tick in _TICKS:
        grid.append(
            f'<line class="grid" x1="{_x(tick):.1f}" y1="{_TOP}" x2="{_x(tick):.1f}" y2="{_y(0)}"/>'
            f'<line class="grid" x1="{_LEFT}" y1="{_y(tick):.1f}" x2="{WIDTH - _RIGHT}" y2="{_y(tick):.1f}"/>'
            f'<text x="{_x(tick):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{tick:.0%}</text>'
            f'<text x="{_LEFT - 6}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:.0%}</text>'
        )
    titles = (
        f'<text class="label" x="{_LEFT + _PLOT_W / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>'
        f'<text class="label" x="{_x(0.99) if right else _x(0.02):.1f}" y="{_TOP + 14}" '
        f'text-anchor="{"end" if right else "start"}">{escape(up)}</text>'
    )
    return _svg(HEIGHT, "".join(grid) + body + titles, f"{up} against {across}")


def _svg(height: float, body: str, told: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(told)}">{body}</svg>'


def _round_up(value: float) -> float:
    """The next number that reads well: 1, 2 or 5 with zeros, or a quarter step between."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(unit * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if unit * step >= value)
