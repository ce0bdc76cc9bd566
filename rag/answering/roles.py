"""Whether a statement lets two names change places: "Bolt bought Acme" for "Acme bought Bolt".

All words are the article's own, so no comparison of words sees it, and a small encoder hardly does. Judged only against
a sentence that says nearly the same words; what English may move about is left alone: a name with its preposition ("in
Japan"), active and passive, lists, and who said something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from rag.answering import names
from rag.answering.lexicon import Word, words
from rag.answering.opposites import term_set

_SAME_WORDS = 0.85  # share of a statement's terms that the sentence must have before the two are compared
_ROLE = frozenset(
    "of in on at to from for with by into onto over under after before since until during against among between "
    "about as than near through across via without within toward towards behind beside besides like unlike per "
    "when while where because although though if once whereas that which who whose".split()
)
_SKIPPED = frozenset("the a an its his her their this that these those both all some many most new".split())
_ADJECTIVE = ("ern", "al", "ese", "ic", "ian")
_SAYING = re.compile(
    r"(?:said|says?|told|tells?|added|adds?|stated|states?|announced|reported|according to|wrote|noted|explained)"
)
_OWNS = re.compile(r"['’]s?$")
_LIST = re.compile(r"[\s,]*(?:(?:and|or|the|a|an|its|as well as|&)[\s,]*)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a name stands: its characters, the word that gives it its role ("" for a subject or an object)."""

    start: int
    end: int
    role: str
    speaks: bool


def exchanged(statement: str, sentences: list[str]) -> str | None:
    """Why the statement has two names in each other's place, or None.

    Args:
        statement: one statement.
        sentences: the cited sentences, each by itself.
    """
    said = term_set(statement)
    if len(said) < 2:
        return None
    shared = {sentence: len(said & term_set(sentence)) for sentence in sentences}
    most = max(shared.values(), default=0)
    if most < _SAME_WORDS * len(said):
        return None
    objections = [_exchanged_in(statement, sentence) for sentence, n in shared.items() if n == most]
    return objections[0] if all(objections) else None


def _exchanged_in(statement: str, cited: str) -> str | None:
    mine, theirs = _places(statement), _places(cited)
    mine, theirs = _opened(statement, mine, theirs), _opened(cited, theirs, mine)
    for first, second in combinations([key for key in mine if key in theirs], 2):
        if _reversed(mine[first], mine[second], statement, theirs[first], theirs[second], cited):
            return f"the cited text has “{first}” and “{second}” in each other's place"
    return None


def _opened(
    text: str, places: dict[str, tuple[_Place, ...]], others: dict[str, tuple[_Place, ...]]
) -> dict[str, tuple[_Place, ...]]:
    """The places and the opening word's, where that is an ordinary word but a name in the other text: "Apple"."""
    first = next(iter(words(text)), None)
    if first is None or not first.is_capitalised or first.text.endswith("."):
        return places
    key = _key(first)
    if key not in others or any(place.start == first.start for found in places.values() for place in found):
        return places
    opening = _Place(first.start, first.end, "of" if _OWNS.search(first.text) else "", False)
    return {**places, key: (opening, *places.get(key, ()))}


def _reversed(
    first: tuple[_Place, ...],
    second: tuple[_Place, ...],
    statement: str,
    first_there: tuple[_Place, ...],
    second_there: tuple[_Place, ...],
    cited: str,
) -> bool:
    if len(first) != 1 or len(second) != 1:
        return False  # said twice: who does what is more than their order
    one, two = sorted((first[0], second[0]), key=lambda place: place.start)
    ones, twos = (first_there, second_there) if one is first[0] else (second_there, first_there)
    if any(a.start < b.start for a in ones for b in twos):
        return False
    if any(a.role == one.role != "" for a in ones) or any(b.role == two.role != "" for b in twos):
        return False  # it moved along with its preposition
    if ("by" in (one.role, two.role)) != any(place.role == "by" for place in (*ones, *twos)):
        return False  # active and passive
    if one.speaks or two.speaks or any(place.speaks for place in (*ones, *twos)):
        return False
    return not (
        _LIST.fullmatch(statement[one.end : two.start])
        or any(_LIST.fullmatch(cited[b.end : a.start]) for a in ones for b in twos)
    )


@lru_cache(maxsize=2048)
def _places(text: str) -> dict[str, tuple[_Place, ...]]:
    """Every name of a text with its places; a name is known by its last word."""
    row = words(text)
    found: dict[str, list[_Place]] = {}
    for name in names.names_of(text):
        last = name.words[-1]
        owns = bool(_OWNS.search(last.text))
        place = next(number for number, word in enumerate(row) if word.start == name.words[0].start)
        start, end = name.words[0].start, last.end
        role = "of" if owns else _role(row[:place])
        around = text[max(0, start - 14) : start] + " | " + text[end : end + 14]
        found.setdefault(_key(last), []).append(_Place(start, end, role, bool(_SAYING.search(around))))
    return {key: tuple(places) for key, places in found.items()}


def _key(word: Word) -> str:
    return _OWNS.sub("", word.text.rstrip(".")).casefold()


def _role(before: list[Word]) -> str:
    """The preposition or the like that a name depends on, past its article and its adjectives."""
    near = [word.text.casefold() for word in reversed(before[-4:])]
    if "by" in near:
        return "by"  # past whatever the name is called, too: "by the engineer"
    for number, (folded, word) in enumerate(zip(near, reversed(before), strict=False)):
        if folded in _ROLE and not (folded == "that" and number == 0):
            return folded
        if not (folded in _SKIPPED or word.is_capitalised or folded.endswith(_ADJECTIVE)):
            break
    return ""
