"""One answer is held against what its question expects.

Facts are looked for as words, not as letters ("34%" is not in "134%"), after the spellings that carry no
meaning have been made one: case, curly and straight quotes, every dash, "percent" and "%". What many outcomes
come to is in ``summary``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rag.evaluation.short_answers import exact, f1
from rag.types import Answer, Hit, Verdict

if TYPE_CHECKING:
    from rag.evaluation.questions import Question

_MARKER = re.compile(r"\s*\[\d+\]")
_QUOTES = str.maketrans("‘’‚‛“”„‟«»′″", "''''" + '""""""' + "'\"")
_DASHES = re.compile("[-\u2010-\u2015\u2212]")
_PERCENT = re.compile(r"(?<=\d)\s*(?:%|per ?cent\b)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking one question.

    Attributes:
        facts: for each expected fact, whether the answer's text holds it; all False when it refused.
        right: every fact is there; None for a question that is unanswerable, or not known to be answerable.
        exact, f1: of the short answer, as SQuAD counts them; an unanswerable question scores 1 for a refusal. None
            where the set gives no short answers.
        statements: how many statements the answer has; one that copies everything would hold every fact.
        cited: the cited documents' paths, in order of first use.
        source_cited: a gold source is among them (and all that are needed); None where the set names none.
        citation_precision: share of the cited documents that are gold sources; None where the set names none.
        citation_recall: share of the documents that must be cited that are (of any one, if one is enough).
        supported: share of the statements whose citations support them by the support check; None if not checked.
        support_precision: share of the citations that support their statement by the support check.
        confidence: 0..1, how sure it was that the articles hold the answer; None where nothing says.
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
    short_answer: str | None = None
    exact: float | None = None
    f1: float | None = None
    citation_precision: float | None = None
    citation_recall: float | None = None
    supported: float | None = None
    support_precision: float | None = None
    confidence: float | None = None

    @property
    def refused(self) -> bool:
        """Whether the articles were said to hold no answer; a partial answer is an answer."""
        return self.verdict == "not_found"

    @property
    def failure(self) -> str | None:
        """What went wrong, in a few words; None when nothing did."""
        if self.question.answerable is None:
            return None
        if not self.question.answerable:
            return None if self.refused else "answered, though the articles do not say"
        if self.refused:
            return "refused, though the articles say"
        if not self.right:
            missing = [
                fact[0] for fact, found in zip(self.question.facts, self.facts, strict=True) if not found
            ]
            return f"missing: {'; '.join(missing)}"
        if self.source_cited is False:
            return "right facts, wrong source"
        return None


def normalise(text: str) -> str:
    """Make one what differs in spelling only; citation marks such as ``[2]`` go, a dash becomes a space."""
    text = unicodedata.normalize("NFKC", unmarked(text)).translate(_QUOTES).casefold()
    text = _PERCENT.sub("%", _DASHES.sub(" ", text))
    return " ".join(text.split())


def unmarked(text: str) -> str:
    """An answer's text without its citation marks."""
    return _MARKER.sub("", text)


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


def judge(
    question: Question,
    answer: Answer,
    hits: Sequence[Hit],
    milliseconds: float,
    confidence: float | None = None,
) -> Outcome:
    """Hold one answer, and the hits it was made from, against what the question expects."""
    refused = answer.verdict == "not_found"
    facts = tuple(not refused and holds(answer.text, fact) for fact in question.facts)
    cited = tuple(source.path for source in answer.sources)
    given = "" if refused else answer.short_answer or unmarked(answer.text)
    judged_short = bool(question.answers) or question.answerable is False
    precision, recall = (
        _against_sources(question, cited) if question.sources and not refused else (None, None)
    )
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
        short_answer=answer.short_answer,
        exact=exact(given, question.answers) if judged_short else None,
        f1=f1(given, question.answers) if judged_short else None,
        citation_precision=precision,
        citation_recall=recall,
        confidence=confidence,
    )


def _against_sources(question: Question, cited: Sequence[str]) -> tuple[float | None, float]:
    """Precision and recall of the cited documents; no precision where nothing is cited."""

    def among(sources: Sequence[str], path: str) -> bool:
        return any(is_source(path, source) for source in sources)

    gold = [path for path in cited if among(question.sources, path)]
    needed = question.sources_all
    met = sum(any(is_source(path, source) for path in gold) for source in needed)
    recall = met / len(needed) if needed else float(bool(gold))
    return (len(gold) / len(cited) if cited else None), recall


def _source_cited(question: Question, cited: Sequence[str]) -> bool:
    def among(source: str) -> bool:
        return any(is_source(path, source) for path in cited)

    return any(map(among, question.sources)) and all(map(among, question.sources_all))


def _evidence_rank(question: Question, hits: Sequence[Hit]) -> int | None:
    for rank, hit in enumerate(hits, start=1):
        paths = (hit.path, *(location.path for location in hit.also_in))
        in_source = any(is_source(path, source) for path in paths for source in question.sources)
        if in_source and any(holds(hit.text, fact) for fact in question.facts):
            return rank
    return None
