"""Whether two sentences of different articles contradict each other on what was asked: rules first, then the reader.

A difference counts when both sentences answer the same question with values that cannot both be true (``values``), or
say otherwise the same words and turn them around, or put the same matter on different footings: a joint venture and a
letter of intent, decided and being considered, only here and there too. A number of last year's is no contradiction to
this year's, nor is what is said of somebody else. In doubt nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from functools import cache

from rag.answering import opposites, values
from rag.answering.answer_types import fits
from rag.answering.lexicon import terms
from rag.answering.question import Analysis
from rag.answering.values import Amount, When

SURE = (
    0.78  # the reader's probability that a sentence answers; look-alikes that answer something else have less
)
_SURER = 0.86  # the same, where the question's words do not stand in both
_ALIKE = 0.5  # share of the shorter sentence's terms that the other has, for what is judged by wording
_LEAST_SHARED = 2  # terms
_LONG_APART = 180  # days; what was so then may be otherwise now
_COPY = 0.8  # of two sentences' words in the same order: one is the other, edited
SEVERAL = ("list", "differences", "summary", "quote", "reason", "manner", "expansion")
_OF_STATUS = ("yesno", "definition", "differences", "summary")
_JOINT = re.compile(
    r"\b(?:joint (?:venture|company|firm)|merg(?:er|e|ed|es|ing)|takeover|tak(?:e|en|es|ing) over"
    r"|acqui(?:re|res|red|sition))\b",
    re.IGNORECASE,
)
_LOOSE = re.compile(
    r"\b(?:non-?binding|letters? of intent|memorand\w+|mou|partnership|cooperation|collaborat\w+|joint research"
    r"|preliminary (?:agreement|talks)|framework agreement|team(?:ing)? up|no joint venture)\b",
    re.IGNORECASE,
)
_ASKS_FOOTING = re.compile(
    r"\b(?:joint|ventures?|merg\w+|agree\w*|deals?|allianc\w+|partner\w*|cooperat\w+|binding)\b",
    re.IGNORECASE,
)
_UNBOUND = re.compile(
    r"\b(?:non-?binding|not (?:legally )?(?:binding|bound)|no obligations?|uncommitted"
    r"|without (?:any )?obligation)\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?:(?:legally|contractually) (?:bound|binding|obliged)|binding|bound by contract|firm commitment)\b",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"\b(?:unclear|unknown|not (?:yet )?(?:known|clear|decided|disclosed|announced|settled)|undecided|undisclosed"
    r"|uncertain|(?:has|have) yet to (?:say|decide|disclose|announce)|(?:did|does|do|would) not (?:say|disclose))\b",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"\b(?:(?<!not )(?<!yet )(?:laid out|set out|spelled out|disclosed|decided|settled|made clear|detailed|revealed"
    r"|published)|in detail)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:may|might|could|perhaps|possib\w+|considers?|considering|weigh\w*|explor\w*|look(?:s|ing)? into|undecided"
    r"|one idea|an idea|ideas?|option|study (?:whether|where|if)|examin\w+|in talks|whether)\b",
    re.IGNORECASE,
)
_DECIDED = re.compile(
    r"\b(?:will|shall|is to|are to|decided|agreed (?:to|on)|means? to|pledged|promised|committed|go(?:es)? ahead"
    r"|confirmed|has|have|intends? to|plans? to|is going to|are going to|signed)\b",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|solely|exclusively|nowhere else|nobody else)\b", re.IGNORECASE)
_ALSO = re.compile(
    r"\b(?:also|too|as well(?! as)|besides|in addition|additionally|not only)\b", re.IGNORECASE
)
_MOST = re.compile(
    r"\b(?:most(?: of)?|mainly|mostly|chiefly|largely|predominantly|the majority|majority of|the bulk)\b",
    re.IGNORECASE,
)
_ONE_ONLY = re.compile(
    r"\b(?:w[io]n|wins|winner|elected|first|last|\w+est|most|majority|capital|headquarter\w*|held|based|born|named|called"
    r"|found(?:ed|er|s)|invented|discovered|caused|flooded|take place|took place|where (?:is|was|will) the"
    r"|designed|built|wrote|written|directed|painted|composed|who (?:will|is to))\b",
    re.IGNORECASE,
)
_PHASES = {
    name: re.compile(rf"\b(?:{forms})\b", re.IGNORECASE)
    for name, forms in {
        "begin": r"beg[iau]n\w*|start\w*|open(?:s|ed|ing)?|launch\w*|inaugurat\w*",
        "end": r"end(?:s|ed|ing)?|clos(?:e|es|ed|ing)|finish\w*|conclud\w*|expir\w*",
        "decide": r"pass(?:es|ed)|approv\w*|adopt(?:s|ed)|decid\w*",
        "prepare": r"foundation stone|groundwork|laid|planned",
    }.items()
}
_STOPPED = re.compile(r"\b(?:stop(?:s|ped)?|ceased?|ended|halted)\b", re.IGNORECASE)
_NOBODY = re.compile(
    r"\b(?:nobody|no one|no-one|none|no (?:injuries|casualties|deaths|victims|damage))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Said:
    """One article's sentence about the question.

    Attributes:
        text: the sentence.
        span: the reader's exact answer in it, offsets into ``text``; None without one.
        answerable: the reader's probability (0..1) that the sentence answers the question.
        context: the sentence before it, or whatever says whom "they" means.
        names: terms of the names in its passage; empty where only the sentence is known.
        published: ISO date of its article.
    """

    text: str
    span: tuple[int, int] | None
    answerable: float
    context: str = ""
    names: frozenset[str] = frozenset()
    published: str | None = None

    @property
    def answer(self) -> str:
        """The exact answer, "" without one."""
        return self.text[self.span[0] : self.span[1]] if self.span else ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Why two sentences may contradict each other.

    Attributes:
        kind: the rule that found it.
        is_of_copies: the two say so much the same otherwise that nothing is left to judge.
    """

    kind: str
    is_of_copies: bool = False


