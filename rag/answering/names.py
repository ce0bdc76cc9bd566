"""Proper names of a statement, and whether a text mentions them: capitals that are more than the start of a sentence.

A capital at the start says nothing by itself; there a word counts as a name unless it is an ordinary English word
(``ordinary_words.txt.gz``: the small American word list of SCOWL, lower-case entries only).
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

from rag.answering.answer_types import expansion
from rag.answering.lexicon import MONTHS, SHORT_MONTHS, STOP_WORDS, Word, words

_SUFFIXES = {"co": "compani", "corp": "corpor", "inc": "incorpor", "ltd": "limit"}
# What turns one company into another: "Mitsubishi Motors" is not "Mitsubishi Corporation"
KINDS_OF_BODY = frozenset(
    "compani corpor incorpor limit group motor hold plc llc ag gmbh sa bank univers institut".split()
)
_CALENDAR = frozenset((*MONTHS, *SHORT_MONTHS))
_SMALL = frozenset("of and the for in on to a an".split())
_SHORT_FORMS = frozenset(
    "ai ev evs it tv pm pr hr uk un eu".split()
)  # two letters that stand for common words
_TITLES = frozenset("mr mrs ms dr prof sir madam".split())
_US_MONEY = re.compile(r"\bU\.?S\.?(?=\s?\$|\s+dollars?\b)")  # a unit, not a country
_DEMONYM = re.compile(r"(?:ian|ean|ese|ish|an|n|i|ic)$")


@dataclass(frozen=True, slots=True)
class Name:
    """A run of name words in a statement; ``words`` stand side by side with nothing but spaces between."""

    text: str
    words: tuple[Word, ...]


@lru_cache(maxsize=1)
def ordinary_words() -> frozenset[str]:
    """English words that are written small, in lower case; loaded at first use."""
    data = resources.files("rag.answering").joinpath("ordinary_words.txt.gz").read_bytes()
    return frozenset(gzip.decompress(data).decode("ascii").split())


@lru_cache(maxsize=256)
def names_of(statement: str) -> tuple[Name, ...]:
    """The proper names of a statement in order."""
    statement = _US_MONEY.sub(lambda match: " " * len(match.group()), statement)
    found = words(statement)
    runs: list[list[Word]] = []
    run: list[Word] = []
    end, opens = 0, True
    for place, word in enumerate(found):
        between = statement[end : word.start]
        opens = opens or any(mark in between for mark in '.!?\n:;“"(*')
        following = found[place + 1] if place + 1 < len(found) else None
        if run and between.strip(" "):
            runs.append(run)
            run = []
        if _is_name(word, opens, following, statement):
            run.append(word)
        elif run:
            runs.append(run)
            run = []
        opens = word.text.endswith((".", "!", "?")) and len(word.text) > 5 and word.text[0].islower()
        end = word.end
    return tuple(
        Name(statement[part[0].start : part[-1].end].rstrip("."), tuple(part))
        for part in [*runs, run]
        if part
    )


def _is_name(word: Word, opens: bool, following: Word | None, statement: str) -> bool:
    bare = re.sub(r"['’]s?$", "", word.text.rstrip("."))
    folded = bare.casefold()
    if not word.is_capitalised or word.is_number or not bare or not any(map(str.isalpha, bare)):
        return False
    if folded in STOP_WORDS or len(bare) == 1 or folded in _CALENDAR or folded in _TITLES:
        return bare == "US"
    if not opens or bare[1:] != bare[1:].lower():
        return True
    if is_ordinary(folded):
        # "General Motors", "Apple Inc.": an ordinary word, but part of a body's name
        return (
            following is not None
            and following.is_capitalised
            and not statement[word.end : following.start].strip(" ")
            and not KINDS_OF_BODY.isdisjoint(_terms(following))
        )
    return True


def is_ordinary(folded: str) -> bool:
    """Whether a word in small letters is one that English writes small, compounds and adverbs included."""
    known = ordinary_words()
    if folded in known or folded.endswith("ly"):
        return True
    # several of a compound: carmakers, shareholders; one of them would stand behind an article
    return folded.endswith("s") and any(
        folded[:cut] in known and folded[cut:] in known for cut in range(3, len(folded) - 4)
    )


@dataclass(frozen=True, slots=True)
class Mentions:
    """A text's words, ready to be asked for names."""

    text: str
    terms: frozenset[str]
    written_small: frozenset[str]
    row: tuple[tuple[frozenset[str], bool], ...]  # (terms, is_capitalised) of each word in order
    initials: str  # first letters of its words; then, after a space, of those that are not small


