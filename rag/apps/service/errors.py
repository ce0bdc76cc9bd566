"""Errors as a program meets them: one shape for all, which the ``openai`` clients know too.

    {"error": {"type": "invalid_request", "message": "…; next step: …", "param": "question", "code": null,
               "request_id": "…"}}

``type`` is for programs, ``message`` for the person behind them; nothing of what was sent is said back in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rag.errors import InputError, RagError

TYPES = {
    400: "invalid_request",
    401: "authentication_error",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    411: "invalid_request",
    413: "too_large",
    415: "unsupported_media_type",
    421: "forbidden",
    422: "invalid_request",
    429: "rate_limited",
    431: "too_large",
    500: "internal_error",
    503: "unavailable",
}


class ServiceError(HTTPException):
    """A refusal with its status. One that is raised while a body is read passes through FastAPI as it is.

    Args:
        status: of the answer.
        message: what was wrong and the next step.
        param: the field it is about.
        code: for programs, where the type is not telling enough.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.status = status
        self.message = message
        self.param = param
        self.code = code


class Json(JSONResponse):
    """JSON that any text can stand in: half a surrogate pair becomes a question mark instead of an error."""

    def render(self, content: Any) -> bytes:
        """The bytes of the body."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


def error_body(error: ServiceError, request_id: str) -> dict[str, Any]:
    """The one shape."""
    return {
        "error": {
            "type": TYPES.get(error.status, "error"),
            "message": error.message,
            "param": error.param,
            "code": error.code,
            "request_id": request_id,
        }
    }


def error_response(error: ServiceError, request_id: str) -> Json:
    """A refusal as an answer."""
    return Json(error_body(error, request_id), status_code=error.status, headers=error.headers)


def from_rag(error: RagError) -> ServiceError:
    """What the rest of the program refuses, with a status: the asker's to mend, or the owner's."""
    if isinstance(error, InputError):
        return ServiceError(400, str(error))
    return ServiceError(503, str(error), headers={"retry-after": "5"})


def request_id(request: Request) -> str:
    """The id that the log and every answer carry."""
    return str(request.scope.get("rag_request_id", ""))


def add_handlers(app: FastAPI) -> None:
    """Have every error of an app answered in the one shape."""

    async def refused(request: Request, error: Exception) -> Json:
        assert isinstance(error, ServiceError)
        return error_response(error, request_id(request))

    async def mendable(request: Request, error: Exception) -> Json:
        assert isinstance(error, RagError)
        return error_response(from_rag(error), request_id(request))

    async def invalid(request: Request, error: Exception) -> Json:
        assert isinstance(error, RequestValidationError)
        return error_response(_invalid(error), request_id(request))

    async def http(request: Request, error: Exception) -> Json:
        assert isinstance(error, HTTPException)
        status = error.status_code
        message = {
            404: "there is nothing at this address; next step: GET /openapi.json lists what there is",
            405: "this address does not take that method; next step: see the header Allow",
            400: "the request's body cannot be read; next step: send JSON in UTF-8",
        }.get(status, HTTPStatus(status).phrase)
        return error_response(ServiceError(status, message, headers=error.headers), request_id(request))

    async def unexpected(request: Request, error: Exception) -> Json:
        return error_response(
            ServiceError(
                500,
                "something unforeseen went wrong here; the log has more under this request's id",
                # told past all that stands before the routes, and uvicorn closes the connection after it
                headers={"connection": "close", "x-request-id": request_id(request)},
            ),
            request_id(request),
        )

    app.add_exception_handler(ServiceError, refused)
    app.add_exception_handler(RagError, mendable)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


_SAID = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field; next step: leave it out",
    "string_pattern_mismatch": "it is empty, or has characters that cannot be used here",
}


def _invalid(error: RequestValidationError) -> ServiceError:
    problems, params = [], []
    for problem in error.errors()[:5]:
        place = ".".join(str(part) for part in problem["loc"][1:])
        if problem["type"] == "json_invalid":
            return ServiceError(
                422, "the body is not JSON; next step: send JSON in UTF-8", code="json_invalid"
            )
        params.append(place)
        said = _SAID.get(problem["type"], str(problem["msg"]))
        problems.append(f"{place}: {said}" if place else said)
    if len(error.errors()) > 5:
        problems.append(f"and {len(error.errors()) - 5} more")
    return ServiceError(422, "; ".join(problems), param=params[0] or None)
