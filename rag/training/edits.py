"""Small changes to a question or claim after which the passage no longer answers or supports it.

What people do to write unanswerable questions (Rajpurkar et al. 2018): another name, another number, an antonym, a
negation. The edits are made by rule, so a few stay true by accident; the mix keeps their share small.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

NAME = re.compile(r"\b[A-Z][\w'’&.-]*[\w](?:\s+(?:of\s+|the\s+|de\s+)?[A-Z][\w'’&.-]*[\w])*")
NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[A-Z“\"(\[0-9])")


def _words(text: str) -> list[str]:
    return text.split()


NOT_NAMES = frozenset(
    _words("""
    Who What When Where Which Why How Whose Whom In On At For From To By With During After Before Is Are Was Were Did Do
    Does Has Have Had Can Could Will Would The A An It He She They This These That Those There If And But As I We You
    According About Along Besides Under Over Since Until While Both Each Many Most Some
    """)
)
MONTHS = _words("""
    January February March April May June July August September October November December
    """)
NUMBER_WORDS = _words("""
    two three four five six seven eight nine ten eleven twelve
    """)
PAIRS = _words("""
    first/last largest/smallest highest/lowest before/after north/south northern/southern east/west eastern/western
    increase/decrease increased/decreased more/fewer most/least oldest/youngest old/new best/worst win/lose won/lost
    begin/end began/ended start/stop started/stopped early/late
    earliest/latest rise/fall rose/fell buy/sell bought/sold
    up/down above/below longest/shortest major/minor positive/negative public/private allowed/banned accept/reject
    accepted/rejected support/oppose supported/opposed male/female father/mother husband/wife internal/external
    include/exclude included/excluded maximum/minimum majority/minority higher/lower larger/smaller greater/lesser
    strong/weak ancient/modern always/never common/rare opened/closed open/closed arrive/leave arrived/left
    attack/defend attacked/defended joined/left gained/lost upper/lower domestic/foreign same/different
    all/none cause/prevent caused/prevented agreed/refused
    created/destroyed built/demolished approved/denied hired/fired raised/lowered
    expanded/reduced famous/unknown popular/unpopular son/daughter brother/sister king/queen summer/winter
    morning/evening young/old rich/poor inside/outside left/right
    """)
OPPOSITES = {a: b for pair in PAIRS for a, b in (pair.split("/"), pair.split("/")[::-1])}
IRREGULAR = {"can": "can't", "will": "won't", "may": "may not", "might": "might not"}
AUXILIARY = re.compile(
    r"\b(is|are|was|were|did|does|do|has|had|have|can|could|will|would|should|may|might)\b", re.I
)


def sentences(text: str) -> list[tuple[int, int]]:
    """Rough sentence spans; good enough to delete one or to make a claim of one."""
    spans, start = [], 0
    for match in SENTENCE_END.finditer(text):
        spans.append((start, match.start()))
        start = match.end()
    spans.append((start, len(text)))
    return [(a, b) for a, b in spans if text[a:b].strip()]


def names(text: str) -> list[tuple[int, int]]:
    """Spans that look like proper names (capitalised runs that are not a plain sentence opening)."""
    found = []
    for match in NAME.finditer(text):
        start, words = match.start(), match.group().split()
        while words and words[0] in NOT_NAMES:
            start += len(words[0])
            while start < match.end() and text[start].isspace():
                start += 1
            words = words[1:]
        if words and len(match.group()) > 2 and not (start == 0 and len(words) == 1):
            found.append((start, match.end()))
    return found


def swap_name(text: str, pool: Sequence[str], rng: random.Random) -> str | None:
    """Put a name from ``pool`` in the place of one in ``text``, of about the same length in words."""
    places = names(text)
    if not places:
        return None
    start, end = rng.choice(places)
    old = text[start:end]
    if old in MONTHS:
        return text[:start] + rng.choice([month for month in MONTHS if month != old]) + text[end:]
    lowered = text.lower()
    fits = [
        name
        for name in pool
        if name.lower() not in lowered
        and old.lower() not in name.lower()
        and abs(len(name.split()) - len(old.split())) <= 1
    ]
    return text[:start] + rng.choice(fits) + text[end:] if fits else None


def swap_number(text: str, rng: random.Random) -> str | None:
    """Change one number, a year into a near year, a number word into another."""
    places = [match.span() for match in NUMBER.finditer(text)]
    if places:
        start, end = rng.choice(places)
        old = text[start:end]
        if old.isdigit() and len(old) == 4 and 1000 <= int(old) <= 2100:
            new = str(int(old) + rng.choice([-1, 1]) * rng.choice([1, 2, 3, 5, 8, 10, 20, 40]))
        else:
            digits = [i for i, char in enumerate(old) if char.isdigit()]
            place = rng.choice(digits[:2])
            choices = [d for d in "123456789" if d != old[place]]
            new = old[:place] + rng.choice(choices) + old[place + 1 :]
        return text[:start] + new + text[end:]
    words = list(re.finditer(r"\b(" + "|".join(NUMBER_WORDS) + r")\b", text))
    if not words:
        return None
    match = rng.choice(words)
    new = rng.choice([word for word in NUMBER_WORDS if word != match.group()])
    return text[: match.start()] + new + text[match.end() :]


def swap_opposite(text: str, rng: random.Random) -> str | None:
    """Replace one word by its opposite."""
    places = [match for match in re.finditer(r"[a-z]+", text) if match.group() in OPPOSITES]
    if not places:
        return None
    match = rng.choice(places)
    return text[: match.start()] + OPPOSITES[match.group()] + text[match.end() :]


def negate(text: str, rng: random.Random) -> str | None:
    """Put a "not" after an auxiliary verb, contracted or not; drop one that is there."""
    present = re.search(r"\s(not|never)\b|n't\b|n’t\b", text)
    if present:
        return text[: present.start()] + text[present.end() :]
    places = list(AUXILIARY.finditer(text))
    if not places:
        return None
    match = places[0]
    word = match.group()
    contracted = IRREGULAR.get(word.lower(), word + "n't")
    new = contracted if rng.random() < 0.5 else word + " not"
    return text[: match.start()] + new + text[match.end() :]
