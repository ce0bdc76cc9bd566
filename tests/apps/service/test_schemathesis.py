"""The OpenAPI is true: generated requests get no 5xx, and no answer that it does not describe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from apps.service.conftest import Served, serving

from rag.answering.engine import AnswerEngine
from rag.apps.service.config import ServiceConfig
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.models.reader import Reader
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "3"  # an operation and phase; the edges of every field come on top


@pytest.fixture
def api(tmp_path: Path, encoder: Encoder, reader: Reader | None) -> Iterator[Served]:
    """Over two short articles, which it may remove or replace."""
    articles = tmp_path / "articles"
    articles.mkdir()
    for name in ("a", "b"):
        text = f"News of {name}\n\nThe joint venture {name} will be founded in May.\n"
        (articles / f"{name}.txt").write_text(text, "utf-8")
    path = tmp_path / "index"
    with Index.open(path, settings=Settings(index=path), encoder=encoder) as index:
        index.sync(articles)
        with serving(index, AnswerEngine(Retriever(index, reader=reader)), ServiceConfig(rate=0)) as served:
            yield served


def test_generated_requests_find_nothing_wrong(api: Served, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={CONFIG}",
            "run",
            f"{api.url}/openapi.json",
            "--checks=all",
            f"--max-examples={EXAMPLES}",
            "--phases=examples,coverage,fuzzing",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert "Tested: 14" in done.stdout
