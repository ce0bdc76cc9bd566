"""Routes about the service itself: whether it lives, whether it can answer, its counters, signing in to the page."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from rag.apps.service.asking import Serving
from rag.apps.service.core import Service
from rag.apps.service.errors import Json
from rag.apps.service.guard import COOKIE, LOGIN, SESSION_SECONDS, sign_in_page
from rag.apps.service.limits import client_of
from rag.apps.service.metrics import CONTENT_TYPE
from rag.apps.service.responses import ErrorOut, HealthOut, errors

router = APIRouter(tags=["service"])
_HEALTH_ERRORS: dict[int | str, dict[str, Any]] = {
    421: {"model": ErrorOut, "description": "the service is not known by this name"},
    431: {"model": ErrorOut, "description": "too many headers, or too long ones"},
}


@router.get(
    "/healthz", summary="Whether the process lives", response_model=HealthOut, responses=_HEALTH_ERRORS
)
async def healthz() -> Response:
    """Needs no token."""
    return Json({"status": "ok"})


@router.get(
    "/readyz",
    summary="Whether questions can be answered",
    response_model=HealthOut,
    responses={503: {"model": HealthOut, "description": "not yet, or not any more"}, **_HEALTH_ERRORS},
)
async def readyz(service: Serving) -> Response:
    """Needs no token; says why not only where there is none, since the reason may name folders of this machine."""
    if service.is_starting:
        return Json({"status": "starting"}, status_code=503)
    problem = await asyncio.to_thread(_problem, service)
    if not problem:
        return Json({"status": "ready"})
    told = {"status": "not_ready"} if service.tokens.is_set else {"status": "not_ready", "reason": problem}
    return Json(told, status_code=503)


def _problem(service: Service) -> str:
    return "" if service.desk.open() is not None else service.desk.problem


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **errors()},
)
async def metrics(service: Serving) -> Response:
    """Requests by route and status, answers by verdict, seconds by stage, what runs and what waits."""
    return Response(await asyncio.to_thread(service.metrics.text), headers={"content-type": CONTENT_TYPE})


@router.get(LOGIN, include_in_schema=False)
async def sign_in_form() -> Response:
    """The page that asks for the token."""
    return sign_in_page(status=200)


@router.post(LOGIN, include_in_schema=False)
async def sign_in(request: Request, service: Serving) -> Response:
    """Let a browser in that knows the token: from now on its cookie does."""
    given = _field((await request.body()).decode("utf-8", "replace"))
    allowed = service.tokens.try_for(client_of(request.scope), given)
    if allowed is None:
        return sign_in_page("Too many wrong tokens. Wait a minute.", 429)
    if not allowed:
        return sign_in_page("That is not the token.", 401)
    response = RedirectResponse("/", status_code=303)
    if service.tokens.is_set:
        response.set_cookie(
            COOKIE,
            service.tokens.session(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return response


def _field(form: str) -> str:
    """The token of a form; '' for what is no form of ours."""
    try:
        return parse_qs(form, max_num_fields=2).get("token", [""])[0]
    except ValueError:
        return ""