def difference(analysis: Analysis, one: Said, other: Said) -> Difference | None:
    """What rules hold against two sentences being both true; None when nothing does.

    Args:
        analysis: the question both were found for.
    """
    if not may_be_compared(analysis, one, other):
        return None
    sure = min(one.answerable, other.answerable) >= SURE and analysis.kind not in SEVERAL
    if sure and one.span and other.span:
        typed = _by_answers(analysis, one, other)
        if isinstance(typed, Difference):
            return typed
        if typed is False:
            return _on_another_footing(analysis, one, other)
    return _by_wording(analysis, one, other, sure)


def may_be_compared(analysis: Analysis, one: Said, other: Said) -> bool:
    """Whether two sentences are neither the same nor of articles about other events."""
    return not _says_same(one.text, other.text) and not _of_other_events(analysis, one, other)


def _says_same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _of_other_events(analysis: Analysis, one: Said, other: Said) -> bool:
    """Whether the articles are too far apart, in time or in whom they speak of, to mean the same event."""
    if one.published and other.published:
        apart = date.fromisoformat(one.published) - date.fromisoformat(other.published)
        if abs(apart.days) > _LONG_APART:
            return True
    # "When is the election?" is asked of no election in particular
    is_general = not analysis.names and not analysis.numbers
    known = min(len(one.names), len(other.names)) > _LEAST_SHARED
    return is_general and known and len(one.names & other.names) < _LEAST_SHARED


def _by_answers(analysis: Analysis, one: Said, other: Said) -> Difference | bool | None:
    """Compare two exact answers: a Difference, False where they can both be right, None where they are no values."""
    assert one.span is not None and other.span is not None
    mine, theirs = values.amounts_at(one.text, one.span), values.amounts_at(other.text, other.span)
    when, when_ = values.times_at(one.text, one.span), values.times_at(other.text, other.span)
    weekdays = any(time.weekday for time in (*when, *when_))
    if ((mine and theirs) or (when and when_)) and _speaks_of_else(analysis, one, other, weekdays):
        return False
    if mine and theirs:
        return _by_amounts(one, other, mine, theirs)
    if when and when_:
        return _by_times(one, other, when, when_)
    if bool(mine) != bool(theirs) or bool(when) != bool(when_):
        return None
    if not (fits(analysis, one.answer) and fits(analysis, other.answer)):
        return None
    shared = frozenset(terms(one.answer)) & frozenset(terms(other.answer))
    if shared - frozenset(analysis.terms):
        # "Mibe" and "Toshihiro Mibe"; but two models of one maker are two
        mine_, theirs_ = frozenset(terms(one.answer)), frozenset(terms(other.answer))
        return False if mine_ <= theirs_ or theirs_ <= mine_ else None
    if values.is_name(one.answer) and values.is_name(other.answer):
        return _by_names(analysis, one, other)
    return None


def _speaks_of_else(analysis: Analysis, one: Said, other: Said, weekdays: bool) -> bool:
    """Whether one sentence may be about another matter, with a figure or date of its own.

    It looks at another point of the event; or it lacks a word of the question that the other has, and the reader is
    not all that sure of it (a weekday is news of the day, and seldom another's).
    """
    phases, phases_ = _phases(one.text), _phases(other.text)
    if phases and phases_ and phases.isdisjoint(phases_):
        return True
    differs = _asked_of(analysis, one) != _asked_of(analysis, other)
    return differs and not weekdays and min(one.answerable, other.answerable) < _SURER


