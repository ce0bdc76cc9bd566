"""Routes over the articles: the list, a text, and adding and removing; an article's path is its id."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from rag.apps.library import FileResult, Library, Sort, Upload
from rag.apps.service.asking import Serving
from rag.apps.service.errors import Json, ServiceError
from rag.apps.service.requests import LONGEST_PATH, PLAIN, Day
from rag.apps.service.responses import ArticlesOut, FileOut, FilesOut, TextOut, errors
from rag.apps.service.shapes import article_json, file_json, text_json
from rag.errors import InputError

router = APIRouter(tags=["documents"])
ArticlePath = Annotated[
    str,
    Path(
        min_length=1,
        max_length=LONGEST_PATH,
        pattern=PLAIN,
        description="relative to the folder that was synced, with forward slashes",
        examples=["joint-venture.txt"],
    ),
]
_RAW = {
    "requestBody": {
        "required": True,
        "description": "the file's bytes",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/v1/documents", summary="List the articles", response_model=ArticlesOut, responses=errors(400))
async def listed(
    request: Request,
    service: Serving,
    search: Annotated[
        str, Query(max_length=200, description="words that title, path or outlet must have")
    ] = "",
    source: Annotated[str | None, Query(max_length=200, description="only this outlet, in any case")] = None,
    after: Annotated[Day | None, Query(description="published on this day or later")] = None,
    before: Annotated[Day | None, Query(description="published on this day or earlier")] = None,
    sort: Annotated[Sort, Query(description="`date` is newest first")] = "title",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """One page of the list."""

    def read() -> dict[str, Any]:
        found = service.library().articles(
            search=search,
            source=source,
            after=after,
            before=before,
            sort=sort,
        )
        page = found[offset : offset + limit]
        return {"documents": [article_json(article) for article in page], "total": len(found)}

    return Json(await service.run(request, read))


@router.get(
    "/v1/documents/{path:path}/text",
    summary="Read an article's text, as citations count in it",
    response_model=TextOut,
    responses=errors(404),
)
async def text(path: ArticlePath, request: Request, service: Serving) -> Response:
    """Characters are code points, as in Python; the text is as it was when the folder was last synced."""

    def read() -> dict[str, Any]:
        try:
            return text_json(service.opened()[1].document(path))
        except InputError as error:
            raise _absent() from error

    return Json(await service.run(request, read))


@router.put(
    "/v1/documents/{path:path}",
    summary="Add or replace an article",
    response_model=FileOut,
    responses={201: {"model": FileOut, "description": "it is new"}, **errors(400)},
    openapi_extra=_RAW,
)
async def put(path: ArticlePath, request: Request, service: Serving) -> Response:
    """The body is the file's bytes. It is written into the synced folder whole or not at all; then it can be asked."""
    _check_is_article(path)
    service.check_writable()
    with tempfile.TemporaryDirectory(prefix="rag-upload-") as folder:
        body = await _received(request, File(folder))
        result = await service.write(request, lambda library: library.put(path, body.read_bytes()))
    if result.outcome == "refused":
        raise _refused(result)
    return Json(file_json(result), status_code=201 if result.outcome == "added" else 200)


@router.post(
    "/v1/documents",
    summary="Add a file, or the files of a zip",
    response_model=FilesOut,
    responses=errors(400),
    openapi_extra=_RAW,
)
async def upload(
    request: Request,
    service: Serving,
    name: Annotated[
        str,
        Query(
            min_length=1,
            max_length=LONGEST_PATH,
            description="the file's name; one that ends with .zip is unpacked",
            examples=["articles.zip"],
        ),
    ],
) -> Response:
    """What cannot be used is refused file by file, with the reason; the others go in."""
    service.check_writable()
    with tempfile.TemporaryDirectory(prefix="rag-upload-") as folder:
        body = await _received(request, File(folder))
        results = await service.write(request, lambda library: library.add([Upload(name, body)]))
    return Json({"files": [file_json(result) for result in results]})


@router.delete(
    "/v1/documents/{path:path}",
    summary="Remove an article and its file",
    response_model=FileOut,
    responses=errors(404, 409),
)
async def delete(path: ArticlePath, request: Request, service: Serving) -> Response:
    """The file leaves the synced folder."""
    _check_is_article(path)
    result = await service.write(request, _remover(path))
    if result.outcome == "refused":
        raise ServiceError(409, result.reason, param="path", code="refused")
    return Json(file_json(result))


def _remover(path: str) -> Callable[[Library], FileResult]:
    def remove(library: Library) -> FileResult:
        try:
            library.index.document(path)
        except InputError as error:
            raise _absent() from error
        return library.remove(path)

    return remove


def _check_is_article(path: str) -> None:
    """No article's name ends without a suffix, so this is the address of a text, which is only read."""
    if path.endswith("/text"):
        raise ServiceError(405, "a text is only read; next step: leave out /text", headers={"allow": "GET"})


def _absent() -> ServiceError:
    return ServiceError(
        404, "there is no article at this path; next step: GET /v1/documents lists them", param="path"
    )


def _refused(result: FileResult) -> ServiceError:
    return ServiceError(400, result.reason, param="path", code="refused")


async def _received(request: Request, folder: File) -> File:
    """The body as a file, so that a large one does not stand in memory."""
    body = folder / "body"
    with body.open("wb") as out:
        async for piece in request.stream():
            out.write(piece)
    if not body.stat().st_size:
        raise ServiceError(400, "the body is empty; next step: send the file's bytes", code="empty")
    return body
