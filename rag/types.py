"""The value types every room shares: what flows from a file to an index, and from a question to an answer.

Two chains: ``file -> Document -> Chunk -> index`` and ``question -> Query -> Hits -> Answer``. Everything here is
frozen and carries no behaviour, so that a value can be handed to any room (or thread) as it is.

All offsets are positions in ``Document.text``, counted in code points, half open: ``text[start:end]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["answered", "partial", "not_found"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A character span, the unit of evidence; offsets into ``Document.text`` unless said otherwise."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """One article: its text exactly as it is cited against, and its metadata.

    Attributes:
        path: where it lies, relative to the folder that was synced, with forward slashes.
        title: from front matter, else the first line that reads like a title, else the file's name.
        text: the decoded text that every offset points into (front matter included).
        sha256: hex digest of the file's bytes.
        body_start: offset of the first character that is article text (after front matter); 0 without any.
        published: ISO date ``YYYY-MM-DD`` where the file states one, else None.
    """

    path: str
    title: str
    text: str
    sha256: str
    body_start: int = 0
    published: str | None = None
    author: str | None = None
    source: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous run of whole sentences of one Document: ``document.text[start:end] == text``."""

    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents may answer. Dates are ISO and inclusive; an undated document fails any date filter.

    Attributes:
        after: keep documents published on this day or later.
        before: keep documents published on this day or earlier.
        sources: keep documents whose ``source`` is one of these (case-insensitive); empty keeps all.
        paths: keep documents whose path matches one of these shell patterns (``2024/*.txt``); empty keeps all.
    """

    after: str | None = None
    before: str | None = None
    sources: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.after or self.before or self.sources or self.paths)


@dataclass(frozen=True, slots=True)
class Query:
    """The standalone question that is searched, with its filters.

    ``text`` is self-contained (pronouns and ellipses already resolved from the conversation); ``question`` is what the
    person typed.
    """

    text: str
    question: str
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class Scores:
    """What a Hit's score was made of, each about 0..1: dense cosine, lexical score (min-max over the candidates), best
    sentence's cosine, and the reader's evidence score (None when no reader ran)."""

    dense: float
    lexical: float
    sentence: float
    evidence: float | None = None


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of a Hit with its similarity (cosine) to the Query."""

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Location:
    """Where a passage stands: a document and a span of its text."""

    path: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A Chunk found for one Query.

    Attributes:
        rank: 1 for the best.
        score: the fused score the ranking used; comparable within one result only.
        sentences: all sentences of the chunk in text order, scored against the Query.
        also_in: where near-identical passages that were collapsed into this hit stand.
    """

    rank: int
    score: float
    path: str
    title: str
    start: int
    end: int
    text: str
    scores: Scores
    sentences: tuple[ScoredSentence, ...]
    published: str | None = None
    source: str | None = None
    also_in: tuple[Location, ...] = ()
    chunk_id: int = -1
    document_id: int = -1


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer that has been checked: ``document.text[start:end] == quote`` held when it was made.

    ``support`` is how strongly the quote supports its statement, 0..1 (1 for a statement copied from the quote).
    """

    number: int
    path: str
    title: str
    start: int
    end: int
    quote: str
    support: float


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, with the Citations that support it (never empty in a shown answer)."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A cited document in the answer's numbered list; numbers run 1..n in order of first use."""

    number: int
    path: str
    title: str
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a language model said and no article supports, with the reasons; never part of an answer."""

    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """What one article says where others say something else; ``citations`` bear it out, ``published`` dates it."""

    text: str
    citations: tuple[Citation, ...]
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Articles that disagree: about what (the question, or the part of it), and who says what, newest first.

    Positions whose article has no date come last.
    """

    about: str
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Statements, numbered sources, a verdict and timings.

    Attributes:
        question: as the person typed it.
        query: the standalone question that was searched.
        text: the statements joined, with ``[n]`` after each; for ``not_found`` the sentence that says so.
        short_answer: the exact words asked for ("March 2025"), where one could be found.
        closest: for ``not_found`` and ``partial``, the nearest passages, which are *not* an answer.
        generator: what worded it: ``extractive`` or a language model's name.
        timings_ms: milliseconds per stage, and ``total``.
        confidence: calibrated probability (0..1) that the articles answer the question, of its least sure part; what
            the verdict was decided by. None where nothing was weighed.
        note: what became of the language model, where it did not word this answer (alone).
        unverified: what it said and failed the check; only filled where the settings ask for it.
        conflicts: where cited articles contradict each other on what was asked; their citations are numbered among
            ``sources``.
    """

    question: str
    query: str
    verdict: Verdict
    text: str
    statements: tuple[Statement, ...] = ()
    sources: tuple[Source, ...] = ()
    short_answer: str | None = None
    closest: tuple[Hit, ...] = ()
    generator: str = "extractive"
    timings_ms: dict[str, float] = field(default_factory=dict)
    confidence: float | None = None
    note: str | None = None
    unverified: tuple[Unverified, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be taken in, and why, in words for the person who owns it."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync did. Counts are documents; ``documents`` and ``chunks`` are the totals afterwards."""

    added: int
    changed: int
    removed: int
    unchanged: int
    failed: tuple[Failure, ...]
    documents: int
    chunks: int
    seconds: float
