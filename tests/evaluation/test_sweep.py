from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import SEEDS

from rag.errors import InputError, SettingsError
from rag.evaluation.answers import Options
from rag.evaluation.embedding_cache import CachedEncoder
from rag.evaluation.sweep import grid, save, sweep, table, to_json
from rag.models.encoder import Encoder, Passage
from rag.types import Sentence


def test_a_grid_is_every_value_with_every_other() -> None:
    cells = grid(["chunk_tokens=100,200", "k=3, 5"])
    assert [cell.name for cell in cells] == [
        "chunk_tokens=100 k=3",
        "chunk_tokens=100 k=5",
        "chunk_tokens=200 k=3",
        "chunk_tokens=200 k=5",
    ]
    assert (cells[0].settings.chunk_tokens, cells[0].settings.k) == (100, 3)


@pytest.mark.parametrize(
    ("assignments", "error", "said"),
    [
        (["chunk_tokens"], InputError, "write NAME=VALUE,VALUE"),
        (["chunk_tokns=1"], InputError, "unknown setting; allowed: candidates"),
        (["index=a,b"], InputError, "makes its own indexes"),
        (["chunk_tokens=3"], SettingsError, "chunk_tokens"),
        ([f"k={','.join(map(str, range(1, 99)))}"], InputError, "98 cells, at most 64"),
    ],
)
def test_bad_grids_are_named(assignments: list[str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        grid(assignments)


def test_what_was_embedded_once_is_remembered_exactly(encoder: Encoder, tmp_path: Path) -> None:
    one = Passage("T. ", "Bread is baked. It rises.", (Sentence(0, 15), Sentence(16, 25)))
    other = Passage("", "Bread is baked. It rises.", (Sentence(0, 15), Sentence(16, 25)))
    ticks: list[int] = []
    first = CachedEncoder(encoder, tmp_path / "e.sqlite")
    made = first.encode_passages([one, other], ticks.append)
    first.close()
    again = CachedEncoder(encoder, tmp_path / "e.sqlite")
    kept = again.encode_passages([other, one, one], ticks.append)
    assert (first.made, again.made, sum(ticks)) == (2, 0, 5)
    for stored, fresh in zip(kept, [made[1], made[0], made[0]], strict=True):
        np.testing.assert_array_equal(stored.vector, fresh.vector)
        np.testing.assert_array_equal(stored.sentence_vectors, fresh.sentence_vectors)
    again.close()


def test_a_sweep_runs_each_cell_once_and_goes_on(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    shutil.copy(next(SEEDS.glob("000*")), articles)
    rows: list[dict[str, Any]] = [
        {"id": "a", "question": "When will the joint venture be founded?", "kind": "fact", "answerable": True,
         "expected": [["March 2025"]]},
        {"id": "b", "question": "How do I bake bread?", "kind": "fact", "answerable": False},
    ]  # fmt: skip
    file = tmp_path / "set.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    cells = grid(["reader=none", "chunk_tokens=64,200", "weight_lexical=0,1"])
    out = tmp_path / "sweep"
    first = sweep(file, articles, cells, out, Options(progress=False))
    assert [result.embedded > 0 for result in first] == [True, False, True, False]
    assert len(list(out.glob("index-*"))) == 2 and len(list(out.glob("run-*"))) == 4
    again = sweep(file, articles, cells, out, Options(progress=False))
    assert [result.embedded for result in again] == [0, 0, 0, 0]
    assert [result.run.records for result in again] == [result.run.records for result in first]
    ranked = table(again, "right")
    values = [numbers["right"] or 0.0 for _, numbers in ranked]
    assert values == sorted(values, reverse=True)
    save(out, to_json(ranked, "right"))
    told = json.loads((out / "sweep.json").read_text("utf-8"))
    assert len(told["cells"]) == 4 and told["cells"][0]["metrics"]["right"] == values[0]
    with pytest.raises(InputError, match="no such measure; allowed: evidence_recall@1"):
        table(again, "rihgt")
