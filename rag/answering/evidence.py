"""How likely each found sentence is to answer the question: a handful of readable features and one logistic regression.

The features say how near the sentence is to the question, how much of the question it and its passage cover, whether
it holds the kind of thing asked for, and - when the reader is there - what the reader makes of the passage. The weights
were fitted by ``eval/calibrate.py`` and are kept in ``calibration.json`` beside this file, with the data they come from
and the precision and recall of their threshold. Names and numbers the question insists on are no feature but a gate
(``gate.py``): an article that never mentions Tesla cannot say who runs it.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rag.answering import answer_types
from rag.answering.lexicon import Word, same_term, terms, words, written_as_names
from rag.answering.question import Analysis
from rag.types import Hit, ScoredSentence

if TYPE_CHECKING:
    from rag.models.reader import Reading

FEATURES = (
    "similarity",  # cosine of question and sentence
    "passage_similarity",  # cosine of question and chunk
    "coverage",  # share of the question's terms in the sentence, names counting double
    "telling_coverage",  # the same, each term weighted by how few of the found sentences have it
    "passage_coverage",  # share of the question's terms in the passage and title
    "type_match",  # the sentence holds the kind of thing asked for
    "names_in_sentence",  # share of the question's names in the sentence
    "new_terms",  # log of 1 + how many terms it adds to the question's own; an echo adds none
)
READER_FEATURES = (
    *FEATURES,
    "answerable",  # log-odds of the reader's calibrated answerability of the passage
    "evidence",  # the reader's evidence score of the passage (logit)
    "sentence_evidence",  # the reader's evidence for this sentence
    "selection",  # log-odds that the sentence is one of those that answer, by the reader's selection head
    "span_here",  # the reader's best span lies in this sentence
)
# A line of its own that is neither a sentence nor an item of a list is a heading - unless it is a name (a byline).
_ENDS = re.compile(r"[.!?…:;][”\"’')\]]*$")
_ITEM = re.compile(r"^(?:\d{1,2}[.)]|[-*•–])\s")
_LOOKS_LIKE_A_NAME = re.compile(r"(?:By )?[A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*){1,3}")
_HEADING_WORDS = 14
_PROOF = 0.99
_NEAR = 0.3  # cosine; unrelated English sentences stay below it with this encoder
_SURE = (
    0.6  # calibrated probability that the passage answers; chosen on 400 questions of squad2, eval/README.md
)
_NAME_WEIGHT = 2.0  # a name identifies what is asked about; an ordinary word has synonyms


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a Hit with the probability that it answers the question.

    Attributes:
        span: the reader's exact answer inside the sentence, offsets into the document's text, or None.
        is_sure: the reader found its span here and takes the passage, read by itself, to answer the question.
    """

    hit: Hit
    sentence: ScoredSentence
    probability: float
    features: tuple[float, ...]
    span: tuple[int, int] | None = None
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression over named features."""

    weights: tuple[float, ...]
    bias: float

    def probability(self, features: Sequence[float]) -> float:
        """0..1; ``features`` in the order of the weights."""
        value = self.bias + sum(weight * one for weight, one in zip(self.weights, features, strict=True))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, value))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the shipped weights make of the features.

    Attributes:
        sentence: P(this sentence answers the question), from the sentence's features.
        question: P(the articles answer the question), from ``question_features``.
        threshold: the probability of ``question`` from which an answer is shown.
    """

    sentence: Regression
    question: Regression
    threshold: float


@lru_cache(maxsize=2)
def calibration(with_reader: bool) -> Calibration:
    """The shipped calibration, for answering with or without the reader."""
    text = resources.files("rag.answering").joinpath("calibration.json").read_text("utf-8")
    entry: Mapping[str, Any] = json.loads(text)["with_reader" if with_reader else "without_reader"]
    names = READER_FEATURES if with_reader else FEATURES
    return Calibration(
        sentence=_regression(entry["sentence"], names),
        question=_regression(entry["question"], question_feature_names(names)),
        threshold=float(entry["threshold"]),
    )


def question_feature_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of ``question_features``, given those of a sentence's features."""
    tops = tuple(f"top_{name}" for name in names if name in READER_FEATURES[len(FEATURES) : -1])
    return ("best", "second", *tops, *names)


