"""Whether a sentence holds the kind of thing a question asks for, and where.

"When …?" is not answered by a sentence without a time, nor "who is the president of …?" by one without a person. The
rules look at closed classes (months, currencies, number words, cue words) and at capitals; they are generous, because
their job is to rule out, not to pick.
"""

from __future__ import annotations

import re
from collections.abc import Set

from rag.answering.lexicon import NUMBER_WORDS, terms, words
from rag.answering.question import Analysis, Kind
from rag.types import Sentence

_MONTH = (
    r"(?:Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?|"
    r"Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_DAY_NAME = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?\b"
    rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:, \d{{4}})?\b"
    rf"|\b(?:early |mid-?|late |the (?:beginning|middle|end) of |the (?:start|close) of )?{_MONTH}(?:,? (?:of )?\d{{4}})?\b"
    rf"|\b(?:last |next |this )?{_DAY_NAME}\b"
    r"|\b(?:in |by |since |before |after |until |during |around |from |post-|pre-|early |late |mid-)?(?:1[0-9]|20)\d\d(?:s|[–-]\d\d(?:\d\d)?)?\b"
    r"|\b(?:the )?\d{1,2}(?:st|nd|rd|th)[ -][Cc]entur(?:y|ies)\b"
    r"|\b(?:when|until|during|once|as soon as|by the time)\b|\b\d[\d,]* (?:yr|years?|days?|weeks?|months?)? ?(?:ago|BP|BCE?|AD|CE)\b"
    r"|\b(?:the )?(?:middle|start|end|beginning) of (?:last|next|this|the) (?:week|month|year|decade|century|day)\b"
    r"|\b(?:last|next|this|the (?:same|following|previous|next)) (?:week|month|year|decade|century|night|spring|summer|autumn|fall|winter)\b"
    r"|\b(?:today|yesterday|tomorrow|tonight|currently|recently|nowadays)\b"
    r"|\b\w+ (?:days?|weeks?|months?|years?|decades?|centuries|hours?|minutes?) (?:ago|later|earlier|before|after)\b"
    r"|\b\d{1,2}(?::\d\d)? ?(?:a\.?m|p\.?m)\b"
)
_NUMBER_WORD = "|".join([*NUMBER_WORDS, "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
                         "hundreds", "thousand", "thousands", "dozen", "dozens", "million", "millions", "billion",
                         "billions", "trillion"])  # fmt: skip
