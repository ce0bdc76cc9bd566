"""The route that checks a claim: ``/v1/verify``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rag.answering.alignment import align
from rag.answering.prompting import Passage
from rag.apps.service.asking import Serving
from rag.apps.service.core import Service
from rag.apps.service.errors import Json, ServiceError
from rag.apps.service.requests import VerifyIn
from rag.apps.service.responses import VerifyOut, errors
from rag.apps.service.shapes import check_json
from rag.chunking.sentences import split_sentences
from rag.errors import InputError
from rag.models.reader import Reader
from rag.types import Document, Filters, Hit, ScoredSentence, Scores

router = APIRouter(tags=["verify"])
MOST_SENTENCES = 20
_SEARCHED = 6  # passages a sentence is held against
_SPECIAL = re.compile(r"([*?[])")


@router.post(
    "/v1/verify",
    summary="Check a claim, sentence by sentence",
    response_model=VerifyOut,
    responses=errors(400, 404),
)
async def verify(asked: VerifyIn, request: Request, service: Serving) -> Response:
    """Against the passages given, else against the documents named, else against all articles.

    Figures, dates, units and names must stand in the text exactly, nothing may be turned into its opposite, and the
    reader must find that the text says it.
    """
    service.note_question(request, asked.claim)
    return Json(await service.run(request, lambda: _verified(asked, service)))


def _verified(asked: VerifyIn, service: Service) -> dict[str, Any]:
    sentences = [asked.claim[sentence.start : sentence.end] for sentence in split_sentences(asked.claim)]
    if len(sentences) > MOST_SENTENCES:
        raise ServiceError(
            400,
            f"the claim has {len(sentences)} sentences, {MOST_SENTENCES} are the most; next step: send them apart",
            param="claim",
        )
    engine = service.engine()
    given = [
        Document(f"passage {number}", "", text, "") for number, text in enumerate(asked.passages or (), 1)
    ]
    if given:
        checks = _against_passages(sentences, given, engine.reader)
    else:
        index = engine.retriever.index
        filters = _only(asked.documents, index.document) if asked.documents else None
        checks = []
        with index.snapshot():  # the passages found and the articles they stand in are of one state
            for sentence in sentences:
                hits, _ = engine.retriever.retrieve_with_vector(sentence, k=_SEARCHED, filters=filters)
                passages = [Passage(hit, hit.sentences) for hit in hits]
                aligned = align(sentence, (), passages, index.document, engine.reader)
                checks.append(check_json(sentence, aligned, ()))
    return {
        "claim": asked.claim,
        "supported": bool(checks) and all(check["supported"] for check in checks),
        "sentences": checks,
    }


def _against_passages(
    sentences: Sequence[str], given: Sequence[Document], reader: Reader | None
) -> list[dict[str, Any]]:
    documents = {document.path: document for document in given}
    passages = [_passage(document) for document in given]
    return [
        check_json(sentence, align(sentence, (), passages, documents.__getitem__, reader), given)
        for sentence in sentences
    ]


def _passage(document: Document) -> Passage:
    text = document.text
    sentences = tuple(
        ScoredSentence(span.start, span.end, text[span.start : span.end], 0.0)
        for span in split_sentences(text)
    )
    hit = Hit(1, 0.0, document.path, "", 0, len(text), text, Scores(0.0, 0.0, 0.0), sentences)
    return Passage(hit, sentences)


def _only(paths: Sequence[str], document: Callable[[str], Document]) -> Filters:
    """Filters for exactly these articles."""
    for place, path in enumerate(paths):
        try:
            document(path)
        except InputError as error:
            raise ServiceError(
                404,
                "there is no article at one of the paths; next step: GET /v1/documents lists them",
                param=f"documents.{place}",
            ) from error
    return Filters(paths=tuple(_SPECIAL.sub(r"[\1]", path) for path in paths))
