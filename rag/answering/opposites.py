"""Whether a statement turns what a text says around or up: a "not" too many, "rose" for "fell", "will" for "may".

Only judged against a sentence that otherwise says the same words, so that it stays silent where it cannot know.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rag.answering.lexicon import stem, terms

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|unable|fail(?:s|ed)? to|refus(?:e|es|ed) to|"
    r"den(?:y|ies|ied)|reject(?:s|ed)?|ruled? out)\b|n['’]t\b|\bnon-\w+",
    re.IGNORECASE,
)
# "not only … but", "no longer than", "no doubt" negate nothing of what is said
_NO_NEGATION = re.compile(
    r"\bnot only\b|\bnot just\b|\bno doubt\b|\bwhether or not\b|\bnot least\b", re.IGNORECASE
)
_WILL = re.compile(
    r"\b(?:will|shall|is going to|are going to|is set to|are set to)\b|['’]ll\b", re.IGNORECASE
)
_MAY = re.compile(
    r"\b(?:may|might|could|would|perhaps|possib\w+|potential\w*|probabl\w+|likely|consider\w*|weigh\w*|explor\w*|"
    r"hope[sd]?|intend\w*|want[s]?|plan(?:s|ned|ning)?|aim[s]?|expect\w*|look(?:s|ing)? into|thinks?|unclear)\b"
)
_ONLY = re.compile(r"\b(?:only|solely|exclusively|sole|alone)\b", re.IGNORECASE)
_SAME_SUBJECT = (
    0.5  # share of a statement's terms in the sentence that it is held against for "will" and "may"
)
_PAIRS = """
    rose fell, rise fall, rises falls, risen fallen, increase decrease, increase decline, grew shrank, grow shrink,
    gain loss, profit loss, win lose, won lost, more less, more fewer, higher lower, highest lowest, larger smaller,
    largest smallest, bigger smaller, before after, earlier later, above below, over under, accept reject, accepted
    rejected, approve reject, approved rejected, open close, opened closed, begin end, began ended, start stop, started
    stopped, buy sell, bought sold, import export, arrive leave, first last, oldest youngest, older younger, longest
    shortest, best worst, better worse, male female, north south, northern southern, east west, eastern western,
    legal illegal, possible impossible, likely unlikely, expand reduce, raise lower, raised lowered, raise cut, raised
    cut, hired fired, joined left, succeed fail, succeeded failed, true false, strengthen weaken, strong weak, fast
    slow, faster slower, always never, alive dead, born died, married divorced, guilty innocent, positive negative,
    upgrade downgrade, include exclude, minimum maximum, least most, cheap expensive, cheaper dearer, public private,
    binding voluntary, permanent temporary, up down, upward downward, add remove, added removed, accelerate slow,
    accelerated slowed, support oppose, supported opposed, allow ban, allowed banned, permit forbid, deny confirm,
    denied confirmed, success failure, advantage disadvantage, agree disagree, agreed disagreed, hot cold, wide narrow,
    inside outside, domestic foreign, majority minority, early late, top bottom, remain leave, rising falling,
    increasing decreasing, growing shrinking, keep stop, continue stop, continue end, enter exit, hire fire, create cut
"""
SAME_WORDS = 0.75  # share of a statement's terms that one sentence must have before the two are compared


@lru_cache(maxsize=4096)
def term_set(text: str) -> frozenset[str]:
    """The content terms of a text, remembered: a statement is held against many sentences, a sentence by many."""
    return frozenset(terms(text))


@lru_cache(maxsize=1)
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.split(","):
        one, other = (_key(word) for word in pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


@lru_cache(maxsize=1)
def pairs() -> frozenset[tuple[str, str]]:
    """The pairs of opposites, as stems."""
    return frozenset((_key(one), _key(other)) for one, other in (pair.split() for pair in _PAIRS.split(",")))


def _key(word: str) -> str:
    return stem(word.casefold())


@lru_cache(maxsize=4096)
def _keys(text: str) -> frozenset[str]:
    return frozenset(_key(word) for word in re.findall(r"[^\W\d_]+", text))


def negations(text: str) -> int:
    """How often a text says "not", in whatever form."""
    return len(_NEGATION.findall(_NO_NEGATION.sub(" ", text)))


def swapped(one: str, other: str) -> bool:
    """Whether one text has a word where the other has its opposite."""
    mine, theirs = _keys(one), _keys(other)
    return any(_opposites().get(word, frozenset()) & (theirs - mine) for word in mine - theirs)


def overstated(statement: str, sentences: list[str]) -> str | None:
    """Why the statement claims more than the sentence nearest to it: "will" for "may", "only" where none says so."""
    if _ONLY.search(statement) and not any(_ONLY.search(sentence) for sentence in sentences):
        return "the cited text does not say “only”"
    said = term_set(statement)
    nearest = max(sentences, key=lambda sentence: len(said & term_set(sentence)), default="")
    heard = term_set(nearest)
    if len(said & heard) < _SAME_SUBJECT * len(said) or not _WILL.search(statement) or _MAY.search(statement):
        return None
    if _MAY.search(nearest) and not _WILL.search(nearest):
        return "the cited text says that it may be so, not that it will"
    return None


def turned(statement: str, sentences: list[str]) -> str | None:
    """Why the statement says the opposite of the sentence nearest to it, or None.

    Args:
        statement: one statement.
        sentences: the cited sentences, each by itself.
    """
    said = term_set(_NEGATION.sub(" ", statement))
    if len(said) < 2:
        return None
    nearest = max(sentences, key=lambda sentence: len(said & term_set(sentence)), default="")
    heard = term_set(nearest)
    opposites = _opposites()
    words, other_words = _keys(statement), _keys(nearest)
    swapped = sorted(
        (word, other)
        for word in words & opposites.keys()
        if word not in other_words
        for other in opposites[word] & other_words - words
    )
    shared = len(said & heard) / len(said)
    if swapped and shared >= SAME_WORDS - 1 / len(said):  # the swapped word itself cannot be shared
        return f"the cited text says “{swapped[0][1]}…” where the statement says “{swapped[0][0]}…”"
    denies, denied = negations(statement) > 0, negations(nearest) > 0
    if shared < SAME_WORDS or denies == denied:
        return None
    if denies:
        return "the statement denies it, the cited text does not"
    # a longer sentence may negate something else than what is said here
    return "the cited text denies it" if len(heard) <= 1.5 * len(said) else None
