"""What two articles may differ in, as values that can be compared: amounts with their "more than", days, names.

Two values clash when no one thing could be both. "More than 30" and 36 do not, nor do 54 % and 53.8 %, nor May and May
2026; 28 and 31 do. What is of different units, or too vague to tell, does not clash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from rag.answering import facts, names
from rag.answering.facts import Figure
from rag.answering.lexicon import stem, words

_ABOVE = re.compile(
    r"(?:more than|over|at least|above|exceeding|upwards? of|no (?:less|fewer) than|not (?:less|fewer) than|minimum of)"
    r"\s*(?:the |a |an |some )?[$€£¥]?$",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"(?:less than|fewer than|under|below|at most|up to|no more than|not more than|as many as|as much as|maximum of)"
    r"\s*(?:the |a |an |some )?[$€£¥]?$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:about|around|nearly|almost|roughly|some|approximately|close to|near|an estimated|estimated"
    r"|just (?:under|over|above|below)"
    r"|(?:a )?(?:little|bit|slightly) (?:more|less|under|over) (?:than )?|slightly (?:more|less) than|circa|ca\.)"
    r"\s*(?:the |a |an )?[$€£¥]?$",
    re.IGNORECASE,
)
_NEAR = Decimal("0.1")  # "about 30" may be 27 to 33
_WORD_NEAR = Decimal("0.04")  # "a third" may be 34 %
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_FAR = Decimal(10) ** 30
_EQUAL_SHARES = re.compile(
    r"\bequal (?:shares|parts|stakes|partners|ownership)\b|\bequally\b|\bfifty-fifty\b|\b50[-/:–]50\b|\bhalf each\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b")
_SEASONS = {"spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "fall": (9, 10, 11)}
_SEASON = re.compile(r"\b(?:in|this|next|last|the|by|of|early|late) (spring|summer|autumn|fall)\b")
_BOUND = re.compile(
    r"\b(?:(?P<not>not|no|never|n['’]t)\b[\w\s,'’]{0,60}?)?"
    r"(?P<word>before|earlier than|by|until|till|up to|after|since|later than|beyond|as early as|end of|early|late"
    r"|mid)"
    r"[\s-]+(?:the )?(?:(?:end|start|beginning|middle) of |early |late |mid-?)?$",
    re.IGNORECASE,
)
_AFTER = ("after", "since", "beyond")
_MONTHS_AFTER = re.compile(
    r"\b(a|an|one|two|three|four|five|six) months? (after|before|later than|earlier than)\s+$", re.IGNORECASE
)
_SMALL = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NO_BODIES = frozenset("ev evs mou sdv ai api it ceo".split())
_PLACED = re.compile(r"\b(?:in|at|from) (?:the )?$", re.IGNORECASE)
_PARTS_OF_TIME = re.compile(
    r"\b(first|second|third|fourth|last|previous|next|1st|2nd|3rd|4th|this|same)[ -]"
    r"(quarter|half|round|leg|phase|stage|year|month|week|season|edition)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Amount:
    """What a figure may stand for: from ``low`` to ``high``; ``noun`` is what is counted where no unit says it."""

    low: Decimal
    high: Decimal
    unit: str
    noun: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class When:
    """A time as far as it is said.

    Attributes:
        bound: "before" or "after" where only that is told, "near" where it is told roughly, else "".
    """

    year: int | None
    months: tuple[int, ...]
    day: int | None
    weekday: str
    bound: str
    start: int
    end: int


@lru_cache(maxsize=1024)
def amounts(text: str) -> tuple[Amount, ...]:
    """The figures of a text as ranges, in order; dates and ordinals are none."""
    found: list[Amount] = []
    at = 0
    for figure in facts.facts_of(text).figures:
        start = text.find(figure.text, at)
        if start < 0:
            start = text.find(figure.text)
        if start < 0 or figure.is_ordinal:
            continue
        end = at = start + len(figure.text)
        if figure.is_word and figure.value == 1 and not figure.unit:
            continue  # "one of them"
        low, high = _range(figure, text[max(0, start - 40) : start])
        found.append(Amount(low, high, figure.unit, _counted(text, end), figure.text, start, end))
    for match in _EQUAL_SHARES.finditer(text):
        found.append(Amount(Decimal(50), Decimal(50), "%", "", match.group(), *match.span()))
    return tuple(found)


def _range(figure: Figure, before: str) -> tuple[Decimal, Decimal]:
    value = figure.value
    if _ABOUT.search(before):
        return value * (1 - _NEAR), value * (1 + _NEAR)
    if _ABOVE.search(before):
        return value, _FAR
    if _BELOW.search(before):
        return Decimal(0), value
    if figure.is_word and figure.unit == "%":
        return value * (1 - _WORD_NEAR), value * (1 + _WORD_NEAR)
    return value, value


def _counted(text: str, end: int) -> str:
    """The stem of the noun that a bare figure counts: the first word after it that is no mere link."""
    for word in words(text[end : end + 60])[:2]:
        if word.terms and not word.is_number:
            return word.terms[-1]
    return ""


def amounts_clash(one: Amount, other: Amount, *, same_noun: bool = True) -> bool:
    """Whether no figure could be both.

    Args:
        same_noun: bare figures must also count the same thing; not where both are known to answer one question.
    """
    one, other = _in_days(one), _in_days(other)
    if one.unit != other.unit and (same_noun or (one.unit and other.unit)):
        return False
    if same_noun and not one.unit and one.noun != other.noun:
        return False
    if one.low <= other.high and other.low <= one.high:
        return False
    return not _is_rounded(one, other)


def _in_days(amount: Amount) -> Amount:
    """A span of time in one unit, give or take what months differ by; anything else as it is."""
    days = _DAYS.get(amount.unit)
    if days is None:
        return amount
    near = Decimal(1) if amount.unit in ("day", "week") else Decimal("1.05")
    return replace(amount, low=amount.low * days / near, high=amount.high * days * near, unit="day")


def _is_rounded(one: Amount, other: Amount) -> bool:
    """1.4 billion and 1.37 billion, 54 % and 53.8 %: the one is the other with fewer places."""
    if one.low != one.high or other.low != other.high:
        return False
    rough, fine = sorted((one.low, other.low), key=lambda value: len(value.normalize().as_tuple().digits))
    if rough == 0 or len(rough.normalize().as_tuple().digits) == len(fine.normalize().as_tuple().digits):
        return False
    exponent = rough.normalize().as_tuple().exponent
    places = exponent if isinstance(exponent, int) else 0
    # a round thousand may be a rounded 1,049; but 30 for 36 is no rounding
    return abs(rough - fine) * 2 <= Decimal(10) ** places and abs(rough - fine) <= fine * Decimal("0.05")


@lru_cache(maxsize=1024)
def times(text: str) -> tuple[When, ...]:
    """The dates, weekdays and seasons of a text, in order of kind."""
    found: list[When] = []
    at = 0
    for day in facts.facts_of(text).days:
        start = text.find(day.text, at)
        if start < 0:
            start = text.find(day.text)
        if start < 0:
            continue
        end = at = start + len(day.text)
        before = text[max(0, start - 80) : start]
        months: tuple[int, ...] = (day.month,) if day.month else ()
        apart = _MONTHS_AFTER.search(before)
        if apart and months:
            step = _SMALL[apart.group(1).lower()] * (
                1 if apart.group(2).lower().startswith(("a", "l")) else -1
            )
            months = ((months[0] - 1 + step) % 12 + 1,)
        found.append(When(day.year, months, day.day, "", "" if apart else _bound(before), start, end))
    found += [When(None, (), None, one.group(1).lower(), "", *one.span()) for one in _WEEKDAY.finditer(text)]
    for match in _SEASON.finditer(text):
        found.append(When(None, _SEASONS[match.group(1)], None, "", "near", *match.span(1)))
    return tuple(found)


def _bound(before: str) -> str:
    match = _BOUND.search(before)
    if match is None:
        return ""
    word = match["word"].lower()
    if word in _AFTER or (word == "later than" and not match["not"]):
        return "after"
    if word in ("before", "earlier than", "by", "until", "till", "up to", "later than"):
        return "after" if match["not"] and word in ("before", "earlier than", "until", "till") else "before"
    return "near"


def times_clash(one: When, other: When) -> bool:
    """Whether no time could be both; a year says nothing against a month, a weekday nothing against a date."""
    if one.weekday and other.weekday:
        return one.weekday != other.weekday
    if one.bound == other.bound == "after" and one.year and other.year:
        return one.year != other.year  # two beginnings
    if one.bound or other.bound:
        return _out_of_bounds(one, other) or _out_of_bounds(other, one)
    if one.year and other.year and one.year != other.year:
        return True
    if one.months and other.months and set(one.months).isdisjoint(other.months):
        return True
    return bool(one.day and other.day and one.months == other.months and one.day != other.day)


def _out_of_bounds(bounded: When, other: When) -> bool:
    """Whether ``other`` lies plainly before an "after", or after a "before"; what is near a season is not."""
    if other.bound or not (bounded.year or bounded.months) or bool(bounded.year) != bool(other.year):
        return False
    ahead = (other.year or 0) - (bounded.year or 0)  # years, or months within one
    if not ahead:
        if not (bounded.months and other.months) or set(bounded.months) & set(other.months):
            return False
        later = other.months[0] > bounded.months[-1]
        ahead = other.months[0] - bounded.months[-1] if later else other.months[-1] - bounded.months[0]
    if bounded.bound == "before":
        return ahead > 0
    return ahead < 0 if bounded.bound == "after" else ahead != 0


def amounts_at(text: str, span: tuple[int, int] | None) -> tuple[Amount, ...]:
    """The amounts of a text that lie in a span of it, wholly or in part; none without one."""
    return tuple(one for one in amounts(text) if span and one.start < span[1] and span[0] < one.end)


def times_at(text: str, span: tuple[int, int] | None) -> tuple[When, ...]:
    """The times of a text that lie in a span of it, wholly or in part; none without one."""
    return tuple(one for one in times(text) if span and _overlaps(one, span))


def compatible(told: Sequence[Amount], all_told: Sequence[Amount]) -> bool:
    """Whether one of the amounts told may be one of all that were told elsewhere."""
    return any(a.unit == b.unit and not amounts_clash(a, b, same_noun=False) for a in told for b in all_told)


def same_time(one: When, other: When) -> bool:
    """The same day, month or weekday, told in as much detail on both sides."""
    told = [
        (a, b)
        for a, b in (
            (one.weekday, other.weekday),
            (one.months, other.months),
            (one.day, other.day),
            (one.year, other.year),
        )
        if a and b
    ]
    as_fine = bool(one.months) == bool(other.months) or bool(one.weekday and other.weekday)
    return bool(told) and all(a == b for a, b in told) and as_fine


def says_other_time(one: str, other: str, apart: Sequence[tuple[int, int]] = ()) -> bool:
    """Whether two sentences speak of different years, months or quarters.

    Args:
        apart: spans of ``one`` and of ``other`` that are what is compared, not when it was.
    """
    mine, theirs = times(one), times(other)
    if apart:
        mine = tuple(when for when in mine if not _overlaps(when, apart[0]))
        theirs = tuple(when for when in theirs if not _overlaps(when, apart[1]))
    dated = [when for when in mine if when.year or when.months]
    others = [when for when in theirs if when.year or when.months]
    if dated and others and all(times_clash(when, when_) for when in dated for when_ in others):
        return True
    parts, other_parts = _parts_of_time(one), _parts_of_time(other)
    return any(kind in other_parts and other_parts[kind].isdisjoint(told) for kind, told in parts.items())


def _parts_of_time(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _PARTS_OF_TIME.finditer(text):
        found.setdefault(match.group(2).lower(), set()).add(match.group(1).lower()[:3])
    return found


def _overlaps(when: When, span: tuple[int, int]) -> bool:
    return when.start < span[1] and span[0] < when.end


@lru_cache(maxsize=1024)
def name_terms(text: str) -> frozenset[str]:
    """The terms of the proper names in a text, each place under one name with its people."""
    return frozenset(term for name in names.names_of(text) for word in name.words for term in word.terms)


@lru_cache(maxsize=1024)
def bodies(text: str) -> dict[str, frozenset[str]]:
    """The bodies a text names, each by its first word, with what kind of body it says it is ("Motors", "Corporation").

    Acronyms of ordinary things (EVs, MoU), "Memorandum", and what stands behind "in" name none.
    """
    found: dict[str, frozenset[str]] = {}
    for name in names.names_of(text):
        first, *rest = name.words
        if _PLACED.search(text[: first.start]):
            continue
        if all(names.is_ordinary(word.text.casefold().rstrip(".")) for word in name.words):
            continue
        if sum(map(str.isupper, first.text)) > 1 and first.text.rstrip("s").casefold() in _NO_BODIES:
            continue
        kind = frozenset(term for word in rest for term in word.terms) & names.KINDS_OF_BODY
        for term in first.terms[:1]:
            found[term] = found.get(term, frozenset()) | kind
    return found


def is_name(text: str) -> bool:
    """Whether a few words are, but for small ones, one proper name; "Memorandum of Understanding" is none."""
    told = [word for word in words(text) if word.terms]
    return all(word.is_capitalised and not word.is_number for word in told) and not all(
        names.is_ordinary(word.text.casefold().rstrip(".")) for word in told
    )


def stems(*plain: str) -> frozenset[str]:
    """The stems of ordinary words, for lists that are compared with content terms."""
    return frozenset(stem(word) for line in plain for word in line.split())
