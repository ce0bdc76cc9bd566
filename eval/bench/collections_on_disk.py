"""Public test collections as folders of articles, indexed by the product itself.

A collection's documents become text files with their title as front matter, so that a document's text is
exactly the collection's. Folders and indexes are kept between runs (``--work``); syncing again does nothing
that is done already. The collections are looked for at ``../shared/data/eval`` beside the project, or where
``--data`` says.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag.index.index import Index
from rag.index.sync import SyncEvent
from rag.models.encoder import Encoder
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "eval"
RESAMPLES = 2000
SPLITS = {"scifact": ("train", "test")}


@dataclass(frozen=True)
class Question:
    id: str
    text: str
    relevant: dict[str, int]
    kind: str = ""


@dataclass(frozen=True)
class Collection:
    name: str
    documents: list[dict[str, str]]
    questions: list[Question]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all scripts over collections share."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the collections")
    parser.add_argument("--work", type=Path, default=cache / "rag" / "bench", help="where indexes are kept")


def _rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        sys.exit(f"{file} is not here; next step: --data FOLDER, the folder that holds the collections")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load(name: str, split: str, data: Path) -> Collection:
    """A collection with the questions of one split; "" for collections that have no splits."""
    suffix = f"_{split}" if split else ""
    queries = _rows(data / name / f"queries{suffix}.jsonl.gz")
    relevant: dict[str, dict[str, int]] = {}
    if name == "squad2":
        relevant = {query["_id"]: {query["context_id"]: 1} for query in queries}
    else:
        for row in _rows(data / name / f"qrels{suffix}.jsonl.gz"):
            relevant.setdefault(row["query"], {})[row["doc"]] = int(row["score"])
    questions = [Question(q["_id"], q["text"], relevant[q["_id"]], q.get("type", "")) for q in queries]
    return Collection(name, _rows(data / name / "corpus.jsonl.gz"), questions)


def sampled(collection: Collection, count: int | None, seed: int) -> Collection:
    """The collection with a random sample of so many questions, the same every time; all of them by default."""
    if not count or count >= len(collection.questions):
        return collection
    return replace(collection, questions=random.Random(seed).sample(collection.questions, count))


def interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean."""
    generator = random.Random(seed)
    means = sorted(statistics.fmean(generator.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]


def file_name(document_id: str) -> str:
    """A document's file; ids hold no character that a file name may not."""
    return f"{document_id}.txt"


def build(collection: Collection, settings: Settings, work: Path, encoder: Encoder | None = None) -> Index:
    """The collection's index for these settings, synced."""
    folder = work / collection.name / "articles"
    folder.mkdir(parents=True, exist_ok=True)
    for document in collection.documents:
        file = folder / file_name(document["_id"])
        if not file.exists():
            file.write_text(f"---\ntitle: {document['title']}\n---\n{document['text']}", "utf-8")
    path = work / collection.name / f"index-{settings.chunk_tokens}-{settings.chunk_overlap}"
    index = Index.open(path, settings=settings.model_copy(update={"index": path}), encoder=encoder)

    def show(event: SyncEvent) -> None:
        print(f"\r{event.stage} {event.done:,} of {event.total:,}", end="", file=sys.stderr, flush=True)

    report = index.sync(folder, show)
    print(f"\r{report.documents:,} documents, {report.chunks:,} chunks", file=sys.stderr)
    if report.failed:
        sys.exit(f"{report.failed[0].path}: {report.failed[0].error}")
    return index
