"""docs/service.md names what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from places import ROOT

from rag.apps.chat_desk import Desk
from rag.apps.service.app import create_app
from rag.settings import Settings

DOCS = (ROOT / "docs" / "service.md").read_text("utf-8")


def test_every_route_is_in_its_table() -> None:
    def opener() -> None:
        raise AssertionError("nothing is opened to describe the routes")

    schema = create_app(Desk(opener, Path("x"))).openapi()  # type: ignore[arg-type]  # never called
    there = {(method.upper(), path) for path, operations in schema["paths"].items() for method in operations}
    # of a model by its name it says nothing, as OpenAI's documents do
    there.discard(("GET", "/v1/models/{model}"))
    named = set()
    for cell in re.findall(r"^\| (`[A-Z].*?) \|", DOCS, re.MULTILINE):
        methods: list[str] = []
        for part in re.findall(r"`([^`]+)`", cell):
            words = part.split("?")[0].split()
            methods = [words[0]] if words[0].isupper() and len(words) > 1 else methods
            if words[-1].startswith("/"):
                named |= {(method, words[-1]) for method in methods}
    named.add(("PUT", "/v1/documents/{path}"))  # "`PUT`, `DELETE /v1/…`"
    assert named == there


def test_every_setting_it_names_is_one() -> None:
    named = {name.lower() for name in re.findall(r"RAG_([A-Z_]+)", DOCS)}
    assert named <= set(Settings.model_fields)
    assert {
        "serve_token",
        "serve_hosts",
        "serve_rate",
        "serve_workers",
        "serve_queue",
        "serve_upload_mb",
    } <= named