def _asked_of(analysis: Analysis, said: Said) -> frozenset[str]:
    """The question's words, but for names, that a sentence has."""
    return (frozenset(analysis.terms) - frozenset(analysis.names)) & opposites.term_set(said.text)


def _phases(text: str) -> frozenset[str]:
    """At which points of an event a sentence looks: what has begun, ended or been decided on are three dates."""
    return frozenset(name for name, pattern in _PHASES.items() if pattern.search(text))


def amounts_agree(one: Said, other: Said) -> bool:
    """Whether an amount of the one's answer may be one that the other tells anywhere, or the other way round."""
    return any(
        values.compatible(values.amounts_at(said.text, said.span), values.amounts(against.text))
        for said, against in ((one, other), (other, one))
    )


def times_agree(one: Said, other: Said) -> bool:
    """Whether a time of the one's answer is one that the other tells anywhere, or the other way round."""
    return any(
        values.same_time(a, b)
        for said, against in ((one, other), (other, one))
        for a in values.times_at(said.text, said.span)
        for b in values.times(against.text)
    )


def _by_amounts(
    one: Said, other: Said, mine: Sequence[Amount], theirs: Sequence[Amount]
) -> Difference | bool:
    if amounts_agree(one, other):
        return False
    if not any(values.amounts_clash(a, b, same_noun=False) for a in mine for b in theirs):
        return False
    if one.span and other.span and values.says_other_time(one.text, other.text, (one.span, other.span)):
        return False
    return Difference("amount")


def _by_times(one: Said, other: Said, when: Sequence[When], when_: Sequence[When]) -> Difference | bool:
    if not any(values.times_clash(a, b) for a in when for b in when_):
        return False
    return False if times_agree(one, other) else Difference("date")


def _by_names(analysis: Analysis, one: Said, other: Said) -> Difference | bool | None:
    if values.says_other_time(one.text, other.text) or min(one.answerable, other.answerable) < SURE:
        return False
    if analysis.role:
        # who holds the office: both must name it, a chairman is no chief executive
        asked = frozenset(analysis.terms) - frozenset(analysis.names)
        if (asked & frozenset(terms(one.text))) != (asked & frozenset(terms(other.text))):
            return False
        return Difference("person")
    # several may drop out, speak or sell; only one wins, and a meeting is held in one place
    if not _ONE_ONLY.search(analysis.text):
        return None
    return Difference("name")


def _on_another_footing(analysis: Analysis, one: Said, other: Said) -> Difference | None:
    """The same answer here and there, but settled in the one and open in the other."""
    if values.says_other_time(one.text, other.text):
        return None
    mine, theirs = opposites.term_set(one.text), opposites.term_set(other.text)
    return _footing(analysis, one, other, mine & theirs, _are_alike(mine, theirs), sure=False)


