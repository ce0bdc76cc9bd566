"""Near misses made by rule: the passage loses just the phrase that answers, or the question asks for another thing.

What a person asks of news and does not find there is mostly not off the topic: the purchase is reported and its
price is not. A passage without the answering sentence is too easy a lesson for that. So here the phrase goes
("for $2.3 billion", "in 1999", ", a Brazilian,") and its sentence stays, or the question asks of the same names for
something that the passage never speaks of.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.training.examples import Example, Record, normalise

_BEFORE = re.compile(
    r"[,\s]*\b(?:in|on|at|for|by|from|during|after|before|since|until|around|about|of|with|to|near|as|under|between"
    r"|over|through|within|into|against|among|because of|due to|along with|such as|worth|named|called)"
    r"(?:\s+(?:the|a|an|about|around|early|late|mid|approximately|nearly|almost|roughly|some|only|just|more than"
    r"|less than|at least|up to|over|his|her|its|their|January|February|March|April|May|June|July|August|September"
    r"|October|November|December))*\s+[\"“'‘$€£]*$"
)
_AFTER = re.compile(
    r"[\"”'’]*(?:\s*[,.;:)]|\s+(?:and|but|or|in|on|at|for|by|from|to|with|when|which|who|where|that|while|after"
    r"|before|as|was|were|is|are|has|had|have|until|during|because|although)\b)"
)
_AROUND = re.compile(r"\s*[,(–—]\s*$")
_CLOSED = re.compile(r"\s*[,)–—]")
_HOW_MANY = re.compile(r"^(How (?:many|much))\s+(?:more |other |different )?([a-z]{4,})\b")
_THE_X_OF = re.compile(
    r"^((?:What|Which)\s+(?:is|was|are|were)\s+the\s+)([a-z]{4,}(?: [a-z]{4,})?)(?=\s+of\s)"
)
_PARTICIPLE = re.compile(
    r"\b(?:is|are|was|were|been|be|being|has|had|have)\b(?:\s+[\w'’.-]+){0,6}?\s+([a-z]{3,}ed)\b"
)
_VAGUE = frozenset(
    "name names term word kind type types sort purpose reason result effect role goal main first last other title "
    "many much more less other people things ways times".split()
)
_AGAIN = 3  # questions of the clipped passage that it still answers, kept beside each that it does not


def clip(text: str, start: int, end: int) -> tuple[int, int] | None:
    """What to take out so that the answer ``text[start:end]`` goes and its sentence stays whole; None if unclear."""
    before, after = text[max(0, start - 80) : start], text[end:]
    open_at = _AROUND.search(before)
    if open_at and _CLOSED.match(after):  # an apposition or a bracket
        closing = _CLOSED.match(after)
        assert closing is not None
        keeps_comma = before[open_at.start() :].strip() == "," and after.lstrip()[:1] == ","
        both = (start - len(before) + open_at.start(), end + closing.end())
        return both if not keeps_comma or not after[closing.end() :].startswith((" and", " or")) else None
    phrase = _BEFORE.search(before)
    if phrase is None or not _AFTER.match(after):
        return None
    return start - len(before) + phrase.start(), end


def clipped(records: Sequence[Record]) -> Iterator[Example]:
    """Questions with their passage less the answering phrase, and questions that such a passage still answers."""
    by_context: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.answers:
            by_context[record.context].append(record)
    for context, asked in by_context.items():
        for record in asked:
            start, end = min(record.answers, key=lambda answer: answer[1] - answer[0])
            gone = clip(context, start, end)
            if gone is None:
                continue
            low, high = gone
            left = (context[:low] + context[high:]).strip()
            kept = normalise(left)
            if any(form in kept for form in map(normalise, record.answer_texts) if form.strip()):
                continue
            if len(left) != len(context) - (high - low) or high - low > len(context) // 3:
                continue  # stripping would move the offsets; a phrase that is a third of all is none
            yield Example("clipped-", record.question, left, no_answer=True, evidence=0)
            still = [
                Example("clipped+", other.question, left, spans=spans, evidence=1)
                for other in asked
                if (spans := _moved(other.answers, low, high))
            ]
            yield from still[:_AGAIN]


def _moved(answers: Iterable[tuple[int, int]], low: int, high: int) -> tuple[tuple[int, int], ...]:
    """The answers' places after ``low:high`` is gone; nothing if one of them is touched by that."""
    moved = []
    for start, end in answers:
        if end <= low:
            moved.append((start, end))
        elif start >= high:
            moved.append((start - (high - low), end - (high - low)))
        else:
            return ()
    return tuple(moved)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What the questions ask with; a word stands in its list as often as the square root of its count."""

    participles: list[str]
    counted: list[str]
    attributes: list[str]


def asked_otherwise(records: Sequence[Record], rng: random.Random) -> Iterator[Example]:
    """Questions whose verb or whose wanted thing is another one, of which the passage does not speak."""
    words = _vocabulary(records)
    for record in records:
        if not record.answers:
            continue
        said = {word[:5] for word in normalise(record.context + " " + record.question).split()}
        places = [
            (_wanted(_HOW_MANY, record.question), words.counted),
            (_wanted(_THE_X_OF, record.question), words.attributes),
            (_participle(record.question), words.participles),
        ]
        for place, choices in places:
            word = _unsaid(choices, said, rng) if place else None
            if place and word:
                changed = record.question[: place[0]] + word + record.question[place[1] :]
                yield Example("asked-", changed, record.context, no_answer=True, evidence=0)


def _vocabulary(records: Sequence[Record]) -> _Vocabulary:
    participles, counted, attributes = (Counter[str]() for _ in range(3))
    for record in records:
        participles.update(_PARTICIPLE.findall(record.question))
        for pattern, found in ((_HOW_MANY, counted), (_THE_X_OF, attributes)):
            place = _wanted(pattern, record.question)
            if place:
                found[record.question[slice(*place)]] += 1

    def spread(found: Counter[str]) -> list[str]:
        return [word for word, n in sorted(found.items()) for _ in range(int(n**0.5))]

    return _Vocabulary(spread(participles), spread(counted), spread(attributes))


def _wanted(pattern: re.Pattern[str], question: str) -> tuple[int, int] | None:
    match = pattern.match(question)
    return match.span(2) if match and not _VAGUE & set(match.group(2).split()) else None


def _participle(question: str) -> tuple[int, int] | None:
    match = _PARTICIPLE.search(question)
    return match.span(1) if match else None


def _unsaid(words: Sequence[str], said: set[str], rng: random.Random) -> str | None:
    for _ in range(6):
        word = rng.choice(words) if words else ""
        if word and not any(part[:5] in said for part in word.split()):
            return word
    return None