def _regression(entry: Mapping[str, Any], names: Sequence[str]) -> Regression:
    return Regression(tuple(float(entry["weights"][name]) for name in names), float(entry["bias"]))


class Material:
    """The words of the found passages, taken apart once per question.

    Args:
        hits: the passages; ``passages`` and ``sentences`` follow their order.
    """

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = tuple(hits)
        self.passages: list[frozenset[str]] = []
        self.sentences: list[list[frozenset[str]]] = []
        names: set[str] = set()
        plain: set[str] = set()
        for hit in hits:
            found = words(hit.text)
            self.sentences.append(_by_sentence(hit, found))
            self.passages.append(frozenset(terms(hit.title)).union(*self.sentences[-1]))
            named, written_plainly = written_as_names(hit.text, found)
            names |= named
            plain |= written_plainly
        self.vocabulary = frozenset().union(*self.passages)
        self._count = Counter(term for passage in self.sentences for sentence in passage for term in sentence)
        self._total = sum(map(len, self.sentences))
        self.names = frozenset(names - plain)

    def rarity(self, term: str) -> float:
        """How telling a term is among the found sentences: the log of 1 + sentences over those that have it."""
        return math.log(1 + self._total / (1 + self._count[term]))

    def corrected(self, analysis: Analysis) -> Analysis:
        """The analysis with terms that occur in no passage replaced by one that differs by a slip of the finger."""

        def mend(term: str) -> str:
            if term in self.vocabulary or len(term) < 5:
                return term
            near = sorted(other for other in self.vocabulary if same_term(term, other))
            return near[0] if near else term

        return replace(
            analysis,
            terms=tuple(dict.fromkeys(mend(term) for term in analysis.terms)),
            names=tuple(dict.fromkeys(mend(name) for name in analysis.names)),
        )


def weigh(
    analysis: Analysis,
    material: Material,
    readings: Sequence[Reading] | None,
    passes: Callable[[int], bool],
    model: Calibration,
) -> list[Evidence]:
    """Score every sentence of every hit, best first.

    Args:
        analysis: what the question asks for.
        material: the found passages.
        readings: one per hit when a reader ran, else None.
        passes: the gate, by the hit's position; sentences of a hit that fails it are left out.
        model: the calibration to use.
    """
    found = []
    for position, hit in enumerate(material.hits):
        if not passes(position):
            continue
        reading = readings[position] if readings is not None else None
        for number, sentence in enumerate(hit.sentences):
            if not may_answer(analysis, material, position, number):
                continue
            features = features_of(analysis, material, position, number, reading)
            # an acronym that is spelled out is proof, however far the sentence is from the question otherwise
            probability = _PROOF if analysis.kind == "expansion" else model.sentence.probability(features)
            span = _span_in(hit, sentence, reading)
            is_sure = reading is not None and span is not None and reading.answerable >= _SURE
            found.append(Evidence(hit, sentence, probability, features, span, is_sure))
    return sorted(
        found, key=lambda evidence: (-evidence.probability, evidence.hit.rank, evidence.sentence.start)
    )


def confidence(analysis: Analysis, weighed: Sequence[Evidence], model: Calibration) -> float:
    """The probability (0..1) that the weighed sentences, best first, answer the question."""
    if not weighed or _is_unrelated(weighed):
        return 0.0
    if analysis.kind == "expansion":
        return _PROOF
    return model.question.probability(question_features(weighed))


def _is_unrelated(weighed: Sequence[Evidence]) -> bool:
    """No word of the question in any passage and no sentence near it: a greeting, a slip on the keyboard."""
    shared = max(item.features[FEATURES.index("passage_coverage")] for item in weighed)
    nearest = max(item.features[FEATURES.index("similarity")] for item in weighed)
    return shared == 0 and nearest < _NEAR


