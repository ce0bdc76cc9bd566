"""Whether cited text supports a statement: exact checks that no model can talk past, then the reader's judgement.

Every figure, date, amount, unit and proper name of the statement must occur in the cited text (``facts``, ``names``),
it may not be turned into its opposite (``opposites``) nor who did what to whom (``roles``), and none of its clauses may
be in words of its own altogether. Then the reader's support head says how likely the text supports it; without a reader
the share of its words does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from rag.answering import facts, names, opposites, roles
from rag.answering.facts import Day, Facts, Figure
from rag.answering.lexicon import words
from rag.chunking.sentences import split_sentences
from rag.models.reader import Reader

Kind: TypeAlias = Literal["number", "unit", "date", "name", "opposite", "roles", "words", "support", "empty"]

# Share of a statement's content words that the cited text must have where there is no reader; chosen on the
# development half of AttributionBench, see eval/generators/README.md.
SIMILAR_ABOVE = 0.75
# A reader's own threshold weighs what it misses against what it lets through; what is shown as verified may miss more.
LEAST_SUPPORT = 0.5
# What a model adds that no article says comes in words of its own, often as a clause at the side: ", which is a key
# factor in …". Chosen on the training sets of support, see eval/generators/README.md.
WORDS_SHARED = 0.6  # of a statement's content words, at least
_CLAUSE_SHARED = 0.34  # of a clause's
_SHORT = 12  # common words; a longer statement may well say one of them again
# Words of its own make a statement need more support, by their share: "the harbour opened" over "the plant opened" is
# what the head lets through most. Chosen on AttributionBench and BEGIN, see eval/generators/README.md.
_NEW_WORDS_NEED = 0.5
_CLAUSES = re.compile(
    r"[,;:]\s+|\s+[-–—]\s+|\s+\(|\s+(?=(?:which|who|whose|because|although|though|while|whereas|since|so that)\b)"
)
_WORDS = re.compile(r"[^\W_]+|[%$€£¥]")
_TWO = frozenset("both pair couple twin duo twice double either other".split())


@dataclass(frozen=True, slots=True)
class Objection:
    """Something in a statement that the cited text does not bear out.

    Attributes:
        kind: which check found it.
        text: the words of the statement it is about.
        reason: why, in words for the person who reads the answer.
    """

    kind: Kind
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of one statement.

    Attributes:
        support: probability (0..1) that the cited text supports it, whatever the exact checks say.
        objections: empty when it is verified.
    """

    support: float
    objections: tuple[Objection, ...]

    @property
    def is_supported(self) -> bool:
        """Nothing speaks against showing it."""
        return not self.objections


def verify(statement: str, quotes: Sequence[str], reader: Reader | None) -> Verification:
    """Check one statement against the texts it cites, taken together.

    Args:
        statement: one sentence of an answer, without citation marks.
        quotes: the cited texts, each as it stands in its article.
        reader: judges the meaning; None: the share of words does.
    """
    return verify_all([(statement, quotes)], reader)[0]


def verify_all(pairs: Sequence[tuple[str, Sequence[str]]], reader: Reader | None) -> list[Verification]:
    """`verify` for many (statement, quotes); the reader reads all of them in one go."""
    objections = [
        exact_objections(statement, quotes) or word_objections(statement, quotes)
        for statement, quotes in pairs
    ]
    if reader is None:
        supports = [similarity(statement, quotes) for statement, quotes in pairs]
        above = SIMILAR_ABOVE
    else:
        copied = [is_copy(*pair) for pair in pairs]
        claims = [
            (statement, "\n".join(quotes))
            for (statement, quotes), is_copied in zip(pairs, copied, strict=True)
            if not is_copied
        ]
        judged = iter(reader.support(claims) if claims else ())
        supports = [1.0 if is_copied else next(judged)[0] for is_copied in copied]
        above = supported_above(reader)
    needed = [above + (_NEW_WORDS_NEED * _new_words(*pair) if reader else 0.0) for pair in pairs]
    return [
        Verification(support, found if support >= least or found else (_unsupported(statement),))
        for (statement, _), support, least, found in zip(pairs, supports, needed, objections, strict=True)
    ]


def is_copy(statement: str, quotes: Sequence[str]) -> bool:
    """Whether a statement is one of the cited sentences, word for word: nothing is left to judge."""
    said = _bare(statement)
    return bool(said) and any(said == _bare(sentence) for quote in quotes for sentence in _sentences(quote))


@lru_cache(maxsize=2048)
def _bare(text: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(text.casefold()))


def supported_above(reader: Reader | None) -> float:
    """The support from which a statement counts as supported."""
    if reader is None:
        return SIMILAR_ABOVE
    return max(float(getattr(reader, "supported_above", LEAST_SUPPORT)), LEAST_SUPPORT)


def _unsupported(statement: str) -> Objection:
    return Objection("support", statement, "the cited text does not say this")


