"""How likely each found sentence is to answer the question: a handful of readable features and one logistic regression.

The features say how near the sentence is to the question, how much of the question it and its passage cover, whether it
holds the kind of thing asked for, and - when the reader is there - what the reader makes of the passage. The weights were
fitted by ``eval/bench/calibrate.py`` and are kept in ``calibration.json`` beside this file, with the data they come from
and the precision and recall of their threshold. Names and numbers the question insists on are no feature but a gate: an
article that never mentions Tesla cannot say who runs it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rag.answering import answer_types
from rag.answering.lexicon import NUMBER_WORDS, same_term, terms
from rag.answering.question import Analysis
from rag.types import Hit, ScoredSentence

if TYPE_CHECKING:
    from rag.models.reader import Reading

FEATURES = (
    "similarity",  # cosine of question and sentence
    "passage_similarity",  # cosine of question and chunk
    "lexical",  # the passage's lexical score, min-max over the candidates
    "rank",  # 1 / rank of the passage
    "coverage",  # share of the question's terms in the sentence
    "passage_coverage",  # share of the question's terms in the passage and title
    "type_match",  # the sentence holds the kind of thing asked for
    "names_in_sentence",  # share of the question's names in the sentence
)
READER_FEATURES = (
    *FEATURES,
    "answerable",  # log-odds of the reader's calibrated answerability of the passage
    "evidence",  # the reader's evidence score of the passage (logit)
    "sentence_evidence",  # the reader's evidence for this sentence
    "span_here",  # the reader's best span lies in this sentence
)
_NAME_WEIGHT = 2.0  # a name identifies what is asked about; an ordinary word has synonyms


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a Hit with the probability that it answers the question.

    ``span`` is the reader's exact answer inside the sentence, offsets into the document's text, or None.
    """

    hit: Hit
    sentence: ScoredSentence
    probability: float
    features: tuple[float, ...]
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the logistic regression, and the probability from which a sentence is shown as an answer."""

    features: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float

    def probability(self, features: Sequence[float]) -> float:
        """P(this sentence answers the question), 0..1."""
        logit = self.bias + sum(weight * value for weight, value in zip(self.weights, features, strict=True))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


@lru_cache(maxsize=2)
def calibration(with_reader: bool) -> Calibration:
    """The shipped calibration, for answering with or without the reader."""
    text = resources.files("rag.answering").joinpath("calibration.json").read_text("utf-8")
    entry: Mapping[str, Any] = json.loads(text)["with_reader" if with_reader else "without_reader"]
    names = READER_FEATURES if with_reader else FEATURES
    return Calibration(
        features=names,
        weights=tuple(float(entry["weights"][name]) for name in names),
        bias=float(entry["bias"]),
        threshold=float(entry["threshold"]),
    )


def weigh(
    analysis: Analysis,
    hits: Sequence[Hit],
    readings: Sequence[Reading] | None,
    passes: Callable[[Hit], bool] = lambda hit: True,
    model: Calibration | None = None,
) -> list[Evidence]:
    """Score every sentence of every hit, best first.

    Args:
        analysis: what the question asks for.
        hits: the found passages.
        readings: one per hit when a reader ran, else None.
        passes: the gate; sentences of a hit that fails it are left out.
        model: the calibration to use; the shipped one by default.
    """
    model = model or calibration(readings is not None)
    found = []
    for position, hit in enumerate(hits):
        if not passes(hit):
            continue
        reading = readings[position] if readings is not None else None
        passage_coverage = coverage(analysis, f"{hit.title}\n{hit.text}")
        for number, sentence in enumerate(hit.sentences):
            features = features_of(analysis, hit, number, passage_coverage, reading)
            span = _span_in(hit, sentence, reading)
            found.append(Evidence(hit, sentence, model.probability(features), features, span))
    return sorted(
        found, key=lambda evidence: (-evidence.probability, evidence.hit.rank, evidence.sentence.start)
    )


def features_of(
    analysis: Analysis, hit: Hit, number: int, passage_coverage: float, reading: Reading | None
) -> tuple[float, ...]:
    """The features of one sentence, in the order of FEATURES (or READER_FEATURES when there is a reading)."""
    sentence = hit.sentences[number]
    sentence_terms = terms(sentence.text)
    base = (
        sentence.score,
        hit.scores.dense,
        hit.scores.lexical,
        1.0 / hit.rank,
        _covered(analysis, sentence_terms),
        passage_coverage,
        1.0 if answer_types.holds_answer(analysis, sentence.text) else 0.0,
        share_of(analysis.names, sentence_terms),
    )
    if reading is None:
        return base
    answerable = min(max(reading.answerable, 1e-4), 1 - 1e-4)
    return (
        *base,
        math.log(answerable / (1 - answerable)),
        reading.evidence,
        reading.sentence_evidence[number] if number < len(reading.sentence_evidence) else 0.0,
        1.0 if _span_in(hit, sentence, reading) else 0.0,
    )


def coverage(analysis: Analysis, text: str) -> float:
    """Share of the question's terms that stand in ``text``, names counting double; 1 for a question without terms."""
    return _covered(analysis, terms(text))


def share_of(wanted: Sequence[str], present: Sequence[str]) -> float:
    """Share of the wanted terms that are present (spelling slips forgiven); 1 when nothing is wanted."""
    if not wanted:
        return 1.0
    known = set(present)
    return sum(term in known or any(same_term(term, other) for other in known) for term in wanted) / len(
        wanted
    )


def missing(wanted: Sequence[str], text: str) -> list[str]:
    """The wanted terms (or numbers) that ``text`` does not mention."""
    known = set(terms(text))
    known.update(NUMBER_WORDS[word] for word in known & NUMBER_WORDS.keys())
    return [
        term for term in wanted if term not in known and not any(same_term(term, other) for other in known)
    ]


def _covered(analysis: Analysis, present: Sequence[str]) -> float:
    if not analysis.terms:
        return 1.0
    known = set(present)
    total = reached = 0.0
    for term in analysis.terms:
        weight = _NAME_WEIGHT if term in analysis.names or term in analysis.numbers else 1.0
        total += weight
        if term in known or any(same_term(term, other) for other in known):
            reached += weight
    return reached / total


def _span_in(hit: Hit, sentence: ScoredSentence, reading: Reading | None) -> tuple[int, int] | None:
    if reading is None or reading.end <= reading.start:
        return None
    start, end = hit.start + reading.start, hit.start + reading.end
    return (start, end) if sentence.start <= start and end <= sentence.end else None
