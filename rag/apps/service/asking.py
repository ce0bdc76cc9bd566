"""Routes that answer and find: ``/v1/ask``, whole or as it is made, and ``/v1/search``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from rag.answering.events import Completed, Event
from rag.apps.schema import answer_json, hits_json
from rag.apps.service.core import Service, service_of
from rag.apps.service.errors import Json, error_body, from_rag, request_id
from rag.apps.service.observe import tell
from rag.apps.service.requests import AskIn, FiltersIn, SearchIn, TurnIn
from rag.apps.service.responses import AnswerOut, HitsOut, errors
from rag.apps.service.shapes import event_json, sse
from rag.errors import RagError
from rag.types import Answer, Filters

router = APIRouter(tags=["ask"])
Serving = Annotated[Service, Depends(service_of)]
NO_BUFFERING = {"x-accel-buffering": "no"}  # a proxy that collects a stream makes it arrive at its end

EVENT = {  # of each event, as the tools that read server-sent events take it
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
_EVENTS = """event: searched
data: {"query":"When will the joint venture be founded?","hits":[…]}

event: statement
data: {"text":"…","citations":[{"number":1,"path":"…","start":512,"end":640,"quote":"…",…}]}

event: completed
data: {"verdict":"answered",…}
"""


@router.post(
    "/v1/ask",
    summary="Answer a question with cited sentences, or say that it is not in the articles",
    responses={
        200: {
            "model": AnswerOut,
            "description": "The answer; with `stream`, events: `searched`, then `statement` for each sentence that was "
            "checked, then `completed` with the whole answer. With a language model `preparing`, `token` (not checked "
            "yet), `dropped` and `fell_back` (forget the statements so far) come in between. `error` ends a stream "
            "that failed.",
            "content": {"text/event-stream": {"schema": EVENT, "example": _EVENTS}},
        },
        **errors(400),
    },
)
async def ask(asked: AskIn, request: Request, service: Serving) -> Response:
    """Every citation's `quote` is exactly `text[start:end]` of `GET /v1/documents/{path}/text`."""
    service.note_question(request, asked.question)
    filters, history = chosen(asked.filters), [_turn(turn) for turn in asked.history]

    def events() -> Iterator[Event]:
        yield from service.engine().stream(asked.question, history, filters)

    if not asked.stream:
        answer = await service.run(request, lambda: _answer(events()))
        note_answer(service, request, answer)
        return Json(answer_json(answer))
    steps = service.stream(request, events)
    first = await anext(steps)  # what is refused is refused with a status, before a stream begins
    return StreamingResponse(
        _told(first, steps, service, request), media_type="text/event-stream", headers=NO_BUFFERING
    )


@router.post(
    "/v1/search",
    summary="Find the passages nearest to a question, without answering it",
    response_model=HitsOut,
    responses=errors(400),
)
async def search(asked: SearchIn, request: Request, service: Serving) -> Response:
    """Best first; near-identical passages count once."""
    service.note_question(request, asked.query)
    filters = chosen(asked.filters)

    def find() -> dict[str, Any]:
        return hits_json(
            asked.query, service.engine().retriever.retrieve(asked.query, k=asked.k, filters=filters)
        )

    return Json(await service.run(request, find))


def chosen(filters: FiltersIn | None) -> Filters | None:
    """Filters as the retriever takes them; None for none."""
    return filters.filters() if filters is not None else None


def note_answer(service: Service, request: Request, answer: Answer) -> None:
    """Count an answer, and tell the log how it went."""
    service.metrics.asked(answer)
    tell(request.scope, verdict=answer.verdict, statements=len(answer.statements))


def _turn(turn: str | TurnIn) -> str | tuple[str, str]:
    return turn if isinstance(turn, str) else (turn.question, turn.answer)


def _answer(events: Iterator[Event]) -> Answer:
    for event in events:
        if isinstance(event, Completed):
            return event.answer
    raise AssertionError("a stream ends with Completed")


async def _told(
    first: Event, steps: AsyncIterator[Event], service: Service, request: Request
) -> AsyncIterator[bytes]:
    yield sse(*event_json(first))
    try:
        async for event in steps:
            if isinstance(event, Completed):
                note_answer(service, request, event.answer)
            yield sse(*event_json(event))
    except RagError as error:
        yield sse("error", error_body(from_rag(error), request_id(request)))
