"""What a program may send: every field bounded, nothing unknown taken in silence."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from rag.types import Filters

LONGEST_QUESTION = 2_000  # characters
LONGEST_TURN = 20_000  # characters of an earlier answer
MOST_TURNS = 20
LONGEST_CLAIM = 4_000
LONGEST_PASSAGE = 20_000
MOST_PASSAGES = 20
MOST_HITS = 100
LONGEST_PATH = 1_024

PLAIN = "^[^\\x00-\\x1f\\x7f\\ufffd]+$"  # no control characters, and nothing that was not UTF-8
_WORDS = r"\S"  # something other than space
Question: TypeAlias = Annotated[str, StringConstraints(max_length=LONGEST_QUESTION, pattern=_WORDS)]
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
Path: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PATH)]


def _day(value: str) -> str:
    if date.fromisoformat(value).isoformat() != value:
        raise ValueError("a day is written YYYY-MM-DD")
    return value


Day: TypeAlias = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FiltersIn(_Strict):
    """Which articles may answer; an article without a date fails any date."""

    after: Day | None = Field(None, description="published on this day or later")
    before: Day | None = Field(None, description="published on this day or earlier")
    sources: list[Annotated[str, StringConstraints(max_length=200)]] = Field(
        [], max_length=50, description="outlets, in any case; empty: all"
    )
    paths: list[Path] = Field([], max_length=50, description="shell patterns such as 2024/*.txt; empty: all")

    def filters(self) -> Filters:
        """As the retriever takes them."""
        return Filters(
            after=self.after,
            before=self.before,
            sources=tuple(self.sources),
            paths=tuple(self.paths),
        )


class TurnIn(_Strict):
    """An earlier question with its answer's text."""

    question: Question
    answer: str = Field("", max_length=LONGEST_TURN)


class AskIn(_Strict):
    """A question, with the conversation before it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "When will the joint venture be founded?"},
                {
                    "question": "And what will it do?",
                    "history": ["When will the joint venture be founded?"],
                    "filters": {"after": "2024-01-01"},
                    "stream": True,
                },
            ]
        }
    )

    question: Question = Field(description="in plain words")
    history: list[Question | TurnIn] = Field(
        [], max_length=MOST_TURNS, description="earlier questions, alone or with their answers, oldest first"
    )
    filters: FiltersIn | None = None
    stream: Flag = Field(False, description="server-sent events instead of one answer")


class SearchIn(_Strict):
    """What to look for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "joint venture", "k": 3}]})

    query: Question = Field(description="in plain words")
    k: int = Field(5, strict=True, ge=1, le=MOST_HITS, description="how many passages")
    filters: FiltersIn | None = None


class VerifyIn(_Strict):
    """A claim, and what to check it against: passages as given, else these documents, else all of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"claim": "The venture will be founded in March 2025."},
                {"claim": "It opened in May.", "passages": ["The plant opened in May 2024."]},
            ]
        }
    )

    claim: Annotated[str, StringConstraints(max_length=LONGEST_CLAIM, pattern=_WORDS)]
    passages: list[Annotated[str, StringConstraints(max_length=LONGEST_PASSAGE, pattern=_WORDS)]] | None = (
        Field(None, min_length=1, max_length=MOST_PASSAGES)
    )
    documents: list[Path] | None = Field(None, min_length=1, max_length=50, description="paths of articles")


class TextPart(BaseModel):
    """A piece of a message; only text is read."""

    type: Literal["text"]
    text: str = Field(max_length=LONGEST_TURN)


class MessageIn(BaseModel):
    """One message of a conversation as OpenAI's clients send it."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart | dict[str, Any]] | None = None

    def text(self) -> str:
        """Its text, the parts joined."""
        if isinstance(self.content, str):
            return self.content
        parts = [part.text for part in self.content or () if isinstance(part, TextPart)]
        return "\n".join(parts)


class StreamOptions(BaseModel):
    """What a stream brings besides the text."""

    include_usage: Flag = False


class ChatIn(BaseModel):
    """As OpenAI's clients send it. What has no meaning here (temperature, tools, …) is passed over."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "rag",
                    "messages": [{"role": "user", "content": "When will the joint venture be founded?"}],
                }
            ]
        }
    )

    model: str = Field(max_length=200, description="one of GET /v1/models")
    messages: list[MessageIn] = Field(min_length=1, max_length=500)
    stream: Flag | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="one answer; there are no others to choose from")