_COUNT = re.compile(
    rf"\b\d[\d,]*(?:\.\d+)?(?: (?:hundred|thousand|million|billion|trillion))?\b"
    rf"|\b(?:(?:{_NUMBER_WORD}|a (?:few|couple|dozen)|both|several|once|twice|single|half|pair)\b[ -]?)+"
    rf"|\b(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    rf"[$€£¥]\s?\d[\d,]*(?:\.\d+)?(?:\s?(?:k|m|bn|hundred|thousand|million|billion|trillion))?"
    rf"|\b\d[\d,]*(?:\.\d+)?(?:[–-]\d[\d,]*(?:\.\d+)?)?(?:\s?%|\s?percent\b|\s?per cent\b|°[CF]?)"
    rf"|\b\d[\d,]*(?:\.\d+)?(?:\s(?:hundred|thousand|million|billion|trillion))?(?:[ -][A-Za-z]+)?"
    rf"|\b(?:a |one |two |three )?(?:half|third|thirds|quarter|quarters|majority|minority|most|double|twice)\b"
    rf"|\bequal(?:ly)?\b|\b50[-/:]50\b"
    rf"|\b(?:(?:{_NUMBER_WORD})[ -]?)+(?:[A-Za-z]+)?",
    re.IGNORECASE,
)
_CURRENCY = r"dollars?|euros?|pounds?|yen|yuan|won|rupees?|francs?|marks?|cents?|pence|shillings?|crowns?|pesos?|rubles?|lira|lire|USD|EUR|GBP|JPY"
_MONEY = re.compile(
    rf"(?:\b(?:US|AU|A|C|NZ|HK))?[$€£¥₹]\s?[\d.]|\b(?:{_CURRENCY})\b"
    r"|\b(?:\d[\d.,]*\s?(?:k|bn)|thousands|(?:m|b|tr)illions?)\b"  # a sum whose currency goes without saying
    r"|\bfree\b|\bfor nothing\b|\bno charge\b|\bwithout (?:cost|charge|payment)\b|\ba lot\b|\bsymbolic\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\bbecause\b|\bdue to\b|\bowing to\b|\bas a result\b|\bresult(?:s|ed|ing)? (?:in|from)\b|\bthanks to\b|\bin order to\b|"
    r"\bso (?:that|as)\b|\bsince\b|\bcaus(?:e|ed|es|ing)\b|\breasons?\b|\btherefore\b|\bthus\b|\bhence\b|\blead(?:s|ing)? to\b|"
    r"\bled (?:to|by)\b|\baim(?:s|ed|ing)?\b|\bhop(?:e|es|ed|ing)\b|\bwants?\b|\bwish(?:es|ed)?\b|\bpurpose\b|\bgoals?\b|"
    r"\bby \w+ing\b|\ballow(?:s|ed|ing)?\b|\benabl(?:e|es|ed|ing)\b|\bhelp(?:s|ed|ing)?\b|\bdriven by\b|\bgiven (?:that|the)\b|"
    r"\bamid\b|\bpressure\b|\bwould\b|\bconcern(?:s|ed)?\b|\bin (?:response|an effort) to\b|, to [a-z]+\b|\bfor fear\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:in|at|from|to|near|into|across|within|outside|throughout|of|between|through|on|toward|towards|around|over) (?:the )?"
    r"(?:north(?:ern)?|south(?:ern)?|east(?:ern)?|west(?:ern)?|central )?\s?[A-Z][\w.’'-]+(?:[ -][A-Z][\w.’'-]+)*"
    r"|\b[A-Z]\w+-only\b|\b(?:U\.S\.|U\.K\.|EU|US|UK)\b|\b(?:north|south|east|west)\w*\b"
)
_ORGANISATION_END = re.compile(
    r"\b(?:Inc|Corp|Corporation|Company|Co|Ltd|Limited|LLC|PLC|Group|Motors?|Bank|University|Institute|Association|"
    r"Press|Agency|Ministry|Department|Solutions?|Holdings?|Industries|Party|Council|Committee|Alliance)\b\.?$"
)
_PERSON_CUE = re.compile(
    r"\b(?:mr|mrs|ms|dr|sir|prof|professor|president|chief|executive|officer|chair(?:man|woman|person)?|director|"
    r"founder|author|writer|journalist|spokes(?:man|woman|person)|minister|head|leader|manager|analyst|editor|"
    r"said|says|told|wrote|writes|added|adds|he|she|his|her|him)\b",
    re.IGNORECASE,
)
_NAME_RUN = re.compile(r"(?:[A-Z][\w’'-]*\.?)(?: (?:(?:de|la|van|von|der|of|al|bin|&) )?[A-Z][\w’'-]*\.?)*")


def spans(kind: Kind, text: str) -> list[Sentence] | None:
    """Where ``text`` holds things of this kind; None for kinds that no rule can check (every sentence may serve).

    Offsets are relative to ``text``.
    """
    pattern = {"date": _DATE, "amount": _AMOUNT, "count": _COUNT, "reason": _REASON, "place": _PLACE}.get(
        kind
    )
    if pattern is not None:
        return [Sentence(*match.span()) for match in pattern.finditer(text) if match.group().strip()]
    if kind in ("person", "organisation"):
        return [Sentence(*match.span()) for match in _NAME_RUN.finditer(text)]
    if kind == "quote":
        return [
            Sentence(*match.span())
            for match in re.finditer(r"[“\"][^”\"]*[”\"]?|\bsa(?:id|ys)\b|\btold\b", text)
        ]
    return None


