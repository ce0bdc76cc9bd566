"""Many outcomes become shares with 95 % intervals.

Measures of ranked lists against graded judgements (nDCG and its kin) are not made here: they come from ir-measures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.evaluation.metrics import Outcome
from rag.types import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EVIDENCE_DEPTHS = (1, 3, 5)
RESAMPLES = 2000
SEED = 20241104


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total`` with the bootstrap's 95 % interval; None where ``total`` is 0.

    Of graded values (F1, precision), ``count`` is their sum.
    """

    count: float
    total: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class KindRow:
    """The outcomes of one kind of question, as counts."""

    kind: str
    answerable: int
    right: int
    source_cited: int
    refused_answerable: int
    unanswerable: int
    refused_unanswerable: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a run; every share counts questions.

    Attributes:
        evidence_recall: depth -> answerable questions whose evidence is among that many first hits.
        right: answerable questions whose answer holds all expected facts.
        source_cited: of the right ones, those that cite a right source.
        refusal_precision: of the refused questions, those that cannot be answered.
        refusal_recall: of the questions that cannot be answered, those refused; ``near_miss_recall`` counts
            the near misses only.
        wrongly_refused: answerable questions that were refused.
        exact, f1: of the short answers; ``exact_answerable`` and ``f1_answerable`` leave out the questions where a
            refusal is right.
        citation_precision, citation_recall: against the gold sources, over the answers given.
        supported, support_precision: by the support check, over the answers given: statements that their citations
            support, citations that support their statement.
        statements: mean number of statements in the answers that were given; None when all were refused.
        verdicts: (answerable, verdict) -> count.
    """

    questions: int
    evidence_recall: dict[int, Share]
    right: Share
    source_cited: Share
    refusal_precision: Share
    refusal_recall: Share
    near_miss_recall: Share
    wrongly_refused: Share
    exact: Share
    f1: Share
    exact_answerable: Share
    f1_answerable: Share
    citation_precision: Share
    citation_recall: Share
    supported: Share
    support_precision: Share
    statements: float | None
    median_ms: float
    p95_ms: float
    verdicts: dict[tuple[bool | None, Verdict], int]
    kinds: tuple[KindRow, ...]


def summarise(outcomes: Sequence[Outcome], *, resamples: int = RESAMPLES, seed: int = SEED) -> Summary:
    """Turn outcomes (at least one) into the numbers of a run.

    The intervals are percentiles over ``resamples`` samples of the questions, drawn with replacement. A share
    of 0 or 1 gets an interval of no width: resampling cannot see what never happened.

    Raises:
        ValueError: there is no outcome to count.
    """
    import numpy as np

    if not outcomes:
        raise ValueError("no outcomes to summarise")
    weights = np.random.default_rng(seed).multinomial(
        len(outcomes), np.full(len(outcomes), 1 / len(outcomes)), size=resamples
    )

    def share(of: Callable[[Outcome], bool], hit: Callable[[Outcome], bool]) -> Share:
        total = np.array([of(outcome) for outcome in outcomes])
        count = np.array([of(outcome) and hit(outcome) for outcome in outcomes])
        return _share(count, total, weights)

    def answerable(outcome: Outcome) -> bool:
        return outcome.question.answerable is True

    def unanswerable(outcome: Outcome) -> bool:
        return outcome.question.answerable is False

    def judged_refusal(outcome: Outcome) -> bool:
        return outcome.refused and outcome.question.answerable is not None

    def graded(name: str, of: Callable[[Outcome], bool] = lambda outcome: True) -> Share:
        values = [getattr(outcome, name) if of(outcome) else None for outcome in outcomes]
        total = np.array([value is not None for value in values])
        return _share(np.array([value or 0.0 for value in values]), total, weights)

    def refused(outcome: Outcome) -> bool:
        return outcome.refused

    # a set without short answers would otherwise get the marks of its refusals alone
    has_short = any(outcome.question.answers for outcome in outcomes)

    def short(outcome: Outcome) -> bool:
        return has_short

    def found_within(depth: int) -> Callable[[Outcome], bool]:
        return lambda outcome: outcome.evidence_rank is not None and outcome.evidence_rank <= depth

    lengths = [outcome.statements for outcome in outcomes if not outcome.refused]
    times = np.array([outcome.milliseconds for outcome in outcomes])
    return Summary(
        questions=len(outcomes),
        evidence_recall={
            depth: share(lambda outcome: bool(outcome.question.sources), found_within(depth))
            for depth in EVIDENCE_DEPTHS
        },
        right=share(answerable, lambda outcome: outcome.right is True),
        source_cited=share(
            lambda outcome: outcome.right is True and outcome.source_cited is not None,
            lambda outcome: outcome.source_cited is True,
        ),
        refusal_precision=share(judged_refusal, unanswerable),
        refusal_recall=share(unanswerable, refused),
        near_miss_recall=share(lambda outcome: outcome.question.near_miss, refused),
        wrongly_refused=share(answerable, refused),
        exact=graded("exact", short),
        f1=graded("f1", short),
        exact_answerable=graded("exact", answerable),
        f1_answerable=graded("f1", answerable),
        citation_precision=graded("citation_precision"),
        citation_recall=graded("citation_recall"),
        supported=graded("supported"),
        support_precision=graded("support_precision"),
        statements=float(np.mean(lengths)) if lengths else None,
        median_ms=float(np.median(times)),
        p95_ms=float(np.percentile(times, 95)),
        verdicts=dict(Counter((outcome.question.answerable, outcome.verdict) for outcome in outcomes)),
        kinds=_by_kind(outcomes),
    )


def mean_of(values: Sequence[float], *, resamples: int = RESAMPLES, seed: int = SEED) -> Share:
    """The mean of values with its bootstrap interval, drawn as ``summarise`` draws; empty of no values."""
    import numpy as np

    if not values:
        return Share(0, 0, None, None, None)
    count = len(values)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return _share(np.array(values, dtype=float), np.ones(count, dtype=bool), weights)


def _share(count: NDArray[Any], total: NDArray[np.bool_], weights: NDArray[np.int64]) -> Share:
    import numpy as np

    hits, of = round(float(count.sum()), 6), int(total.sum())
    hits = int(hits) if hits == int(hits) else hits
    if of == 0:
        return Share(hits, of, None, None, None)
    drawn = weights @ total
    kept = drawn > 0  # a sample without a single such question says nothing about them
    low, high = np.percentile((weights @ count)[kept] / drawn[kept], [2.5, 97.5])
    return Share(hits, of, hits / of, float(low), float(high))


def _by_kind(outcomes: Sequence[Outcome]) -> tuple[KindRow, ...]:
    rows = []
    for kind in dict.fromkeys(outcome.question.kind for outcome in outcomes):
        these = [outcome for outcome in outcomes if outcome.question.kind == kind]
        yes = [outcome for outcome in these if outcome.question.answerable is True]
        no = [outcome for outcome in these if outcome.question.answerable is False]
        rows.append(
            KindRow(
                kind=kind,
                answerable=len(yes),
                right=sum(outcome.right is True for outcome in yes),
                source_cited=sum(outcome.right is True and outcome.source_cited is True for outcome in yes),
                refused_answerable=sum(outcome.refused for outcome in yes),
                unanswerable=len(no),
                refused_unanswerable=sum(outcome.refused for outcome in no),
            )
        )
    return tuple(rows)
