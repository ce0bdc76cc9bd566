"""What a file says about itself: front matter, and a dateline near the top. Never a guess.

Front matter is read by hand rather than by a YAML library: only flat ``key: value`` lines and simple lists are wanted,
and a colon in an unquoted headline ("Honda: we are in talks"), which YAML rejects, is common in real files.
"""

from __future__ import annotations

import re
from datetime import date

_FENCE = "---"
_MOST_FRONT_MATTER = 20_000  # characters; a rule far down the page does not close a block that opens the file
_FIELD_RE = re.compile(r"([A-Za-z_][\w .-]{0,40}?)\s*:(?:\s+(.*)|$)")
_NAMES = {
    "title": "title",
    "headline": "title",
    "date": "published",
    "published": "published",
    "published_at": "published",
    "publish_date": "published",
    "pubdate": "published",
    "author": "author",
    "authors": "author",
    "byline": "author",
    "source": "source",
    "outlet": "source",
    "publisher": "source",
    "url": "url",
    "link": "url",
}

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:1[89]|20)\d\d)"
_WRITTEN = (
    rf"{_DAY}[ -]+(?:of )?{_MONTH},?[ -]+{_YEAR}\b",
    rf"{_MONTH} +{_DAY},? +{_YEAR}\b",
)
_DATE_RES = tuple(
    re.compile(r"\b" + pattern, re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})(?!\d)",
        rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)(?!\d)",
        *_WRITTEN,
    )
)
_NUMERIC_RE = re.compile(rf"\b(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark){_YEAR}(?!\d)")

_ANY_DATE = r"(?:{})".format("|".join(re.sub(r"\?P<\w+>", "?:", pattern) for pattern in _WRITTEN))
_ISO_DATE = r"\d{4}-\d\d-\d\d"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? +)?"
_TIME = r"(?:[T ,]+(?:at )?\d{1,2}[:.]\d\d.{0,30})?"
_DATELINE_RES = (
    # "Published: 12 August 2024", "Posted on Aug. 12, 2024 at 10:04"
    re.compile(
        rf"(?:first )?(?:published|posted|date|publication date|pub date)(?: on| at)?\s*:?\s+{_WEEKDAY}"
        rf"(?P<date>{_ANY_DATE}|{_ISO_DATE})",
        re.IGNORECASE,
    ),
    # a line that is nothing but a date, "Friday, January 4, 2019"
    re.compile(rf"{_WEEKDAY}(?P<date>{_ANY_DATE}|{_ISO_DATE}){_TIME}\s*$", re.IGNORECASE),
    # "TOKYO, Aug. 12, 2024 (Kyodo) -- The"
    re.compile(rf"[A-Z][A-Z .,'’-]{{2,40}}[,(–—-]\s*(?P<date>(?i:{_ANY_DATE}))[^.\n]{{0,30}}[–—-]"),
)
_DATELINE_LINES = 8  # non-empty lines from the top; further down a date is part of the story
_MOST_DATELINE = 300  # characters of a line that are looked at


def _unquote(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


def _value(raw: str, items: list[str]) -> str:
    """A field's value in one line; lists ("[a, b]" or "- a" lines) joined by commas."""
    raw = raw.strip()
    if raw.startswith("[") and raw.endswith("]"):
        items = raw[1:-1].split(",")
    elif raw not in ("", "|", ">", "|-", ">-"):
        return _unquote(raw)
    return ", ".join(value for item in items if (value := _unquote(item)))


def parse_front_matter(text: str) -> tuple[dict[str, str], int]:
    """Read the block between two ``---`` lines at the very top.

    Returns:
        The fields that were recognised (``title``, ``published`` as written, ``author``, ``source``, ``url``; never
        empty strings), and the offset of the first character after the block. ``({}, 0)`` where the text has no such
        block: a rule that merely opens the file, or lines that are not ``key: value``, are article text.
    """
    if not text.startswith(_FENCE + "\n"):
        return {}, 0
    fields: dict[str, tuple[str, list[str]]] = {}
    items: list[str] = []
    position = len(_FENCE) + 1
    while position < min(len(text), _MOST_FRONT_MATTER):
        newline = text.find("\n", position)
        line_end = len(text) if newline < 0 else newline
        line = text[position:line_end].rstrip()
        position = min(line_end + 1, len(text))
        if line in (_FENCE, "..."):
            if not fields:
                break
            found: dict[str, str] = {}
            for name, (raw, own_items) in fields.items():
                known = _NAMES.get(name.strip().lower().replace("-", "_").replace(" ", "_"))
                if known and known not in found and (value := _value(raw, own_items)):
                    found[known] = value
            return found, position
        if not line or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t" or line.startswith("- "):
            items.append(line.strip().removeprefix("- "))
        elif match := _FIELD_RE.fullmatch(line):
            items = []
            fields[match[1]] = (match[2] or "", items)
        else:
            break
    return {}, 0


def parse_date(text: str) -> str | None:
    """The first full date in a text as ``YYYY-MM-DD``; None without a year, or where day and month may be swapped."""
    for pattern in _DATE_RES:
        if match := pattern.search(text):
            month = match["month"]
            return _iso(
                match["year"], month if month.isdigit() else str(_MONTHS[month.lower()]), match["day"]
            )
    if match := _NUMERIC_RE.search(text):
        one, two = int(match["one"]), int(match["two"])
        if one == two or one > 12:
            return _iso(match["year"], match["two"], match["one"])
        if two > 12:
            return _iso(match["year"], match["one"], match["two"])
    return None


def _iso(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:  # 31 February
        return None


def is_dateline(line: str) -> bool:
    """Whether a line does nothing but date the article."""
    line = line.strip(" \t*_|")
    return len(line) <= _MOST_DATELINE and any(pattern.match(line) for pattern in _DATELINE_RES[:2])


def find_dateline(text: str, body_start: int = 0) -> str | None:
    """The publication date that one of the first lines states in full, as ``YYYY-MM-DD``; else None.

    "Published: 12 August 2024", a line that is only a date, or an agency's "TOKYO, Aug. 12, 2024 (Kyodo) -". A date
    inside a sentence is part of the story, and "Nov. 4" alone has no year: neither counts.
    """
    position = body_start
    seen = 0
    while seen < _DATELINE_LINES and position < len(text):
        newline = text.find("\n", position)
        line_end = len(text) if newline < 0 else newline
        line = text[position : min(line_end, position + _MOST_DATELINE)].strip(" \t*_|")
        position = line_end + 1
        if not line:
            continue
        seen += 1
        for pattern in _DATELINE_RES:
            if match := pattern.match(line):
                return parse_date(match["date"])
    return None