def exact_objections(statement: str, quotes: Sequence[str]) -> tuple[Objection, ...]:
    """What the exact checks hold against a statement."""
    if not any(map(str.isalnum, statement)):
        return (Objection("empty", statement, "it says nothing"),)
    if not any(quote.strip() for quote in quotes):
        return (Objection("empty", statement, "it cites nothing"),)
    cited = "\n".join(quotes)
    said, given = facts.facts_of(statement), facts.facts_of(cited)
    objections = [
        *_figure_objections(said, given, cited),
        *_date_objections(said, given),
        *_name_objections(statement, cited),
    ]
    sentences = _sentences(cited)
    turned = opposites.turned(statement, sentences) or opposites.overstated(statement, sentences)
    if turned:
        objections.append(Objection("opposite", statement, turned))
    swapped = roles.exchanged(statement, sentences)
    if swapped:
        objections.append(Objection("roles", statement, swapped))
    return tuple(objections)


@lru_cache(maxsize=2048)
def _sentences(text: str) -> list[str]:
    return [text[sentence.start : sentence.end] for sentence in split_sentences(text)]


def _figure_objections(said: Facts, given: Facts, cited: str) -> list[Objection]:
    found = []
    years = {day.year for day in given.days if day.year} | {day.day for day in given.days if day.day}
    for figure in said.figures:
        if figure.is_word and figure.value == 1:
            continue  # "one of them"
        same = [other for other in given.figures if _same_value(figure, other)]
        if any(_same_unit(figure, other) for other in same):
            continue
        if same:
            found.append(
                Objection("unit", figure.text, f"“{figure.text}” has another unit in the cited text")
            )
        elif not (_is_two_of_them(figure, cited) or (figure.value in years and not figure.unit)):
            found.append(Objection("number", figure.text, f"“{figure.text}” is not in the cited text"))
    return found


def _is_two_of_them(figure: Figure, cited: str) -> bool:
    return figure.is_word and figure.value == 2 and not _TWO.isdisjoint(cited.lower().split())


def _same_value(one: Figure, other: Figure) -> bool:
    if one.value == other.value:
        return True
    # a third is 33.3 percent and 33 percent
    shares = one.unit == other.unit == "%" and (one.is_word or other.is_word)
    return shares and abs(one.value - other.value) < 1


def _same_unit(one: Figure, other: Figure) -> bool:
    if one.unit == other.unit or not one.unit:
        return True
    # "in its third quarter": what counts as a unit here may stand elsewhere there, but money and shares are said
    return not other.unit and one.unit not in ("%", *facts.CURRENCIES)


def _date_objections(said: Facts, given: Facts) -> list[Objection]:
    found = []
    figures = {figure.value for figure in given.figures}
    years = {day.year for day in given.days if day.year}
    for day in said.days:
        if day.month is None:
            known = day.year in years or day.year in figures
        else:
            known = any(_agrees(day, other, years) for other in given.days)
        if not known:
            found.append(Objection("date", day.text, f"the date “{day.text}” is not in the cited text"))
    return found


def _agrees(said: Day, other: Day, years: set[int]) -> bool:
    """Whether a date is the other one, or a part of it; the year may be told elsewhere in the same text."""
    if said.month != other.month or (said.day is not None and said.day != other.day):
        return False
    if said.year is None or said.year == other.year:
        return True
    return other.year is None and said.year in years


def _name_objections(statement: str, cited: str) -> list[Objection]:
    text = names.mentions(cited)
    found = []
    for name in names.names_of(statement):
        reason = names.missing(name, text, statement)
        if reason:
            found.append(Objection("name", name.text, reason))
    return found


def word_objections(statement: str, quotes: Sequence[str]) -> tuple[Objection, ...]:
    """Wording that is hardly in the cited text, of the whole or of one of its clauses; a word said once too often."""
    heard = frozenset[str]().union(*(opposites.term_set(quote) for quote in quotes))
    clauses = [(clause, _CLAUSE_SHARED) for clause in _CLAUSES.split(statement)]
    for clause, least in [*clauses, (statement, WORDS_SHARED)]:
        said = opposites.term_set(clause)
        if len(said) >= 2 and len(said & heard) < least * len(said):
            wording = clause.strip(" ,;:.()")
            return (Objection("words", wording, f"“{wording}” is not what the cited text says"),)
    again = _said_again(statement, quotes)
    return (
        (Objection("words", statement, f"it says “{again}” more often than the cited text"),) if again else ()
    )


def _said_again(statement: str, quotes: Sequence[str]) -> str | None:
    """A common word that a short statement has twice and its source once: "the company will be owned by the company".

    Two things of the text were made one, or the model has begun to repeat itself.
    """
    found = [
        word for word in words(statement) if word.terms and not word.is_capitalised and not word.is_number
    ]
    if len(found) > _SHORT:
        return None
    said = Counter(word.terms for word in found)
    again = {terms for terms, n in said.items() if n > 1}
    if not again:
        return None
    given = Counter(word.terms for quote in quotes for word in words(quote))
    return next(
        (word.text for word in found if word.terms in again and given[word.terms] < said[word.terms]), None
    )


def _new_words(statement: str, quotes: Sequence[str]) -> float:
    """Share of a statement's content words that the quotes do not have, 0..1."""
    return 1.0 - similarity(statement, quotes) if opposites.term_set(statement) else 0.0


def similarity(statement: str, quotes: Sequence[str]) -> float:
    """Share of the statement's content words that the quotes have, 0..1: what is left to judge by without a reader."""
    said = opposites.term_set(statement)
    heard = frozenset[str]().union(*(opposites.term_set(quote) for quote in quotes))
    return len(said & heard) / len(said) if said else 0.0