@lru_cache(maxsize=2048)
def mentions(text: str) -> Mentions:
    """Read a cited text once."""
    found = words(text)
    row = tuple((_terms(word), word.is_capitalised) for word in found)
    everything = frozenset().union(*(terms for terms, _ in row))
    small = frozenset().union(*(terms for terms, is_capitalised in row if not is_capitalised))
    letters = [
        (word.text[0].casefold(), word.text.casefold() in _SMALL) for word in found if word.text[0].isalpha()
    ]
    everyone = "".join(letter for letter, _ in letters)
    content = "".join(letter for letter, is_small in letters if not is_small)
    return Mentions(text, everything, small, row, f"{everyone} {content}")


def _terms(word: Word) -> frozenset[str]:
    if word.terms:
        return frozenset(_SUFFIXES.get(term, term) for term in word.terms)
    bare = re.sub(r"['’]s?$", "", word.text.rstrip(".")).casefold()
    return frozenset([bare]) if bare else frozenset()


def missing(name: Name, cited: Mentions, statement: str) -> str | None:
    """Why ``cited`` does not mention a name, or None when it does.

    Args:
        statement: the whole statement, which may spell an acronym out itself.
    """
    absent = [word for word in name.words if not _occurs(word, cited, statement)]
    if absent and not _is_spelled_out(name, cited):
        return f"“{' '.join(word.text.rstrip('.') for word in absent)}” is not in the cited text"
    if not absent:
        for first, second in pairwise(name.words):
            if not _stand_together(first, second, cited):
                return f"“{first.text} {second.text.rstrip('.')}” does not stand so in the cited text"
    return None


def _occurs(word: Word, cited: Mentions, statement: str) -> bool:
    terms = _terms(word)
    if terms <= cited.terms:
        return True
    bare = re.sub(r"['’]s?$", "", word.text.rstrip(".")).replace(".", "")
    letters = bare.rstrip("s").casefold()
    if sum(map(str.isupper, bare)) >= 2 and 2 <= len(letters) <= 6:
        if (len(letters) > 2 or letters in _SHORT_FORMS) and letters in cited.initials:
            return True
        return expansion(bare, cited.text) is not None or expansion(bare, statement) is not None
    folded = bare.casefold()
    return any(_same_place(folded, other) for other in _capitalised(cited))


@lru_cache(maxsize=2048)
def _capitalised(cited: Mentions) -> frozenset[str]:
    return frozenset(
        re.sub(r"['’]s?$", "", word.text.rstrip(".")).casefold()
        for word in words(cited.text)
        if word.is_capitalised
    )


def _same_place(one: str, other: str) -> bool:
    """A country and its people: Canada and Canadian, Israel and Israeli, Italy and Italian."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    stem = _DEMONYM.sub("", longer)
    return (
        len(stem) >= 3 and len(shorter) >= 4 and stem != longer and stem == re.sub(r"[aeiouy]$", "", shorter)
    )


def _is_spelled_out(name: Name, cited: Mentions) -> bool:
    """ "Memorandum of Understanding" where the text has "MoU": the run's initials are one of its words."""
    letters = "".join(word.text[0].casefold() for word in name.words)
    return len(letters) >= 3 and letters in cited.terms


def _stand_together(first: Word, second: Word, cited: Mentions) -> bool:
    one, two = _terms(first), _terms(second)
    is_body = not KINDS_OF_BODY.isdisjoint(two)
    if not is_body and (
        one & cited.written_small
        or two & cited.written_small
        or _is_acronym(first)
        or _is_acronym(second)
        or _DEMONYM.search(first.text.casefold())
    ):
        return True  # "President Biden" of "Joe Biden, the president": a title, not part of the name
    if not (one <= cited.terms and two <= cited.terms):
        return True  # spelled another way: judged by `_occurs`
    for place, (terms, _) in enumerate(cited.row):
        if one <= terms:
            after = cited.row[place + 1 : place + 3]
            if after and two <= after[0][0]:
                return True
            if len(after) == 2 and two <= after[1][0] and after[0][1] and not is_body:
                return True  # a middle name or initial
    return False


def _is_acronym(word: Word) -> bool:
    return sum(map(str.isupper, word.text)) >= 2
