"""Routes that OpenAI's clients use unchanged: ``/v1/chat/completions`` and ``/v1/models``.

The last message of the user is the question, the earlier ones are the conversation; system messages are passed over,
since what may be said here is decided by the articles alone. The answer's ``[n]`` carry annotations that say which
characters of which article they point to.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from rag.answering.citations import marked
from rag.answering.events import Completed, Event, StatementReady
from rag.apps.schema import answer_json
from rag.apps.service.asking import EVENT, NO_BUFFERING, Serving, note_answer
from rag.apps.service.core import Service
from rag.apps.service.errors import Json, ServiceError, error_body, from_rag, request_id
from rag.apps.service.requests import LONGEST_QUESTION, MOST_TURNS, ChatIn, MessageIn
from rag.apps.service.responses import ChatOut, ModelOut, ModelsOut, errors
from rag.apps.service.shapes import sse_data
from rag.errors import RagError
from rag.types import Answer

router = APIRouter(tags=["openai"])
AS_SET, QUOTES = "rag", "rag-quotes"
_STARTED = int(time.time())


@router.get("/v1/models", summary="The ways of answering", response_model=ModelsOut, responses=errors())
async def models() -> Response:
    """`rag` answers as the settings say, `rag-quotes` always in the articles' own sentences."""
    return Json({"object": "list", "data": [_model(name) for name in (AS_SET, QUOTES)]})


@router.get(
    "/v1/models/{model}", summary="One way of answering", response_model=ModelOut, responses=errors(404)
)
async def model(model: str) -> Response:
    """As in the list."""
    _check_model(model)
    return Json(_model(model))


@router.post(
    "/v1/chat/completions",
    summary="Answer the last message, for OpenAI's clients",
    responses={
        200: {
            "model": ChatOut,
            "description": "The answer; with `stream`, chunks as OpenAI sends them, the annotations with the last.",
            "content": {"text/event-stream": {"schema": EVENT}},
        },
        **errors(400, 404),
    },
)
async def complete(asked: ChatIn, request: Request, service: Serving) -> Response:
    """The content's `[n]` are annotated as `url_citation`; `rag` holds the whole answer."""
    _check_model(asked.model)
    question, history = conversation(asked.messages)
    service.note_question(request, question)
    base = str(request.base_url).rstrip("/")
    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": asked.model}

    def events() -> Iterator[Event]:
        yield from service.engine(quotes_only=asked.model == QUOTES).stream(question, history)

    if not asked.stream:
        answer, usage = await service.run(request, lambda: _whole(events(), question, service))
        note_answer(service, request, answer)
        return Json(_completion(answer, usage, head, base))
    steps = service.stream(request, events)
    first = await anext(steps)
    wants_usage = asked.stream_options is not None and asked.stream_options.include_usage
    chunks = _Chunks(head, base, streams=service.engine().generator is None or asked.model == QUOTES)
    return StreamingResponse(
        _told(first, steps, chunks, service, request, question if wants_usage else None),
        media_type="text/event-stream",
        headers=NO_BUFFERING,
    )


def conversation(messages: list[MessageIn]) -> tuple[str, list[str | tuple[str, str]]]:
    """The question, and the turns before it: each earlier question with what was answered to it.

    Raises:
        ServiceError: 400, when no message asks anything, or the last one asks too much.
    """
    asking = [
        place for place, message in enumerate(messages) if message.role == "user" and message.text().strip()
    ]
    if not asking:
        raise ServiceError(400, "no message of the user says anything", param="messages")
    last = asking[-1]
    question = messages[last].text().strip()
    if len(question) > LONGEST_QUESTION:
        raise ServiceError(
            400,
            f"the question has {len(question)} characters, {LONGEST_QUESTION} are the most",
            param="messages",
        )
    history: list[str | tuple[str, str]] = []
    for message in messages[:last]:
        said = message.text().strip()
        if message.role == "user" and said:
            history.append(said[:LONGEST_QUESTION])
        elif message.role == "assistant" and said and history and isinstance(history[-1], str):
            history[-1] = (history[-1], said)
    return question, history[-MOST_TURNS:]


