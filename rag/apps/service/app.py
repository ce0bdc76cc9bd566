"""The service put together: routes, errors in one shape, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.routing import Match, Route

from rag import __version__
from rag.apps.service import asking, documents, health, openai_compatible, verifying
from rag.apps.service.config import ServiceConfig
from rag.apps.service.core import Service
from rag.apps.service.errors import ServiceError, add_handlers
from rag.apps.service.guard import Gate, is_api
from rag.apps.service.limits import BodyLimit
from rag.apps.service.observe import Observer

if TYPE_CHECKING:
    from rag.apps.chat_desk import Desk

_DESCRIPTION = """Ask a folder of articles. Every sentence of an answer is cited to the exact characters of a source
file; what the articles do not say is not answered.

Errors have one shape, `{"error": {"type", "message", "param", "code", "request_id"}}`; the header `x-request-id` of
every answer is in the log as well. Where a token is set, send it as `Authorization: Bearer TOKEN`."""


def create_app(desk: Desk, config: ServiceConfig | None = None) -> FastAPI:
    """The service over a desk. The page is mounted on it by whoever serves both.

    Args:
        desk: opens engine and index when they are needed; what it cannot open is answered with 503 and the reason.
        config: how the service behaves; by default for this machine only.
    """
    config = config or ServiceConfig()
    service = Service(desk, config)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    def limit_for(scope: Any) -> int:
        uploads = not is_api(scope["path"]) or scope["path"].startswith("/v1/documents")
        return config.upload_bytes if uploads else config.body_bytes

    app = FastAPI(
        title="rag",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=life,
        redirect_slashes=False,
        docs_url=None,  # its pages load their scripts from elsewhere
        redoc_url=None,
        middleware=[
            Middleware(Observer, metrics=service.metrics),
            Middleware(Gate, config=config, tokens=service.tokens, refused=service.metrics.refused),
            Middleware(BodyLimit, limit_for=limit_for, seconds=config.upload_seconds),
        ],
    )
    app.state.service = service
    add_handlers(app)
    for part in _PARTS:
        app.include_router(part.router)
    for path in ("/v1/{rest:path}", "/healthz", "/readyz", "/metrics", "/openapi.json"):
        app.add_api_route(path, _nothing, methods=_METHODS, include_in_schema=False)
    _describe(app, has_token=config.token is not None)
    return app


_PARTS = (asking, documents, verifying, openai_compatible, health)
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]


async def _nothing(request: Request) -> None:
    """What is not there is said in the one shape, whatever page is mounted beneath."""
    routes = [*request.app.router.routes, *(route for part in _PARTS for route in part.router.routes)]
    near = [
        route
        for route in routes
        if isinstance(route, Route | APIRoute) and route.matches(request.scope)[0] == Match.PARTIAL
    ]
    if request.scope["path"].endswith("/text"):
        near = near[:1]  # the address of a text is no article's, though it looks like one
    allowed = {method for route in near for method in getattr(route, "methods", None) or ()}
    if allowed:
        raise ServiceError(
            405,
            "this address does not take that method; next step: see the header Allow",
            headers={"allow": ", ".join(sorted(allowed))},
        )
    raise ServiceError(
        404, "there is nothing at this address; next step: GET /openapi.json lists what there is"
    )


def _describe(app: FastAPI, *, has_token: bool) -> None:
    """Say in the OpenAPI that a token is needed, where it is."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            if has_token:
                schema.setdefault("components", {})["securitySchemes"] = {
                    "token": {"type": "http", "scheme": "bearer"}
                }
                for path, operations in schema["paths"].items():
                    if path not in ("/healthz", "/readyz"):
                        for operation in operations.values():
                            operation["security"] = [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema
