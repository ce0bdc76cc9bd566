"""The title a reader of a source list sees, for a file that does not state one.

In this order: a markdown heading; the first line, if it reads like a headline; else the opening words of the article,
clipped at a word, because "On Nov. 4, Mitsubishi Corporation and Nissan Motor have agreed to…" tells a reader more than
``000_e620fdf6de037501``. The file's name serves only where there is nothing to read.
"""

from __future__ import annotations

import re

from rag.documents.metadata import is_dateline

_MOST_HEADLINE = 160  # characters; longer lines are paragraphs
_MOST_DERIVED = 90  # characters of a title made from the opening words
_LEAST_DERIVED = 30  # a shorter first sentence is not enough to know an article by
_LOOK_AHEAD = 4_000  # characters of the body that are looked at; a title stands at the top

_HEADING_RE = re.compile(r" {0,3}#{1,6}[ \t]+(?P<text>\S.*?)[ \t]*#*[ \t]*$")
_TOP_HEADING_RE = re.compile(r"^ {0,3}#[ \t]+(?P<text>\S.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_UNDERLINE_RE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_LIST_RE = re.compile(r"[ \t]*(?:[-*+•‣]|\d{1,3}[.)])[ \t]+\S|[ \t]*(?:[>|]|https?://)")
_LINK_RE = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKUP_RE = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_CLOSERS = "\"'”’)]»*_"
_ABBREVIATION_END_RE = re.compile(
    r"\b(?:[A-Z]\.){2,}$|\b(?:Inc|Co|Corp|Ltd|Jr|Sr|No|St|Bros|vs|etc|[ap]\.m)\.$"
)
_SENTENCE_END_RE = re.compile(r"(?<=[^\W\d_]{3}[.!?])[\"”’)]*\s+(?=[\"“‘(]?[A-Z])")


def _plain(line: str) -> str:
    """A line without markdown's emphasis and links, its spaces collapsed."""
    return " ".join(_MARKUP_RE.sub("", _LINK_RE.sub(r"\1", line)).split())


def _ends_like_a_sentence(line: str) -> bool:
    bare = line.rstrip(_CLOSERS + " ")
    return bare.endswith((".", "…", ":", ";", ",", "。")) and not _ABBREVIATION_END_RE.search(bare)


def _is_headline(line: str, following: str) -> bool:
    """Whether a first line reads like a headline.

    Args:
        following: the line right below, empty where a blank line follows. One that goes on in lower case shows that
            the first line is only the first row of a wrapped paragraph.
    """
    if len(line) > _MOST_HEADLINE or _LIST_RE.match(line) or not any(map(str.isalpha, line)):
        return False
    if _ends_like_a_sentence(line):
        return False
    return not following.lstrip()[:1].islower()


def _opening_words(text: str) -> str:
    """The first sentence where it is short and clear, else as many words as fit, and an ellipsis."""
    paragraph = _plain(re.split(r"\n\s*\n", text, maxsplit=1)[0])
    if (match := _SENTENCE_END_RE.search(paragraph)) and _LEAST_DERIVED <= match.start() <= _MOST_DERIVED:
        return paragraph[: match.start()].rstrip(".")
    if len(paragraph) <= _MOST_DERIVED:
        return paragraph.rstrip(".")
    clipped = paragraph[:_MOST_DERIVED]
    if not paragraph[_MOST_DERIVED].isspace():
        clipped = clipped.rsplit(" ", 1)[0] if " " in clipped else clipped
    return clipped.rstrip(' ,;:–—-("“‘') + "…"


def find_title(text: str, body_start: int, stem: str) -> str:
    """The title of an article from its text.

    Args:
        text: the document's text.
        body_start: where the article begins, after any front matter.
        stem: the file's name without its suffix, the last resort.
    """
    head = text[body_start : body_start + _LOOK_AHEAD]
    lines = head.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip() and not is_dateline(line)]
    if not filled:
        return " ".join(re.split(r"[_\s]+", stem)).strip() or stem
    first = filled[0]
    following = lines[first + 1] if first + 1 < len(lines) else ""
    if (match := _HEADING_RE.match(lines[first])) and _plain(match["text"]):
        return _plain(match["text"])[:_MOST_HEADLINE]
    line = _plain(lines[first])
    if line and len(line) <= _MOST_HEADLINE and _UNDERLINE_RE.match(following):
        return line
    if line and _is_headline(line, following):
        return line
    if (match := _TOP_HEADING_RE.search(head)) and _plain(match["text"]):
        return _plain(match["text"])[:_MOST_HEADLINE]
    opening = _opening_words("\n".join(lines[first:]))
    return opening or " ".join(re.split(r"[_\s]+", stem)).strip() or stem
