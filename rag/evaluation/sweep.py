"""A small grid over settings, each cell a run of its own: resumable, and nothing is embedded twice.

A grid that is looked at picks the best cell by chance, too: the numbers of the winner are optimistic, so choose on one
half of a set and report on the other.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import InputError
from rag.evaluation import provenance, run_folder
from rag.evaluation.answers import Options, evaluate
from rag.evaluation.embedding_cache import CachedEncoder
from rag.evaluation.report import shares
from rag.evaluation.runner import Run
from rag.models.encoder import load_encoder
from rag.settings import Settings, load

MOST_CELLS = 64


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid: what is set, and the settings that makes."""

    values: dict[str, str]
    settings: Settings

    @property
    def name(self) -> str:
        """As it is told: ``chunk_tokens=100 k=5``."""
        return " ".join(f"{name}={value}" for name, value in self.values.items()) or "as set"


@dataclass(frozen=True, slots=True)
class Result:
    """A cell that was run; ``embedded`` counts the passages that had to be embedded for it."""

    cell: Cell
    run: Run
    folder: Path
    embedded: int


def grid(assignments: Sequence[str]) -> list[Cell]:
    """The cells of ``name=value,value`` assignments, every value with every other.

    Raises:
        InputError: an assignment that is none, or a grid that is too large to wait for.
        SettingsError: a setting that is unknown or out of range.
    """
    axes: dict[str, list[str]] = {}
    for text in assignments:
        name, mark, values = text.partition("=")
        parted = [value.strip() for value in values.split(",") if value.strip()]
        if not mark or not name.strip() or not parted:
            raise InputError(f"--set {text!r}: write NAME=VALUE,VALUE, such as chunk_tokens=100,200")
        if name.strip() == "index":
            raise InputError("--set index: a sweep makes its own indexes")
        axes[name.strip()] = parted
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if len(points) > MOST_CELLS:
        raise InputError(f"the grid has {len(points)} cells, at most {MOST_CELLS} are run; take fewer values")
    if unknown := sorted(set(axes) - set(Settings.model_fields)):
        raise InputError(
            f"--set {unknown[0]}: unknown setting; allowed: {', '.join(sorted(Settings.model_fields))}"
        )
    return [Cell(point, load(**point)) for point in points]


def sweep(
    questions: Path,
    articles: Path,
    cells: Sequence[Cell],
    out: Path,
    options: Options,
    told: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Run every cell, in order; a cell that is done is read, one that was cut off is finished.

    Args:
        questions: a set of any known format.
        articles: the folder that is indexed, once for each way of cutting it.
        out: holds a run's folder for each cell, the indexes and the embeddings.
        options: split, limit and seed; the folder is the sweep's own.
        told: called after each cell.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made: {error.strerror}; name another folder with --out") from error
    results = []
    encoders: dict[str, CachedEncoder] = {}
    try:
        for cell in cells:
            name = cell.settings.encoder
            if name not in encoders:
                encoders[name] = CachedEncoder(load_encoder(name), out / "embeddings.sqlite")
            result = _run_cell(questions, articles, cell, out, options, encoders[name])
            results.append(result)
            told(result)
            if result.run.interrupted:
                break
    finally:
        for encoder in encoders.values():
            encoder.close()
    return results


def _run_cell(
    questions: Path, articles: Path, cell: Cell, out: Path, options: Options, encoder: CachedEncoder
) -> Result:
    from rag.index.index import Index

    settings = cell.settings
    shape = provenance.digest([settings.encoder, str(settings.chunk_tokens), str(settings.chunk_overlap)])[:8]
    path = out / f"index-{shape}"
    folder = out / f"run-{provenance.digest([cell.name])[:8]}"
    before = encoder.made
    with Index.open(path, settings=settings.model_copy(update={"index": path}), encoder=encoder) as index:
        report = index.sync(articles)
        if report.failed:
            raise InputError(f"{report.failed[0].path}: {report.failed[0].error}")
        done = evaluate(
            questions,
            index,
            Options(
                split=options.split,
                limit=options.limit,
                folder=folder,
                resume=(folder / run_folder.RUN).exists(),
                seed=options.seed,
                progress=options.progress,
            ),
        )
    return Result(cell, done, folder, encoder.made - before)


def table(results: Sequence[Result], by: str) -> list[tuple[Result, dict[str, float | None]]]:
    """The results with their numbers, best first by one measure (less is better for times and wrong refusals).

    Raises:
        InputError: a measure that there is none of.
    """
    rows: list[tuple[Result, dict[str, float | None]]] = []
    for result in results:
        numbers: dict[str, float | None] = {
            name: share.value for name, _, share in shares(result.run.summary)
        }
        numbers["median_ms"] = result.run.summary.median_ms
        rows.append((result, numbers))
    if rows and by not in rows[0][1]:
        raise InputError(f"--by {by}: no such measure; allowed: {', '.join(rows[0][1])}")
    less = by in ("median_ms", "wrongly_refused")

    def worth(row: tuple[Result, dict[str, float | None]]) -> float:
        value = row[1][by]
        return float("-inf") if value is None else -value if less else value

    return sorted(rows, key=worth, reverse=True)


def to_json(rows: Sequence[tuple[Result, Mapping[str, float | None]]], by: str) -> dict[str, Any]:
    """The grid, ready for ``json.dumps``."""
    return {
        "by": by,
        "cells": [
            {
                "settings": result.cell.values,
                "run": result.folder.name,
                "questions": result.run.summary.questions,
                "embedded": result.embedded,
                "metrics": dict(numbers),
            }
            for result, numbers in rows
        ],
    }


def save(out: Path, told: Mapping[str, Any]) -> None:
    """Write the grid beside its runs."""
    (out / "sweep.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
