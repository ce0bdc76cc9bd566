"""Pairs of statements: read, judged and counted; the shipped ones against the bar of their development half."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.evaluation.conflicts import Pair, read_pairs, score, shown, to_json, told_apart
from rag.models.encoder import Encoder
from rag.models.reader import Reader, load_reader

SETS = Path(__file__).resolve().parents[2] / "eval" / "questions"
FILES = ("conflicts.jsonl", "conflicts-news.jsonl")  # conflicts-more.jsonl has no halves


@pytest.fixture(scope="module")
def reader() -> Reader:
    found = load_reader("auto")
    assert found is not None
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_pairs_can_be_read_by_half(name: str) -> None:
    halves = [read_pairs(SETS / name, split) for split in ("dev", "test")]
    assert sum(map(len, halves)) == len(read_pairs(SETS / name)) >= 40
    abouts = [{pair.about for pair in half} for half in halves]
    assert name == "conflicts.jsonl" or abouts[0].isdisjoint(abouts[1])


def test_what_is_no_pair_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 1: key"):
        read_pairs(file)
    row = dict.fromkeys(("id", "split", "about", "why"), "x") | {"conflict": True, "a": {}, "b": {}}
    file.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(InputError, match="no pair of statements"):
        read_pairs(file)
    with pytest.raises(InputError, match="no pair of the half"):
        read_pairs(SETS / FILES[0], "train")


def test_precision_and_recall() -> None:
    pairs = [Pair(str(n), "", "", "", conflict=n < 4) for n in range(6)]
    told = to_json(score(pairs, lambda pair: pair.id in "0124"))
    assert told["metrics"]["precision"]["value"] == told["metrics"]["recall"]["value"] == 0.75
    assert (told["missed"], told["wrong"]) == (["3"], ["4"])
    assert told["metrics"]["recall"]["ci95"][1] < 1
    nothing = to_json(score(pairs, lambda pair: False))
    assert nothing["metrics"]["precision"]["value"] is None


def test_pairs_by_another_hand_are_told_apart(reader: Reader) -> None:
    """Guards what was measured, not the aims of .9 and .7, which eval/README.md says are missed."""
    pairs = read_pairs(SETS / "conflicts-varied.jsonl", "dev")
    told = to_json(score(pairs, lambda pair: told_apart(pair, reader)))
    assert told["metrics"]["precision"]["value"] >= 0.7, told["wrong"]
    assert told["metrics"]["recall"]["value"] >= 0.2, told["missed"]


def test_the_whole_way(reader: Reader, encoder: Encoder) -> None:
    by_id = {pair.id: pair for pair in read_pairs(SETS / FILES[0], "dev")}
    assert shown(by_id["conflict-30"], reader, encoder)
    assert not shown(by_id["conflict-20"], reader, encoder)
