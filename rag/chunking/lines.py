"""Which line breaks end a sentence: text into blocks, each a run of lines that reads as one flow.

News comes in two shapes. Most files hold a paragraph, a headline or a list item per line: every line break ends a
sentence, full stop or not. Wire copy and mail are wrapped at a fixed width: a line break there means nothing. The shape
is told from the text itself, by how often a line goes on in lower case where the one above had no end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

# A list item ("- ", "* ", "12. ", "3) ", "(a) "), a markdown heading, a quotation, a table row.
_MARKER_RE = re.compile(r"(?:[-*+•‣◦▪–—]|\(?(?:\d{1,2}|[a-zA-Z])[.)]|\([ivx]{1,4}\)|#{1,6}|>+)(?=\s)\s*")
# An initial opens a name far more often than it numbers an item: "A. Smith", but "a) one".
_INITIAL_RE = re.compile(r"[A-Za-z]\.")
_TABLE_RE = re.compile(r"\S {3,}\S|\S\t+\S|^\||\|$")
_RULE_RE = re.compile(r"([-=*_~#+·•])(?:\s*\1){2,}$")  # "-----", "* * *"
# A line that ends in such a word, or in a comma, has not ended.
_HANGING_RE = re.compile(
    r"(?:,|\b(?:the|an?|of|to|and|or|in|on|at|by|for|from|with|that|which|who|its|their|his|her|is|are|was|were|be|been"
    r"|has|have|had|as|than|into|between|about|after|before|over|under|against|not|will|would|said))$"
)
_SENTENCE_END = ".!?…。！？"
_CLOSERS = "\"'”’)]»"

_WRAPPED_SHARE = 0.25  # of neighbouring lines that visibly run on; above it the text is wrapped
_MOST_WRAPPED_WIDTH = 120  # columns; nobody wraps wider than this by hand
_SHORT_LINE = (
    0.75  # of the width: a row that stops here without an end, before a capital, is a heading or a figure
)
_SHORT_FIRST_LINE = 0.5  # the first row may be shorter, for an indent or a dateline that was taken off
_ROOMY_LINE = 0.8  # of the width: a row that stops here with a full stop ends its paragraph


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines that reads as one flow; no sentence crosses its ends.

    Attributes:
        start, end: offsets into the text, without the white space around.
        content: where the words begin, after a list marker or heading sign; equals ``start`` without one.
    """

    start: int
    end: int
    content: int


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    body: str
    after_blank: bool
    marker: str  # "" without one
    indent: int

    @property
    def width(self) -> int:
        return self.indent + len(self.body)

    def ends_sentence(self) -> bool:
        return self.body.rstrip(_CLOSERS).endswith(tuple(_SENTENCE_END))


def _marker(body: str) -> str:
    match = _MARKER_RE.match(body)
    if not match or match.end() == len(body):
        return ""
    sign = match[0].rstrip()
    return "" if _INITIAL_RE.fullmatch(sign) else match[0]


def _lines(text: str, start: int, end: int) -> list[_Line]:
    """The lines that hold anything, stripped."""
    lines: list[_Line] = []
    position = start
    after_blank = True
    while position < end:
        newline = text.find("\n", position, end)
        line_end = end if newline < 0 else newline
        raw = text[position:line_end]
        if body := raw.strip():
            indent = len(raw) - len(raw.lstrip())
            first = position + indent
            lines.append(_Line(first, first + len(body), body, after_blank, _marker(body), indent))
            after_blank = False
        else:
            after_blank = True
        position = line_end + 1
    return lines


def _first_word_width(body: str) -> int:
    return len(body[:1000].split(None, 1)[0])


def _is_table(line: _Line) -> bool:
    return bool(_TABLE_RE.search(line.body[:300]))


def _runs_on(above: _Line, below: _Line) -> bool:
    return (
        below.body[:1].islower() and not below.marker and not above.body.endswith((".", "!", "?", ":", ";"))
    )


def _wrapped_width(lines: list[_Line]) -> int:
    """The width the text is wrapped at; 0 where lines are paragraphs."""
    pairs = [
        (above, below)
        for above, below in pairwise(lines)
        if not (below.after_blank or _is_table(above) or _is_table(below))
    ]
    if len(pairs) < 2:
        return 0
    widths = sorted(above.width for above, _ in pairs)
    width = widths[int(0.9 * (len(widths) - 1))]
    if width > _MOST_WRAPPED_WIDTH:
        return 0
    running = sum(_runs_on(above, below) or bool(_HANGING_RE.search(above.body)) for above, below in pairs)
    return width if running >= _WRAPPED_SHARE * len(pairs) else 0


def _joins(above: _Line, below: _Line, width: int, in_list: bool) -> bool:
    """Whether the text runs on from one line to the next.

    Args:
        width: of a wrapped text, 0 for any other.
        in_list: whether the line above belongs to a list item.
    """
    if below.after_blank or above.marker.startswith("#") or below.marker.startswith(("#", ">")):
        return False
    if _RULE_RE.match(below.body) or _RULE_RE.match(above.body):
        return False
    if _is_table(above) or _is_table(below):
        return False
    if not width:
        return _runs_on(above, below)
    ended = above.ends_sentence()
    if below.marker:
        # in wrapped text a number or a dash may land at the beginning of a row by chance
        return not (ended or in_list or above.body.endswith((":", ";")))
    needed = above.width + 1 + _first_word_width(below.body)
    if ended:
        return needed >= _ROOMY_LINE * width
    if _runs_on(above, below) or _HANGING_RE.search(above.body):
        return True
    return needed >= (_SHORT_FIRST_LINE if above.after_blank else _SHORT_LINE) * width


def split_blocks(text: str, start: int, end: int) -> list[Block]:
    """Split ``text[start:end]`` into blocks, in order; together they hold every non-space character."""
    lines = _lines(text, start, end)
    width = _wrapped_width(lines)
    blocks: list[Block] = []
    first: _Line | None = None
    for number, line in enumerate(lines):
        first = first or line
        below = lines[number + 1] if number + 1 < len(lines) else None
        is_item = bool(first.marker) and not first.marker.startswith(("#", ">"))
        if below is not None and _joins(line, below, width, is_item):
            continue
        blocks.append(Block(start=first.start, end=line.end, content=first.start + len(first.marker)))
        first = None
    return blocks
