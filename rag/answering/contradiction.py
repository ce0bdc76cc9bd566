"""How likely two articles' sentences contradict each other on a question: rules and the reader weighed together.

Neither is enough alone. A rule takes a part for another whole, the reader takes any other fact for a contradiction; a
logistic regression over both was fitted on pairs with a label (``eval/fit_conflicts.py``), and the line is drawn where
eight of ten that are called a contradiction are one. In doubt nothing is said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from rag.answering import opposites, values
from rag.answering.disagreement import SEVERAL, Difference, Said, amounts_agree, times_agree
from rag.answering.evidence import Regression
from rag.answering.lexicon import terms
from rag.answering.question import Analysis

FEATURES = (
    "refuted_most",
    "refuted_least",
    "supported_most",
    "supported_least",
    "answers_most",
    "answers_least",
    "wording_shared",
    "yes_no",
    "other_time",
    "one_denied",
    "both_values",
    "values_clash",
    "values_agree",
    "answer_shared",
    "rule_of_value",
    "rule_of_name",
    "rule_of_wording",
)
_LEAST = 1e-3
_ANSWERS = 0.2  # the reader's probability that a sentence answers
_ANSWERS_ALONE = 0.4  # the same, where no rule says what the two differ in
Judged = tuple[float, float, float]
"""P(supported), P(refuted), P(neither) of one sentence given the other."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The fitted regression, and the probability from which a contradiction is shown."""

    regression: Regression
    threshold: float


@lru_cache(maxsize=1)
def shipped() -> Contradiction:
    """What was fitted and ships."""
    text = resources.files("rag.answering").joinpath("contradiction.json").read_text("utf-8")
    entry: Mapping[str, Any] = json.loads(text)
    weights = tuple(float(entry["weights"][name]) for name in FEATURES)
    return Contradiction(Regression(weights, float(entry["bias"])), float(entry["threshold"]))


def decided(
    analysis: Analysis, one: Said, other: Said, found: Difference | None, judged: Judged, turned: Judged
) -> bool:
    """Whether two sentences are said to contradict each other.

    Args:
        found: what the rules hold against both being true; None where nothing.
        judged: what the reader makes of ``one`` given ``other``.
        turned: the same the other way round.
    """
    if found is not None and found.is_of_copies:
        return True
    if not both_answer(analysis, one, other, found):
        return False
    row = features(analysis, one, other, found, judged, turned)
    return shipped().regression.probability(row) >= shipped().threshold


def both_answer(analysis: Analysis, one: Said, other: Said, found: Difference | None) -> bool:
    """Whether two sentences may be held against each other: what speaks of something else contradicts nothing.

    Where no rule says what they differ in, they must answer more surely, and not each name a part of a list.
    """
    least = min(one.answerable, other.answerable)
    if found is not None:
        return least >= _ANSWERS
    return least >= _ANSWERS_ALONE and analysis.kind not in SEVERAL


def features(
    analysis: Analysis, one: Said, other: Said, found: Difference | None, judged: Judged, turned: Judged
) -> tuple[float, ...]:
    """The regression's features, in the order of `FEATURES`; probabilities as log odds."""
    mine, theirs = opposites.term_set(one.text), opposites.term_set(other.text)
    both, clash, agree = _values(one, other)
    kind = found.kind if found else ""
    return (
        _logit(max(judged[1], turned[1])),
        _logit(min(judged[1], turned[1])),
        _logit(max(judged[0], turned[0])),
        _logit(min(judged[0], turned[0])),
        _logit(max(one.answerable, other.answerable)),
        _logit(min(one.answerable, other.answerable)),
        len(mine & theirs) / max(1, min(len(mine), len(theirs))),
        float(analysis.kind == "yesno"),
        float(values.says_other_time(one.text, other.text)),
        float(opposites.negations(one.text) != opposites.negations(other.text)),
        float(both),
        float(clash),
        float(agree),
        0.0 if both else _answer_shared(analysis, one, other),  # "34 percent" and "24 percent" share no value
        float(kind in ("amount", "date")),
        float(kind in ("name", "person")),
        float(kind not in ("", "amount", "date", "name", "person")),
    )


def _values(one: Said, other: Said) -> tuple[bool, bool, bool]:
    """Whether both answers are amounts or times, whether these cannot be the same, whether one stands in both."""
    amounts, amounts_ = values.amounts_at(one.text, one.span), values.amounts_at(other.text, other.span)
    when, when_ = values.times_at(one.text, one.span), values.times_at(other.text, other.span)
    clash = any(values.amounts_clash(a, b, same_noun=False) for a in amounts for b in amounts_) or any(
        values.times_clash(a, b) for a in when for b in when_
    )
    agree = bool(amounts and amounts_) and amounts_agree(one, other)
    return bool((amounts and amounts_) or (when and when_)), clash, agree or times_agree(one, other)


def _answer_shared(analysis: Analysis, one: Said, other: Said) -> float:
    """Share of the shorter answer's terms, less the question's, that the other answer has; 0..1."""
    asked = frozenset(analysis.terms)
    mine, theirs = frozenset(terms(one.answer)), frozenset(terms(other.answer))
    return len((mine & theirs) - asked) / max(1, min(len(mine - asked), len(theirs - asked)))


def _logit(probability: float) -> float:
    return math.log((probability + _LEAST) / (1 - probability + _LEAST))
