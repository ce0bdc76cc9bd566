"""What a program gets, described for the OpenAPI; the JSON itself comes from `rag.apps.schema` and `shapes`.

These models are never used to make JSON, so that the command line and the service cannot drift apart; the tests read
real answers with them, unknown keys refused.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class CitationOut(BaseModel):
    """Where the words stand: ``text[start:end] == quote``, in characters (code points) of the article's text."""

    number: int = Field(ge=1)
    path: str
    title: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    quote: str
    support: float = Field(ge=0, le=1)


class StatementOut(BaseModel):
    """One sentence of an answer with what bears it out."""

    text: str
    citations: list[CitationOut]


class SourceOut(BaseModel):
    """A cited article."""

    number: int = Field(ge=1)
    path: str
    title: str
    published: str | None


class UnverifiedOut(BaseModel):
    """What a language model said and no article supports."""

    text: str
    reasons: list[str]


class PositionOut(BaseModel):
    """What one article says where others say something else."""

    text: str
    citations: list[CitationOut]
    published: str | None


class ConflictOut(BaseModel):
    """Articles that disagree."""

    about: str
    positions: list[PositionOut]


class AnswerOut(BaseModel):
    """An answer as `rag ask --json` prints it."""

    question: str
    query: str = Field(description="the standalone question that was searched")
    verdict: Literal["answered", "partial", "not_found"]
    text: str = Field(description="the statements with [n] behind each")
    short_answer: str | None
    statements: list[StatementOut]
    sources: list[SourceOut]
    generator: str
    timings_ms: dict[str, float]
    note: str | None = None
    unverified: list[UnverifiedOut] = []
    conflicts: list[ConflictOut] = []


class ScoresOut(BaseModel):
    """What a hit's score was made of."""

    dense: float
    lexical: float
    sentence: float


class HitOut(BaseModel):
    """A passage that was found."""

    rank: int = Field(ge=1)
    score: float
    path: str
    title: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str
    scores: ScoresOut


class HitsOut(BaseModel):
    """Passages, best first, as `rag search --json` prints them."""

    query: str
    hits: list[HitOut]


class ArticleOut(BaseModel):
    """An article in the list; its path is its id."""

    path: str
    title: str
    source: str | None
    published: str | None
    characters: int = Field(ge=0)
    sha256: str


class ArticlesOut(BaseModel):
    """One page of the list, and how many there are on all pages."""

    documents: list[ArticleOut]
    total: int = Field(ge=0)


class TextOut(BaseModel):
    """An article's text, exactly as every citation counts in it."""

    path: str
    title: str
    author: str | None
    source: str | None
    published: str | None
    url: str | None
    sha256: str
    body_start: int = Field(ge=0, description="where the article begins, after front matter")
    text: str


class FileOut(BaseModel):
    """What became of one file."""

    path: str
    outcome: Literal["added", "replaced", "unchanged", "removed", "refused"]
    reason: str


class FilesOut(BaseModel):
    """What became of the files of an upload."""

    files: list[FileOut]


class EvidenceOut(BaseModel):
    """What bears a sentence out: characters of an article, or of the passage of that number (from 1)."""

    passage: int | None
    path: str | None
    title: str | None
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    quote: str
    support: float = Field(ge=0, le=1)


class ObjectionOut(BaseModel):
    """What speaks against a sentence."""

    kind: str
    text: str = Field(description="the words it is about")
    reason: str


class CheckOut(BaseModel):
    """What came of checking one sentence."""

    text: str
    supported: bool
    evidence: list[EvidenceOut]
    objections: list[ObjectionOut]


class VerifyOut(BaseModel):
    """A claim is supported when each of its sentences is."""

    claim: str
    supported: bool
    sentences: list[CheckOut]


class HealthOut(BaseModel):
    """Whether the process lives, or can answer."""

    status: Literal["ok", "ready", "starting", "not_ready"]
    reason: str | None = None


class ErrorDetail(BaseModel):
    """What went wrong."""

    type: str
    message: str
    param: str | None
    code: str | None
    request_id: str


class ErrorOut(BaseModel):
    """Every error."""

    error: ErrorDetail


class ModelOut(BaseModel):
    """A way of answering."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsOut(BaseModel):
    """The ways of answering."""

    object: Literal["list"]
    data: list[ModelOut]


class UrlCitationOut(BaseModel):
    """Where a mark ``[n]`` stands in the message, and what it points to; ``url`` leads to the article's text."""

    start_index: int = Field(ge=0)
    end_index: int = Field(ge=0)
    url: str
    title: str
    number: int
    path: str
    start: int
    end: int
    quote: str
    support: float


class AnnotationOut(BaseModel):
    """A citation as OpenAI's clients know it."""

    type: Literal["url_citation"]
    url_citation: UrlCitationOut


class ChatMessageOut(BaseModel):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[AnnotationOut]


class ChoiceOut(BaseModel):
    """The only choice."""

    index: Literal[0]
    message: ChatMessageOut
    logprobs: None
    finish_reason: Literal["stop"]


class UsageOut(BaseModel):
    """Tokens, as the encoder counts them."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    total_tokens: int = Field(ge=0)


class ChatOut(BaseModel):
    """As OpenAI's clients read it; ``rag`` is the whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChoiceOut]
    usage: UsageOut
    rag: AnswerOut


_DESCRIBED = {
    400: "it cannot be done as asked",
    401: "a token is needed",
    403: "the request comes from another site's page, or articles may not be changed",
    404: "there is no such thing",
    408: "the body did not arrive in time",
    409: "it stands in the way of something else",
    413: "the body is too large",
    421: "the service is not known by this name",
    422: "a field is missing, unknown or out of bounds",
    429: "too many requests",
    431: "too many headers, or too long ones",
    503: "the index cannot be used, or too many wait",
}


def errors(*more: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route for the OpenAPI: those of every route, and ``more``."""
    statuses = sorted({401, 403, 408, 413, 421, 422, 429, 431, 503, *more})
    return {status: {"model": ErrorOut, "description": _DESCRIBED[status]} for status in statuses}
