"""What may be imported when: `import rag` stays light, and an answer needs no heavy framework."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import rag
from rag.index.index import Index

HEAVY = ("torch", "transformers", "sentence_transformers", "llama_index", "gradio", "fastapi", "onnx")
LISTED = "import sys, json; print(json.dumps(sorted(sys.modules)))"


def imported_by(code: str, **environment: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LISTED}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_import_rag_is_light() -> None:
    assert not imported_by("import rag") & {*HEAVY, "numpy", "faiss", "onnxruntime", "tantivy", "pydantic"}


def test_the_way_from_ask_to_a_cited_answer_imports_nothing_heavy(seeds_index: Index) -> None:
    code = (
        "import sys; from rag.apps.cli import app\n"
        "app(['ask', 'When will the joint venture be founded?', '--json'], standalone_mode=False)"
    )
    assert not imported_by(code, RAG_INDEX=str(seeds_index.path)) & set(HEAVY)


def test_every_public_name_resolves() -> None:
    for name in rag.__all__:
        assert getattr(rag, name).__name__ == name
    assert set(rag.__all__) <= set(dir(rag))


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(rag.__file__).parent / "py.typed").exists()
