"""How sure the engine was, and whether it was right to be: recording it, reliability, coverage against risk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rag.evaluation.metrics import Outcome
from rag.models.reader import Reader, Reading
from rag.types import Answer, Hit, Sentence

BINS = 10


class RecordingReader:
    """A reader that keeps, for each question read, the highest probability that a passage answers it.

    The engine is handed it in the reader's place, so that a run sees what the engine saw without reading twice.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.fingerprint = reader.fingerprint
        self._seen: dict[str, float] = {}
        self._guard = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        # thresholds and the like: whoever holds this must see the reader that it stands for
        return getattr(self.reader, name)

    def read(
        self,
        question: str,
        passages: Sequence[str],
        sentences: Sequence[Sequence[Sentence]] | None = None,
    ) -> list[Reading]:
        """As the reader itself."""
        readings = self.reader.read(question, passages, sentences)
        if question and readings:
            highest = max(reading.answerable for reading in readings)
            with self._guard:
                self._seen[question] = max(self._seen.get(question, 0.0), highest)
        return readings

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
        """As the reader itself."""
        return self.reader.support(pairs)

    def taken(self) -> float | None:
        """The least sure of what was read since the last call: all parts of a question must be answered; None if
        nothing was read."""
        with self._guard:
            seen, self._seen = self._seen, {}
        return min(seen.values()) if seen else None


def confidence_of(answer: Answer, hits: Sequence[Hit], recorded: float | None) -> float | None:
    """How sure an answer is: what the answer itself says, else what the reader said, else the nearest sentence."""
    said = getattr(answer, "confidence", None)
    if isinstance(said, float):
        return said
    if recorded is not None:
        return recorded
    return max((min(max(hit.scores.sentence, 0.0), 1.0) for hit in hits), default=None)


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of about the same confidence: how many, how sure on average, how many could be answered."""

    low: float
    high: float
    count: int
    confidence: float
    answerable: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """When only the surest ``coverage`` of all questions are answered, ``risk`` of those answers are wrong."""

    coverage: float
    risk: float
    confidence: float


def reliability(outcomes: Sequence[Outcome]) -> list[Bin]:
    """Confidence against the share that can be answered, in tenths; a calibrated engine lies on the diagonal."""
    bins = []
    known = [o for o in outcomes if o.confidence is not None and o.question.answerable is not None]
    for place in range(BINS):
        low, high = place / BINS, (place + 1) / BINS
        inside = [
            o for o in known if o.confidence is not None and min(int(o.confidence * BINS), BINS - 1) == place
        ]
        if inside:
            sure = sum(o.confidence or 0.0 for o in inside) / len(inside)
            right = sum(o.question.answerable is True for o in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), sure, right))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """The mean gap between confidence and truth, each bin weighted by its questions; None without any."""
    total = sum(one.count for one in bins)
    if not total:
        return None
    return sum(one.count * abs(one.confidence - one.answerable) for one in bins) / total


def separation(outcomes: Sequence[Outcome]) -> float | None:
    """AUROC of the confidence: how often an answerable question gets more of it than one that cannot be answered."""
    known = [o for o in outcomes if o.confidence is not None and o.question.answerable is not None]
    truth = [o.question.answerable is True for o in known]
    if len(set(truth)) < 2:
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, [o.confidence or 0.0 for o in known]))


def coverage_risk(outcomes: Sequence[Outcome]) -> list[CurvePoint]:
    """Risk among the surest answers, growing to all that were given; refused questions are never covered.

    An answer is wrong when it lacks an expected fact, or when the question cannot be answered. Questions that nobody
    knows the truth of are left out.
    """
    known = [o for o in outcomes if o.question.answerable is not None and o.confidence is not None]
    given = sorted((o for o in known if not o.refused), key=lambda o: -(o.confidence or 0.0))
    points, wrong = [], 0
    for place, outcome in enumerate(given, start=1):
        wrong += outcome.right is not True
        following = given[place].confidence if place < len(given) else None
        if following != outcome.confidence:  # equals are answered together or not at all
            points.append(CurvePoint(place / len(known), wrong / place, outcome.confidence or 0.0))
    return points


def area_under(points: Sequence[CurvePoint]) -> float | None:
    """The mean risk over the coverage that was reached, by trapezoids; smaller is better. None without points."""
    if not points:
        return None
    area, before = 0.0, CurvePoint(0.0, points[0].risk, 1.0)
    for point in points:
        area += (point.coverage - before.coverage) * (point.risk + before.risk) / 2
        before = point
    return area / points[-1].coverage
