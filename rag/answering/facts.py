"""The hard facts of a text - figures with their units, dates - in one spelling each, so that they can be compared.

34% = 34 percent = thirty-four percent; Nov. 4 = November 4 = 4 November = 2024-11-04 without its year; $1.2bn =
1.2 billion dollars; 1,000 = 1000; half = 50 percent. Rules over closed classes of words, nothing of any subject.

Written here because figures and words are needed together: text2num, which was tried, makes "1.2 billion" into
"1.2 1000000000" and "nineteen ninety-four" into "19 94". Other libraries were not tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from rag.answering.lexicon import MONTHS, NUMBER_WORDS, SHORT_MONTHS

_TENS = {word: 10 * place for place, word in enumerate(
    "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}  # fmt: skip
_SCALES = {
    "hundred": 100, "thousand": 1000, "k": 1000, "million": 10**6, "millions": 10**6, "m": 10**6, "mn": 10**6,
    "mln": 10**6, "billion": 10**9, "billions": 10**9, "bn": 10**9, "bln": 10**9, "trillion": 10**12, "tn": 10**12,
    "trn": 10**12, "dozen": 12,
}  # fmt: skip
_ORDINALS = {word: place for place, word in enumerate(
    """zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split())}  # fmt: skip
# "second", "third" and "quarter" count, divide and measure time; what they mean is settled by what stands around them
_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5,
          "tenth": 10, "tenths": 10}  # fmt: skip