def _are_alike(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    shared = len(mine & theirs)
    return shared >= _LEAST_SHARED and shared >= _ALIKE * min(len(mine), len(theirs))


def _by_wording(analysis: Analysis, one: Said, other: Said, sure: bool) -> Difference | None:
    """Sentences that speak of the same in much the same words, or on the same question, and turn it around."""
    if values.says_other_time(one.text, other.text):
        return None
    mine, theirs = opposites.term_set(one.text), opposites.term_set(other.text)
    shared = mine & theirs
    alike = _are_alike(mine, theirs)
    is_copy = len(shared) >= 2 * _LEAST_SHARED and (
        SequenceMatcher(None, one.text.split(), other.text.split(), autojunk=False).ratio() >= _COPY
    )
    found = _footing(analysis, one, other, shared, alike, sure) or _turned_around(
        analysis, one, other, mine, theirs, alike, sure
    )
    return replace(found, is_of_copies=True) if found is not None and is_copy else found


def _turned_around(
    analysis: Analysis,
    one: Said,
    other: Said,
    mine: frozenset[str],
    theirs: frozenset[str],
    alike: bool,
    sure: bool,
) -> Difference | None:
    """Opposite words, a "not" too many, other figures in the same words; or what only the reader can tell."""
    asked = frozenset(analysis.terms)
    # "sales rose", "profit fell": what was asked about stands in one of the two only
    parted = ((asked & mine) ^ (asked & theirs)) - _turning_words()
    named, named_ = values.bodies(one.text).keys(), values.bodies(other.text).keys()
    if named - named_ and named_ - named:
        return None  # what one did and another did not is no contradiction
    if alike and not parted and opposites.swapped(one.text, other.text):
        return Difference("opposite")
    if alike and not parted and _denied(one.text) != _denied(other.text):
        return Difference("negation")
    if sure and bool(_NOBODY.search(one.text)) != bool(_NOBODY.search(other.text)):
        counted = other if _NOBODY.search(one.text) else one
        if values.amounts(counted.text):
            return Difference("none")
    if alike and not parted:
        figures = _figures_differ(one.text, other.text)
        if figures:
            return Difference("amount")
    return None


def _footing(
    analysis: Analysis, one: Said, other: Said, shared: frozenset[str], alike: bool, sure: bool
) -> Difference | None:
    """How settled, how binding, how wide a thing is said to be: the words for it differ, not a value."""
    for said, against in ((one, other), (other, one)):
        text, text_ = said.text, against.text
        if _UNBOUND.search(text) and _BOUND.search(_UNBOUND.sub(" ", text_)) and not _UNBOUND.search(text_):
            return Difference("binding")
        if _UNKNOWN.search(text) and _KNOWN.search(text_) and not _UNKNOWN.search(text_) and len(shared) >= 2:
            return Difference("known")
        if (
            _ONLY.search(text)
            and _ALSO.search(text_)
            and not _ONLY.search(text_)
            and len(shared) >= 2
            and analysis.kind not in SEVERAL
        ):
            return Difference("only")
        if (
            _is_joint(said, against)
            and _same_parties(said, against)
            and (
                (analysis.kind in _OF_STATUS and _ASKS_FOOTING.search(analysis.text))
                or _answers_with(said, _JOINT)
                or _answers_with(against, _LOOSE)
            )
        ):
            return Difference("footing")
        # names alone are shared by all that is said of somebody
        matter = shared - values.name_terms(text) - values.name_terms(text_)
        decides = _DECIDED.search(text_) and not _OPEN.search(text_)
        if (
            alike
            and len(matter) >= _LEAST_SHARED
            and decides
            and _OPEN.search(text)
            and not _DECIDED.search(text)
            and (analysis.kind in _OF_STATUS or analysis.kind in ("thing", "manner"))
        ):
            # the reader hardly hears the difference between "will" and "may"
            return Difference("settled", is_of_copies=len(matter) > _LEAST_SHARED)
    likely = min(one.answerable, other.answerable) >= _ALIKE and max(one.answerable, other.answerable) >= SURE
    if likely and len(shared) >= _LEAST_SHARED and _MOST.search(one.text) and _MOST.search(other.text):
        return Difference("most")
    return None


def _is_joint(said: Said, against: Said) -> bool:
    """A joint venture or a merger here, and only something looser there."""
    return bool(
        _JOINT.search(said.text)
        and not _LOOSE.search(said.text)
        and _LOOSE.search(against.text)
        and not _JOINT.search(against.text)
    )


def _answers_with(said: Said, phrase: re.Pattern[str]) -> bool:
    if said.span is None or said.answerable < _ALIKE:
        return False
    return any(
        match.start() < said.span[1] and said.span[0] < match.end() for match in phrase.finditer(said.text)
    )


def _names_another_body(one: Said, other: Said) -> bool:
    """Whether both name a body alike but of another kind: Mitsubishi Motors, Mitsubishi Corporation."""
    mine, theirs = values.bodies(one.text), values.bodies(other.text)
    return any(
        mine[name] and theirs[name] and not mine[name] & theirs[name] for name in mine.keys() & theirs.keys()
    )


def _same_parties(one: Said, other: Said) -> bool:
    """Whether both name the same two or more bodies."""
    mine, theirs = values.bodies(one.text), values.bodies(other.text)
    mine, theirs = mine or values.bodies(one.context), theirs or values.bodies(other.context)
    return len(mine) >= _LEAST_SHARED and mine.keys() == theirs.keys() and not _names_another_body(one, other)


@cache
def _turning_words() -> frozenset[str]:
    return frozenset(word for pair in opposites.pairs() for word in pair)


def _denied(text: str) -> bool:
    """Whether a sentence says "not"; what has stopped is not any more either."""
    return opposites.negations(text) > 0 or bool(_STOPPED.search(text))


def _figures_differ(one: str, other: str) -> bool:
    mine, theirs = values.amounts(one), values.amounts(other)
    if not mine or not theirs or values.compatible(list(mine), theirs):
        return False
    return any(values.amounts_clash(a, b) for a in mine for b in theirs)
