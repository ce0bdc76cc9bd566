"""The article beside the chat: its whole text as HTML, with exactly the cited characters in ``<mark>``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.apps.chat_html import Span, age, ago, byline, check, escape, plain_date
from rag.types import Document

LONG_ARTICLE = 120_000  # characters shown around a passage; a browser lays this out without a stutter
_BREAK = re.compile(r"\n+")
_SPAN = re.compile(r"(\d{1,12}):(\d{1,12})(?::([0-9a-f]{8}))?")


def parse_spans(text: str) -> tuple[Span, ...]:
    """Read ``data-spans`` back; anything malformed is left out, as a browser can send whatever it likes."""
    found = (_SPAN.fullmatch(part) for part in text.split())
    return tuple(Span(int(m[1]), int(m[2]), m[3] or "") for m in found if m)


def _paragraphs(text: str) -> str:
    """Escape text, and draw each run of newlines as one paragraph gap while keeping the newlines themselves, so that
    what the browser holds between two tags is still exactly the article's characters."""
    parts, at = [], 0
    for gap in _BREAK.finditer(text):
        parts.append(escape(text[at : gap.start()]))
        parts.append(f'<span class="gap">{gap[0]}</span>')
        at = gap.end()
    parts.append(escape(text[at:]))
    return "".join(parts)


def _disjoint(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Spans in text order, overlapping ones joined, as marks cannot cross."""
    merged: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if merged and span.start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span.end))
        else:
            merged.append((span.start, span.end))
    return merged


def _still_there(document: Document, span: Span) -> bool:
    if not 0 <= span.start < span.end <= len(document.text):
        return False
    return not span.check or check(document.text[span.start : span.end]) == span.check


def _window(document: Document, marks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Which part of the text to show: all of it, or of a very long article the part around the first mark."""
    begin, end = document.body_start, len(document.text)
    if end - begin <= LONG_ARTICLE:
        return begin, end
    first = marks[0][0] if marks else begin
    start = max(begin, first - LONG_ARTICLE // 2)
    return start, max(min(end, start + LONG_ARTICLE), marks[-1][1] if marks else 0)


def _headline_end(document: Document, begin: int) -> int:
    """Where the text's own headline ends, or ``begin`` when the first line is not just the title."""
    start = begin + len(document.text[begin:]) - len(document.text[begin:].lstrip())
    end = document.text.find("\n", start)
    end = len(document.text) if end < 0 else end
    return end if document.text[start:end].strip("# \t") == document.title.strip("# \t") else begin


def _opens_with_title(document: Document) -> bool:
    """Whether the text begins with the title's words, so that they need not be set above it."""
    opening = document.text[document.body_start : document.body_start + len(document.title) + 20]
    return document.title.strip().rstrip(".… ") in opening


def _marked(document: Document, begin: int, end: int, marks: Sequence[tuple[int, int]]) -> str:
    """Text with marks; ``begin`` to ``end`` holds them all, and they are disjoint and in order."""
    parts, at = [], begin
    for start, stop in marks:
        parts.append(_paragraphs(document.text[at:start]))
        parts.append(f"<mark>{_paragraphs(document.text[start:stop])}</mark>")
        at = stop
    parts.append(_paragraphs(document.text[at:end]))
    return "".join(parts)


def _headed(document: Document, begin: int, end: int, marks: Sequence[tuple[int, int]], whole: bool) -> str:
    """Text with marks, its headline set as one. A mark that runs over the headline's end is cut in two there, or, where
    it must stay ``whole``, the headline is set as text."""
    line = _headline_end(document, begin)
    if line == begin or (whole and any(start < line < stop for start, stop in marks)):
        return _marked(document, begin, end, marks)
    above = [(start, min(stop, line)) for start, stop in marks if start < line]
    below = [(max(start, line), stop) for start, stop in marks if stop > line]
    return (
        f'<span class="headline">{_marked(document, begin, line, above)}</span>'
        f"{_marked(document, line, end, below)}"
    )


def article(
    document: Document, spans: Sequence[Span] = (), kind: str = "cited", newest: str | None = None
) -> str:
    """The whole article with the given characters in ``<mark>``, exactly ``document.text[start:end]``.

    Args:
        document: the article as it is now.
        spans: what to highlight; a span whose words have changed is not highlighted, and the page says so.
        kind: ``cited``, or ``closest`` for a passage that is no answer and is drawn as such.
        newest: when the newest article of the index was published.
    """
    good = [span for span in spans if _still_there(document, span)]
    marks = _disjoint(good)
    begin, end = _window(document, marks)
    notes = []
    if len(good) < len(spans):
        notes.append(
            "This article has changed since the answer; the cited words are no longer at this place."
        )
    if kind == "closest":
        notes.append("A passage close to the question, not an answer to it.")
    if (begin, end) != (document.body_start, len(document.text)):
        notes.append(f"A long article: characters {begin:,} to {end:,} of {len(document.text):,} are shown.")
    old = age(document.published, newest) or ago(document.published)
    head = byline(document.source, plain_date(document.published), old, document.author)
    return "".join(
        [
            f'<article class="paper{" beside" if kind == "closest" else ""}" '
            f'data-path="{escape(document.path)}" aria-label="{escape(document.title)}">',
            '<header class="paper-head">',
            f'<p class="paper-line">{head}</p>' if head else "",
            f'<p class="paper-path"><span>{escape(document.path)}</span>'
            '<button type="button" class="act remove">Remove</button></p>',
            "".join(f'<p class="paper-note">{escape(note)}</p>' for note in notes),
            "" if _opens_with_title(document) else f'<h2 class="paper-title">{escape(document.title)}</h2>',
            "</header>",
            f'<div class="paper-text">{_headed(document, begin, end, marks, kind == "cited")}</div>',
            "</article>",
        ]
    )


def missing_article(path: str, reason: str) -> str:
    """What the panel says when an article cannot be shown any more."""
    return (
        '<article class="paper"><header class="paper-head">'
        f'<p class="paper-path">{escape(path)}</p><p class="paper-note">{escape(reason)}</p></header></article>'
    )