def persons(text: str) -> list[Sentence]:
    """Runs of two or three capitalised words that are no company's name and stand in a sentence that treats someone as
    a person (a title, "said", "he")."""
    if not _PERSON_CUE.search(text):
        return []
    found = []
    for match in _NAME_RUN.finditer(text):
        run = match.group().rstrip(".")
        if 1 <= run.count(" ") <= 3 and not _ORGANISATION_END.search(run):
            found.append(Sentence(*match.span()))
    return found


def expansion(acronym: str, text: str) -> Sentence | None:
    """Where ``text`` spells an acronym out: "software-defined vehicle (SDV)", "MoU (Memorandum of Understanding)".

    The words' first letters must give the acronym, so that a bracket alone proves nothing.
    """
    letters = [letter.casefold() for letter in acronym if letter.isalnum()]
    if len(letters) < 2:
        return None
    for match in re.finditer(rf"\(\s*{re.escape(acronym)}s?\s*\)", text, re.IGNORECASE):
        start = _initials_before(letters, text[: match.start()])
        if start is not None:
            return Sentence(start, len(text[: match.start()].rstrip()))
    for match in re.finditer(rf"\b{re.escape(acronym)}\s*\(([^)]+)\)", text, re.IGNORECASE):
        if _initials_before(letters, match.group(1)) == 0:
            return Sentence(*match.span(1))
    return None


def _initials_before(letters: list[str], text: str) -> int | None:
    """Where the words at the end of ``text`` begin whose first letters are ``letters``; small words may be skipped."""
    wanted = list(letters)
    for match in reversed(list(re.finditer(r"[^\W_]+", text))):
        word = match.group().casefold()
        if word[0] == wanted[-1]:
            wanted.pop()
            if not wanted:
                return match.start()
        elif word not in ("of", "and", "the", "for", "in", "on", "to"):
            return None
    return None


def holds_answer(analysis: Analysis, text: str) -> bool:
    """Whether a sentence holds something of the asked kind that the question did not already say."""
    if analysis.kind == "expansion":
        return expansion(analysis.acronym, text) is not None
    if analysis.role:
        return any(_is_new(analysis, text[span.start : span.end]) for span in persons(text))
    found = spans(analysis.kind, text)
    if found is None:
        return True
    if analysis.kind in ("reason", "quote", "place"):
        return bool(found)
    return any(_is_new(analysis, text[span.start : span.end]) for span in found)


def tells_money(text: str) -> bool:
    """Whether a sentence speaks of a sum of money, as 97 % of those do that answer such questions (SQuAD and its kin)."""
    return bool(_MONEY.search(text))


def fits(analysis: Analysis, span: str) -> bool:
    """Whether a few words, taken by themselves, can be what is asked for: of the asked kind, and not said already."""
    if not _is_new(analysis, span):
        return False
    if analysis.kind in ("date", "amount", "count"):
        return holds_answer(analysis, span)
    return analysis.kind not in ("person", "organisation") or any(map(str.isupper, span))


def _is_new(analysis: Analysis, text: str) -> bool:
    """Whether a candidate says something beyond the question's own words."""
    said: Set[str] = {*analysis.terms, *analysis.numbers}
    candidate = terms(text)
    return any(term not in said for term in candidate) if candidate else bool(words(text))


def short_answer(analysis: Analysis, text: str) -> str | None:
    """The exact words asked for, where rules alone can tell: the only new date, amount or count of a sentence.

    With several candidates nothing is returned: choosing needs a reader.
    """
    if analysis.kind == "expansion":
        spelled = expansion(analysis.acronym, text)
        return text[spelled.start : spelled.end] if spelled else None
    if analysis.kind not in ("date", "amount", "count"):
        return None
    candidates = [
        text[span.start : span.end].strip(" ,.;:-")
        for span in spans(analysis.kind, text) or ()
        if _is_new(analysis, text[span.start : span.end])
    ]
    distinct = list(dict.fromkeys(candidate for candidate in candidates if candidate))
    return distinct[0] if len(distinct) == 1 else None
