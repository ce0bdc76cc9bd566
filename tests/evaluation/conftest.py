"""Answers and an engine to examine the examiners with: small, made of the real types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from rag.answering.events import Completed, Event, Searched, StatementReady
from rag.evaluation.questions import Question
from rag.types import Answer, Citation, Filters, Hit, Scores, Source, Statement, Verdict


def make_question(**given: object) -> Question:
    values: dict[str, object] = {"id": "q1", "question": "Who owns it?", "kind": "fact", "answerable": True}
    values |= given
    if values["answerable"]:
        if "answers" in values:
            values.setdefault("expected", ())
        values.setdefault("expected", (("Nissan",),))
        values.setdefault("sources", ("001",))
    return Question.model_validate(values)


def make_answer(text: str, *paths: str, verdict: Verdict = "answered") -> Answer:
    """One statement that cites every path."""
    citations = tuple(
        Citation(number, path, "Title", 0, len(text), text, 1.0) for number, path in enumerate(paths, start=1)
    )
    marks = "".join(f"[{citation.number}]" for citation in citations)
    return Answer(
        question="",
        query="",
        verdict=verdict,
        text=f"{text} {marks}".strip(),
        statements=(Statement(text, citations),) if citations else (),
        sources=tuple(Source(citation.number, citation.path, citation.title) for citation in citations),
    )


def make_hit(rank: int, path: str, text: str) -> Hit:
    return Hit(rank, 1 / rank, path, "Title", 0, len(text), text, Scores(0.5, 0.5, 0.5), ())


@dataclass
class ScriptedEngine:
    """Gives the answers it was handed, in order; a reply that is an exception is raised instead."""

    replies: list[tuple[Answer, tuple[Hit, ...]] | BaseException]
    asked: list[tuple[str, tuple[str | tuple[str, str], ...]]] = field(default_factory=list)

    def stream(
        self,
        question: str,
        history: Sequence[str | tuple[str, str]] = (),
        filters: Filters | None = None,
    ) -> Iterator[Event]:
        self.asked.append((question, tuple(history)))
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        answer, hits = reply
        yield Searched(question, hits)
        for statement in answer.statements:
            yield StatementReady(statement)
        yield Completed(answer)


@pytest.fixture
def question() -> Callable[..., Question]:
    return make_question


@pytest.fixture
def answer() -> Callable[..., Answer]:
    return make_answer


@pytest.fixture
def hit() -> Callable[..., Hit]:
    return make_hit


@pytest.fixture
def scripted() -> type[ScriptedEngine]:
    return ScriptedEngine
