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

from rag.answering.disagreement import SEVERAL, Difference, Said
from rag.answering.evidence import Regression
from rag.answering.question import Analysis

FEATURES = (
    "refuted_most",  # log odds of P(refuted), one sentence given the other, the way round that is more
    "refuted_least",
    "rule_of_value",  # the rules found amounts or dates that cannot both be
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
    row = features(found, judged, turned)
    return shipped().regression.probability(row) >= shipped().threshold


def both_answer(analysis: Analysis, one: Said, other: Said, found: Difference | None) -> bool:
    """Whether two sentences may be held against each other: what speaks of something else contradicts nothing.

    Where no rule says what they differ in, they must answer more surely, and not each name a part of a list.
    """
    least = min(one.answerable, other.answerable)
    if found is not None:
        return least >= _ANSWERS
    return least >= _ANSWERS_ALONE and analysis.kind not in SEVERAL


def features(found: Difference | None, judged: Judged, turned: Judged) -> tuple[float, ...]:
    """The regression's features, in the order of `FEATURES`.

    Few, because more of them (shared words, agreeing values, how surely both answer) fitted the pairs at hand and told
    the others apart less well.
    """
    kind = found.kind if found else ""
    return (
        _logit(max(judged[1], turned[1])),
        _logit(min(judged[1], turned[1])),
        float(kind in ("amount", "date")),
        float(kind in ("name", "person")),
        float(kind not in ("", "amount", "date", "name", "person")),
    )


def _logit(probability: float) -> float:
    return math.log((probability + _LEAST) / (1 - probability + _LEAST))