_MONTHS = {name: place for place, name in enumerate(SHORT_MONTHS[:12], start=1)}
_CURRENCY_NAMES = {
    alias: names.split()[0]
    for names in (
        "dollar dollars $ us$ usd", "euro euros € eur", "pound pounds £ gbp", "yen ¥ jpy", "yuan renminbi",
        "rupee rupees", "won", "cent cents", "franc francs", "ruble rubles",
    )
    for alias in names.split()
}  # fmt: skip
CURRENCIES = frozenset(_CURRENCY_NAMES.values())
_MEASURES = {
    alias: names.split()[0]
    for names in (
        "%  percent pct", "km kilometer kilometers kilometre kilometres", "mile miles mi", "meter meters metre metres",
        "foot feet ft", "inch inches", "mph", "kg kilogram kilograms kilo kilos", "ton tons tonne tonnes",
        "gram grams", "ounce ounces oz", "litre litres liter liters", "gallon gallons", "barrel barrels bpd",
        "second seconds sec secs", "minute minutes min mins", "hour hours hr hrs", "day days", "week weeks",
        "month months", "year years yr yrs", "decade decades", "century centuries", "kwh", "kw kilowatt kilowatts",
        "mw megawatt megawatts", "gw gigawatt gigawatts", "acre acres", "hectare hectares", "degree degrees °c °f °",
        "bushel bushels", "share shares",
    )
    for alias in names.split()
}  # fmt: skip
_NUMERAL = (
    r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<![\w.])\d+\.\d+|(?<![\w.,])\d+"
    r"|(?<=[$€£¥])\d[\d,]*(?:\.\d+)?"
)
_WORD_NUMBER = "|".join(sorted({*NUMBER_WORDS, *_TENS, "hundred", "dozen"}, key=len, reverse=True))
_TOKEN = re.compile(
    rf"(?P<iso>\b\d{{4}}-\d{{2}}-\d{{2}}\b)|(?P<numeral>{_NUMERAL})|(?P<currency>(?:US|A|C)?[$€£¥])"
    r"|(?P<word>°[CF]?|[^\W\d_]+(?:\.[^\W\d_]\b)*)|(?P<percent>%)|(?P<dash>[-–—])|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_YEAR = re.compile(r"^(?:1[0-9]|20)\d\d$")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it counts, where that is a known unit.

    Attributes:
        value: its value, scales multiplied out ("1.2 billion" is 1200000000).
        unit: one name for each known unit ("%", "dollar", "km"), else "".
        text: as written.
        is_ordinal: 4th, fourth.
        is_word: written as a word; "one" and "two" then say little.
    """

    value: Decimal
    unit: str
    text: str
    is_ordinal: bool = False
    is_word: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """A date as far as it is said; None for what is left open."""

    year: int | None
    month: int | None
    day: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What `facts_of` found in one text."""

    figures: tuple[Figure, ...]
    days: tuple[Day, ...]


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(str(match.lastgroup), match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(text)
    ]


@lru_cache(maxsize=4096)
def facts_of(text: str) -> Facts:
    """Read the figures and dates of a text; a year or a day of a month is a date, not also a figure."""
    return _Parser(text).parse()


class _Parser:
    """One pass over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [token for token in _tokens(text) if token.kind != "space"]
        self.figures: list[Figure] = []
        self.days: list[Day] = []
        self.place = 0

    def parse(self) -> Facts:
        while self.place < len(self.tokens):
            if not (self._date() or self._figure()):
                self.place += 1
        return Facts(tuple(self._shared_units()), tuple(self.days))

    def _at(self, place: int) -> _Token:
        return self.tokens[place] if 0 <= place < len(self.tokens) else _Token("end", "", 0, 0)

    def _low(self, place: int) -> str:
        return self._at(place).text.lower()

    # dates

    def _date(self) -> bool:
        token = self._at(self.place)
        if token.kind == "iso":
            parts = [int(part) for part in token.text.split("-")]
            if not (1 <= parts[1] <= 12 and 1 <= parts[2] <= 31):
                return False
            self._add_day(parts[0], parts[1], parts[2], 1)
            return True
        month = self._month(self.place)
        if month:  # November 4, 2024; Nov. 4; November 2024; in November
            after = self.place + (2 if self._at(self.place + 1).text == "." else 1)
            day, after_day = self._day_number(after)
            if day:
                comma = after_day + 1 if self._at(after_day).text == "," else after_day
                year = self._year(comma)
                self._add_day(year, month, day, (comma + 1 if year else after_day) - self.place)
                return True
            of = after + 1 if self._low(after) in ("of", ",") else after
            year = self._year(of)
            if year or self._is_surely_month(self.place):
                self._add_day(year, month, None, (of + 1 if year else after) - self.place)
                return True
            return False
        day, after = self._day_number(self.place)  # 4 November 2024, 4th of November
        if day:
            of = after + 1 if self._low(after) == "of" else after
            month = self._month(of)
            if month:
                end = of + (2 if self._at(of + 1).text == "." and self._year(of + 2) else 1)
                end += self._at(end).text == "," and bool(self._year(end + 1))
                year = self._year(end)
                self._add_day(year, month, day, (end + 1 if year else end) - self.place)
                return True
        year = self._year(self.place)
        if year and not self._has_unit(self.place + 1):
            self._add_day(year, None, None, 1)
            return True
        return self._spoken_year()

    def _month(self, place: int) -> int | None:
        token = self._at(place)
        folded = token.text.lower()
        full = len(folded) > 4 or folded in ("june", "july", "may", "sept")
        if token.kind != "word" or not token.text[:1].isupper() or folded[:3] not in _MONTHS:
            return None
        if folded not in MONTHS and not (len(folded) <= 4 and folded in SHORT_MONTHS):
            return None
        if not full and self._at(place + 1).text != "." and not self._at(place + 1).text.isdigit():
            return None  # "Mar" and "Dec" alone are names
        return _MONTHS[folded[:3]]

    def _is_surely_month(self, place: int) -> bool:
        """ "March" and "May" alone are months only where a preposition or an adverb of time says so."""
        return self._low(place) not in ("march", "may", "august") or self._low(place - 1) in (
            "in", "by", "since", "until", "from", "of", "last", "next", "this", "early", "late", "before", "after",
            "to", "and", "mid", "-", "around", "during", "between", "through",
        )  # fmt: skip

    def _day_number(self, place: int) -> tuple[int | None, int]:
        token = self._at(place)
        if token.kind == "numeral" and token.text.isdigit() and 1 <= int(token.text) <= 31:
            suffix = self._low(place + 1) in ("st", "nd", "rd", "th")
            return int(token.text), place + (2 if suffix else 1)
        if token.kind == "word" and self._low(place) in _ORDINALS and self._low(place + 1) in ("of",):
            return _ORDINALS[self._low(place)], place + 1
        return None, place

    def _year(self, place: int) -> int | None:
        token = self._at(place)
        is_year = token.kind == "numeral" and _YEAR.match(token.text)
        return int(token.text) if is_year and self._at(place - 1).kind != "currency" else None

    def _spoken_year(self) -> bool:
        """ "nineteen ninety-four", "twenty twenty-four"."""
        century = {"eighteen": 18, "nineteen": 19, "twenty": 20}.get(self._low(self.place))
        if century is None or self._low(self.place + 1) not in _TENS:
            return False
        value = century * 100 + _TENS[self._low(self.place + 1)]
        length = 2
        unit = self.place + (3 if self._at(self.place + 2).kind == "dash" else 2)
        if self._low(unit) in NUMBER_WORDS and 1 <= int(NUMBER_WORDS[self._low(unit)]) <= 9:
            value += int(NUMBER_WORDS[self._low(unit)])
            length = unit + 1 - self.place
        self._add_day(value, None, None, length)
        return True

    def _add_day(self, year: int | None, month: int | None, day: int | None, length: int) -> None:
        text = self._written(self.place, self.place + length)
        self.days.append(Day(year, month, day, text))
        self.place += length

    def _written(self, start: int, end: int) -> str:
        return self.text[self.tokens[start].start : self.tokens[min(end, len(self.tokens)) - 1].end]

    # figures

    def _figure(self) -> bool:
        start = self.place
        currency = ""
        if self._at(start).kind == "currency" or (
            self._at(start).text in ("USD", "EUR", "GBP", "JPY") and self._at(start + 1).kind == "numeral"
        ):
            currency = _CURRENCY_NAMES.get(self._low(start).lstrip("ac"), "dollar")
            start += 1
        token = self._at(start)
        if token.kind == "numeral":
            found = self._numeral(start)
        elif token.kind == "word":
            found = self._fraction(start) or self._words(start)
        else:
            return False
        if found is None:
            return False
        value, end, is_ordinal, is_word, unit = found
        if not unit:
            unit, end = self._unit(end)
        self.figures.append(
            Figure(value, currency or unit, self._written(self.place, end), is_ordinal, is_word)
        )
        self.place = end
        return True

    def _numeral(self, place: int) -> tuple[Decimal, int, bool, bool, str] | None:
        try:
            value = Decimal(self._at(place).text.replace(",", ""))
        except InvalidOperation:
            return None
        place += 1
        if self._low(place) in ("st", "nd", "rd", "th") and self._touches(place):
            return value, place + 1, True, False, ""
        hyphen = self._at(place).kind == "dash" and self._low(place + 1) in _SCALES
        while self._low(place + hyphen) in _SCALES and not (
            self._low(place + hyphen) in ("m", "k") and not self._touches(place)
        ):
            value *= _SCALES[self._low(place + hyphen)]
            place += 1 + hyphen
            hyphen = False
        return value, place, False, False, ""

    def _touches(self, place: int) -> bool:
        return self._at(place).start == self._at(place - 1).end

    def _words(self, place: int) -> tuple[Decimal, int, bool, bool, str] | None:
        """ "thirty-four", "two hundred and five thousand", "twenty-first", "a hundred", "a million"."""
        total = current = 0
        begun = is_ordinal = False
        low = self._low(place)
        if low in ("a", "an") and self._low(place + 1) in (
            "hundred",
            "thousand",
            "million",
            "billion",
            "trillion",
            "dozen",
        ):
            current, begun = 1, True
            place += 1
        last = 0  # what the last word added, to stop at "twenty thirty"
        while True:
            low = self._low(place)
            if low in NUMBER_WORDS and (
                not begun or (last >= 20 and int(NUMBER_WORDS[low]) < min(last, 100))
            ):
                last = int(NUMBER_WORDS[low])
                current += last
            elif low in _TENS and (not begun or last >= 100):
                last = _TENS[low]
                current += last
            elif begun and low in _SCALES and low not in ("k", "m"):
                if _SCALES[low] <= 100:
                    current *= _SCALES[low]
                else:
                    total, current = total + current * _SCALES[low], 0
                last = _SCALES[low]
            elif low in _ORDINALS and (begun and 20 <= last < 100 and _ORDINALS[low] < 10):
                current += _ORDINALS[low]
                is_ordinal, place, begun = True, place + 1, True
                break
            elif not begun and low in _ORDINALS and low not in ("second", "first", "zeroth"):
                return Decimal(_ORDINALS[low]), place + 1, True, True, ""
            else:
                break
            begun = True
            place += 1
            following = self._low(place + 1)
            if self._at(place).kind == "dash":
                small = 20 <= last < 100 and (following in NUMBER_WORDS or following in _ORDINALS)
                place += small or following in _SCALES
            elif self._low(place) == "and" and last >= 100:
                place += following in NUMBER_WORDS or following in _TENS
        return (Decimal(total + current), place, is_ordinal, True, "") if begun else None

    def _fraction(self, place: int) -> tuple[Decimal, int, bool, bool, str] | None:
        """ "half", "a third", "two thirds", "three quarters" as shares of a hundred."""
        first = self._low(place)
        count, at = 1, place
        if first in ("a", "one", "two", "three") and self._low(place + 1) != "":
            count = 1 if first == "a" else int(NUMBER_WORDS[first])
            at = place + 1 + (self._at(place + 1).kind == "dash")
        part = self._low(at)
        if part in ("half", "halves") and self._low(at + 1) not in ("year", "season"):
            return Decimal(50 * count), at + 1, False, True, "%"
        plain_count = at > place and self._low(at + 1) in ("of", "the", "its", "their", ",", ".", "")
        if part in _PARTS and plain_count and (first != "a" or part not in ("fifth", "tenth")):
            return (
                Decimal(round(100 * count / _PARTS[part], 2)).quantize(Decimal("0.01")).normalize(),
                at + 1,
                False,
                True,
                "%",
            )
        return None

    def _unit(self, place: int) -> tuple[str, int]:
        """The unit that begins at ``place`` and where it ends; a hyphen may stand before it."""
        hyphen = self._at(place).kind == "dash" and self._at(place + 1).kind == "word"
        low = self._low(place + hyphen)
        if low == "per" and self._low(place + 1) == "cent":
            return "%", place + 2
        if low in ("us", "u.s"):  # "1.2 billion U.S. dollars"
            skip = 2 if self._at(place + 1).text == "." else 1
            if self._low(place + skip) in _CURRENCY_NAMES:
                return _CURRENCY_NAMES[self._low(place + skip)], place + skip + 1
        if low in ("square", "cubic", "percentage"):
            name = _MEASURES.get(self._low(place + hyphen + 1), "")
            if low == "percentage" and self._low(place + hyphen + 1) in ("point", "points"):
                return "%", place + hyphen + 2
            return (f"{low} {name}", place + hyphen + 2) if name else ("", place)
        name = _CURRENCY_NAMES.get(low) or _MEASURES.get(low, "")
        return (name, place + hyphen + 1) if name else ("", place)

    def _has_unit(self, place: int) -> bool:
        return self._at(place).kind == "percent" or self._low(place) in _SCALES or bool(self._unit(place)[0])

    def _shared_units(self) -> list[Figure]:
        """Figures of a range or a list share what the last has: "between 30 and 34 percent", "$3-5 million"."""
        shared = list(self.figures)
        for place in range(len(shared) - 2, -1, -1):
            first, second = shared[place], shared[place + 1]
            joint = (
                re.escape(first.text)
                + r"\s*(to|and|or|-|–|—|,)\s*[$€£¥]?"
                + re.escape(second.text.lstrip("$€£¥"))
            )
            between = re.search(joint, self.text)
            if not between:
                continue
            if second.unit and not first.unit:
                first = replace(first, unit=second.unit)
            elif first.unit in CURRENCIES and not second.unit:
                second = replace(second, unit=first.unit)
            scale = re.search(r"[a-z]+", second.text.lower())
            if (
                between.group(1) != ","
                and scale
                and scale.group() in _SCALES
                and not re.search("[a-z]", first.text)
            ):
                first = replace(first, value=first.value * _SCALES[scale.group()])
            shared[place : place + 2] = first, second
        return shared
