"""The page's small words: escaping, dates and ages as a person says them, and where a button points.

Every word that comes from an article, a file name or a person goes through ``escape``; nothing is treated as Markdown,
so an article that contains a script, an image or a link shows those characters and does nothing.

A citation is a button that carries where it points, ``data-path`` and ``data-spans``. A span is written
``start:end:check``; ``check`` is a short hash of the quoted words, so that ``chat_article`` can tell when the file has
changed since the answer and never highlights other words than the ones that were cited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from html import escape as _escape

from rag.types import Citation


@dataclass(frozen=True, slots=True)
class Span:
    """A passage to highlight: offsets into ``Document.text`` and a check on its words ('' for none)."""

    start: int
    end: int
    check: str = ""


def escape(text: str) -> str:
    """Make text safe as HTML content and as a quoted attribute."""
    return _escape(text, quote=True)


def check(quote: str) -> str:
    """Eight hex digits that change when the quoted words do."""
    return hashlib.sha256(quote.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def count(number: int, one: str, many: str) -> str:
    """``1 article``, ``1,234 articles``."""
    return f"{number:,} {one if number == 1 else many}"


# --- time ---


def _day(stamp: str | None) -> date | None:
    try:
        return date.fromisoformat(stamp[:10]) if stamp else None
    except ValueError:
        return None


def plain_date(published: str | None) -> str:
    """``2024-11-04`` as ``4 November 2024``; what is not an ISO date is shown as it is."""
    day = _day(published)
    return f"{day.day} {day:%B %Y}" if day else published or ""


def plain_time(stamp: str | None, now: datetime | None = None) -> str:
    """An ISO time as a person says it, in this machine's time zone: ``today, 06:41`` or ``20 November 2026``."""
    if not stamp:
        return ""
    try:
        moment = datetime.fromisoformat(stamp).astimezone()
    except ValueError:
        return stamp
    today = (now or datetime.now()).astimezone().date()
    if moment.date() == today:
        return f"today, {moment:%H:%M}"
    return f"{moment.day} {moment:%B %Y}"


def _stretch(days: int) -> str:
    """A number of days in the unit a person would choose: ``3 weeks``."""
    for size, one, many, most in (
        (1, "day", "days", 13),
        (7, "week", "weeks", 59),
        (30.44, "month", "months", 729),
    ):
        if days <= most:
            return count(round(days / size), one, many)
    return count(round(days / 365.25), "year", "years")


def age(published: str | None, newest: str | None) -> str:
    """How much older than the newest article one is, ``3 weeks before the newest article``; '' where unknown."""
    day, latest = _day(published), _day(newest)
    if day is None or latest is None or day >= latest:
        return ""
    return f"{_stretch((latest - day).days)} before the newest article"


def ago(published: str | None, today: date | None = None) -> str:
    """How long ago that was: ``today``, ``3 weeks ago``; '' for a day to come or none."""
    day = _day(published)
    days = ((today or date.today()) - day).days if day else -1
    return "" if days < 0 else "today" if days == 0 else f"{_stretch(days)} ago"


# --- pieces ---


def byline(*parts: str | None) -> str:
    """The parts that are known, with dots between them."""
    return '<span class="dot"> · </span>'.join(f"<span>{escape(part)}</span>" for part in parts if part)


def target(path: str, spans: Iterable[Span], kind: str, what: str = "") -> str:
    """What a button carries so that a click can open its passage; ``what`` is the panel's word for it."""
    written = " ".join(f"{span.start}:{span.end}:{span.check}" for span in spans)
    return (
        f'data-path="{escape(path)}" data-spans="{escape(written)}" data-kind="{kind}" '
        f'data-what="{escape(what)}" aria-controls="panel"'
    )


def cited(citations: Iterable[Citation]) -> list[Span]:
    """Where citations point."""
    return [Span(c.start, c.end, check(c.quote)) for c in citations]


def note_line(note: str | None) -> str:
    """Something to know before the answer, said calmly."""
    return f'<p class="note">{escape(note)}</p>' if note else ""