def question_features(weighed: Sequence[Evidence]) -> tuple[float, ...]:
    """What all sentences together say of the question; names in ``question_feature_names``.

    The log-odds of the best and of the second sentence, the highest of each of the reader's scores over all passages
    (an answer elsewhere counts too), and the best sentence's own features.
    """
    first = weighed[0]
    second = weighed[1].probability if len(weighed) > 1 else 0.0
    reader_scores = range(len(FEATURES), len(first.features) - 1)
    tops = [max(item.features[place] for item in weighed) for place in reader_scores]
    return (log_odds(first.probability), log_odds(second), *tops, *first.features)


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)), with p kept away from 0 and 1."""
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))


def may_answer(analysis: Analysis, material: Material, position: int, number: int) -> bool:
    """What an answer of a strict kind must have: a date, a count, money, an acronym spelled out; the holder of an
    office is a person named together with the organisation, in this sentence or the one before."""
    if _is_headline(material.hits[position], number):
        return False
    if analysis.money and not answer_types.tells_money(material.hits[position].sentences[number].text):
        return False
    if not analysis.is_strict:
        return True
    if not answer_types.holds_answer(analysis, material.hits[position].sentences[number].text):
        return False
    if not analysis.role:
        return True
    present = material.sentences[position][number]
    before = material.sentences[position][number - 1] if number else frozenset[str]()
    return set(analysis.names) <= present | before


def _is_headline(hit: Hit, number: int) -> bool:
    """A headline announces what the article says; the article's own sentences are what answers."""
    text = hit.sentences[number].text.strip()
    return text == hit.title or (
        len(hit.sentences) > number + 1
        and not _ENDS.search(text)
        and not _ITEM.match(text)
        and len(text.split()) <= _HEADING_WORDS
        and not _LOOKS_LIKE_A_NAME.fullmatch(text)
    )


def features_of(
    analysis: Analysis, material: Material, position: int, number: int, reading: Reading | None
) -> tuple[float, ...]:
    """The features of one sentence, in the order of FEATURES (or READER_FEATURES when there is a reading).

    Args:
        position: which hit.
        number: which of its sentences.
    """
    hit = material.hits[position]
    sentence = hit.sentences[number]
    present = material.sentences[position][number]
    base = (
        sentence.score,
        hit.scores.dense,
        coverage(analysis, present),
        _telling_coverage(analysis, material, present),
        coverage(analysis, material.passages[position]),
        1.0 if answer_types.holds_answer(analysis, sentence.text) else 0.0,
        _share(analysis.names, present),
        math.log1p(len(present.difference(analysis.terms))),
    )
    if reading is None:
        return base
    return (
        *base,
        log_odds(reading.answerable),
        reading.evidence,
        reading.sentence_evidence[number] if number < len(reading.sentence_evidence) else 0.0,
        log_odds(reading.selection[number] if number < len(reading.selection) else 0.0),
        1.0 if _span_in(hit, sentence, reading) else 0.0,
    )


def coverage(analysis: Analysis, present: AbstractSet[str]) -> float:
    """Share of the question's terms among ``present``, names and numbers counting double; 0 for no terms at all."""
    total = reached = 0.0
    for term in analysis.terms:
        weight = _NAME_WEIGHT if term in analysis.names or term in analysis.numbers else 1.0
        total += weight
        reached += weight if term in present else 0.0
    return reached / total if total else 0.0


def _telling_coverage(analysis: Analysis, material: Material, present: AbstractSet[str]) -> float:
    weights = [material.rarity(term) for term in analysis.terms]
    reached = sum(weight for term, weight in zip(analysis.terms, weights, strict=True) if term in present)
    return reached / sum(weights) if weights else 0.0


def _share(wanted: Sequence[str], present: AbstractSet[str]) -> float:
    return sum(term in present for term in wanted) / len(wanted) if wanted else 1.0


def _by_sentence(hit: Hit, found: Sequence[Word]) -> list[frozenset[str]]:
    """The terms of each of the hit's sentences; ``found`` are the words of the hit's text."""
    result = []
    position = 0
    for sentence in hit.sentences:
        start, end = sentence.start - hit.start, sentence.end - hit.start
        while position > 0 and found[position - 1].start >= start:
            position -= 1
        inside: set[str] = set()
        while position < len(found) and found[position].start < end:
            if found[position].start >= start:
                inside.update(found[position].terms)
            position += 1
        result.append(frozenset(inside))
    return result


def _span_in(hit: Hit, sentence: ScoredSentence, reading: Reading | None) -> tuple[int, int] | None:
    if reading is None or reading.end <= reading.start:
        return None
    start, end = hit.start + reading.start, hit.start + reading.end
    return (start, end) if sentence.start <= start and end <= sentence.end else None
