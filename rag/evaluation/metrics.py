"""One answer is held against what its question expects; many outcomes become shares with 95 % intervals.

Facts are looked for as words, not as letters ("34%" is not in "134%"), after the spellings that carry no
meaning have been made one: case, curly and straight quotes, every dash, "percent" and "%". Measures of ranked
lists against graded judgements (nDCG and its kin) are not made here: they come from ir-measures.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rag.types import Answer, Hit, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.evaluation.questions import Question

EVIDENCE_DEPTHS = (1, 3, 5)
RESAMPLES = 2000
SEED = 20241104

_MARKER = re.compile(r"\s*\[\d+\]")
_QUOTES = str.maketrans("‘’‚‛“”„‟«»′″", "''''" + '""""""' + "'\"")
_DASHES = re.compile("[-\u2010-\u2015\u2212]")
_PERCENT = re.compile(r"(?<=\d)\s*(?:%|per ?cent\b)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking one question.

    Attributes:
        facts: for each expected fact, whether the answer's text holds it; all False when it refused.
        right: every fact is there; None for an unanswerable question.
        statements: how many statements the answer has; one that copies everything would hold every fact.
        cited: the cited documents' paths, in order of first use.
        source_cited: a gold source is among them (and all that are needed); None where the set names none.
        evidence_rank: rank of the first hit that stands in a gold source and holds an expected fact; None if
            no hit does.
        milliseconds: wall-clock time from question to whole answer.
    """

    question: Question
    verdict: Verdict
    text: str
    facts: tuple[bool, ...]
    right: bool | None
    statements: int
    cited: tuple[str, ...]
    source_cited: bool | None
    evidence_rank: int | None
    milliseconds: float

    @property
    def refused(self) -> bool:
        """Whether the articles were said to hold no answer; a partial answer is an answer."""
        return self.verdict == "not_found"

    @property
    def failure(self) -> str | None:
        """What went wrong, in a few words; None when nothing did."""
        if not self.question.answerable:
            return None if self.refused else "answered, though the articles do not say"
        if self.refused:
            return "refused, though the articles say"
        if not self.right:
            missing = [
                fact[0] for fact, found in zip(self.question.expected, self.facts, strict=True) if not found
            ]
            return f"missing: {'; '.join(missing)}"
        if self.source_cited is False:
            return "right facts, wrong source"
        return None


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total`` with the bootstrap's 95 % interval; None where ``total`` is 0."""

    count: int
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
    statements: float | None
    median_ms: float
    p95_ms: float
    verdicts: dict[tuple[bool, Verdict], int]
    kinds: tuple[KindRow, ...]


def normalise(text: str) -> str:
    """Make one what differs in spelling only; citation marks such as ``[2]`` go, a dash becomes a space."""
    text = unicodedata.normalize("NFKC", _MARKER.sub("", text)).translate(_QUOTES).casefold()
    text = _PERCENT.sub("%", _DASHES.sub(" ", text))
    return " ".join(text.split())


def holds(text: str, fact: Sequence[str]) -> bool:
    """Whether ``text`` holds one of the fact's wordings, as whole words."""
    plain = normalise(text)
    return any(_as_words(normalise(wording)).search(plain) for wording in fact)


def _as_words(wording: str) -> re.Pattern[str]:
    # a number must not match inside a longer one: not 4 in 3.4, not 2 in 2,000
    return re.compile(r"(?<!\w)(?<!\d[.,])" + re.escape(wording) + r"(?!\w)(?![.,]\d)")


def is_source(path: str, source: str) -> bool:
    """Whether the document at ``path`` is the one whose file name (or whole path) begins with ``source``."""
    return PurePosixPath(path).name.startswith(source) or path.startswith(source)


def judge(question: Question, answer: Answer, hits: Sequence[Hit], milliseconds: float) -> Outcome:
    """Hold one answer, and the hits it was made from, against what the question expects."""
    refused = answer.verdict == "not_found"
    facts = tuple(not refused and holds(answer.text, fact) for fact in question.expected)
    cited = tuple(source.path for source in answer.sources)
    return Outcome(
        question=question,
        verdict=answer.verdict,
        text=answer.text,
        facts=facts,
        right=all(facts) if question.answerable else None,
        statements=len(answer.statements),
        cited=cited,
        source_cited=_source_cited(question, cited) if question.sources else None,
        evidence_rank=_evidence_rank(question, hits),
        milliseconds=milliseconds,
    )


def _source_cited(question: Question, cited: Sequence[str]) -> bool:
    def among(source: str) -> bool:
        return any(is_source(path, source) for path in cited)

    return any(map(among, question.sources)) and all(map(among, question.sources_all))


def _evidence_rank(question: Question, hits: Sequence[Hit]) -> int | None:
    for rank, hit in enumerate(hits, start=1):
        paths = (hit.path, *(location.path for location in hit.also_in))
        in_source = any(is_source(path, source) for path in paths for source in question.sources)
        if in_source and any(holds(hit.text, fact) for fact in question.expected):
            return rank
    return None


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
        return outcome.question.answerable

    def unanswerable(outcome: Outcome) -> bool:
        return not outcome.question.answerable

    def refused(outcome: Outcome) -> bool:
        return outcome.refused

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
        refusal_precision=share(refused, unanswerable),
        refusal_recall=share(unanswerable, refused),
        near_miss_recall=share(lambda outcome: outcome.question.near_miss, refused),
        wrongly_refused=share(answerable, refused),
        statements=float(np.mean(lengths)) if lengths else None,
        median_ms=float(np.median(times)),
        p95_ms=float(np.percentile(times, 95)),
        verdicts=dict(Counter((outcome.question.answerable, outcome.verdict) for outcome in outcomes)),
        kinds=_by_kind(outcomes),
    )


def _share(count: NDArray[np.bool_], total: NDArray[np.bool_], weights: NDArray[np.int64]) -> Share:
    import numpy as np

    hits, of = int(count.sum()), int(total.sum())
    if of == 0:
        return Share(hits, of, None, None, None)
    drawn = weights @ total
    kept = drawn > 0  # a sample without a single such question says nothing about them
    low, high = np.percentile((weights @ count)[kept] / drawn[kept], [2.5, 97.5])
    return Share(hits, of, hits / of, float(low), float(high))


def _by_kind(outcomes: Sequence[Outcome]) -> tuple[KindRow, ...]:
    rows = []
    for kind in dict.fromkeys(outcome.question.kind for outcome in outcomes):
        yes = [
            outcome for outcome in outcomes if outcome.question.kind == kind and outcome.question.answerable
        ]
        no = [
            outcome
            for outcome in outcomes
            if outcome.question.kind == kind and not outcome.question.answerable
        ]
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