def _check_model(name: str) -> None:
    if name not in (AS_SET, QUOTES):
        raise ServiceError(
            404,
            f"there is no such model; next step: ask for {AS_SET} or {QUOTES}",
            param="model",
            code="model_not_found",
        )


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": "rag"}


def citation_marks(answer: Answer, base: str, content: str) -> list[dict[str, Any]]:
    """One annotation for each ``[n]`` of the content, in order.

    Args:
        answer: whose statements stand in the content.
        base: the service's address.
        content: the message's text.
    """
    found, place = [], 0
    for statement in answer.statements:
        shown = marked(statement)
        start = content.find(shown, place)
        if start < 0:
            continue
        place = mark = start + len(statement.text) + 1
        for citation in statement.citations:
            width = len(f"[{citation.number}]")
            address = f"{base}/v1/documents/{quote(citation.path)}/text#char={citation.start},{citation.end}"
            found.append(
                {
                    "type": "url_citation",
                    "url_citation": {
                        "start_index": mark,
                        "end_index": mark + width,
                        "url": address,
                        "title": citation.title,
                        "number": citation.number,
                        "path": citation.path,
                        "start": citation.start,
                        "end": citation.end,
                        "quote": citation.quote,
                        "support": citation.support,
                    },
                }
            )
            mark += width
            place = mark
    return found


def _whole(events: Iterator[Event], question: str, service: Service) -> tuple[Answer, dict[str, int]]:
    for event in events:
        if isinstance(event, Completed):
            return event.answer, _usage(question, event.answer.text, service)
    raise AssertionError("a stream ends with Completed")


def _usage(question: str, content: str, service: Service) -> dict[str, int]:
    asked, said = service.opened()[1].encoder.count_tokens([question, content])
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _completion(answer: Answer, usage: dict[str, int], head: dict[str, Any], base: str) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": citation_marks(answer, base, answer.text),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {
        **head,
        "object": "chat.completion",
        "choices": [choice],
        "usage": usage,
        "rag": answer_json(answer),
    }


class _Chunks:
    """A stream's chunks.

    Args:
        head: what all carry.
        base: the service's address.
        streams: statements are sent as they come. A language model's are not: when it fails midway they are taken
            back, and what was sent to a client cannot be.
    """

    def __init__(self, head: dict[str, Any], base: str, *, streams: bool) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}
        self._base = base
        self._streams = streams
        self._sent = ""

    def begin(self) -> bytes:
        """The first."""
        return self.chunk({"role": "assistant", "content": ""})

    def take(self, event: Event) -> list[bytes]:
        """What an event adds."""
        if isinstance(event, StatementReady) and self._streams:
            return [self._text((" " if self._sent else "") + marked(event.statement))]
        if not isinstance(event, Completed):
            return []
        answer, chunks = event.answer, []
        told = answer.text.startswith(self._sent)
        rest = answer.text.removeprefix(self._sent) if told else "\n\n" + answer.text
        if rest:
            chunks.append(self._text(rest))
        cited = citation_marks(answer, self._base, self._sent)
        return [*chunks, self.chunk({"annotations": cited}, finish="stop", rag=answer_json(answer))]

    def usage(self, usage: dict[str, int]) -> bytes:
        """The one after the last, where it is asked for."""
        return sse_data({**self._head, "choices": [], "usage": usage})

    def chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        """One chunk."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse_data({**self._head, "choices": [choice], **more})

    def _text(self, text: str) -> bytes:
        self._sent += text
        return self.chunk({"content": text})


async def _told(
    first: Event,
    steps: AsyncIterator[Event],
    chunks: _Chunks,
    service: Service,
    request: Request,
    counted: str | None,
) -> AsyncIterator[bytes]:
    yield chunks.begin()
    try:
        async for event in _with(first, steps):
            for chunk in chunks.take(event):
                yield chunk
            if isinstance(event, Completed):
                note_answer(service, request, event.answer)
                if counted is not None:
                    yield chunks.usage(_usage(counted, event.answer.text, service))
    except RagError as error:
        yield sse_data(error_body(from_rag(error), request_id(request)))
    yield b"data: [DONE]\n\n"


async def _with(first: Event, steps: AsyncIterator[Event]) -> AsyncIterator[Event]:
    yield first
    async for event in steps:
        yield event
