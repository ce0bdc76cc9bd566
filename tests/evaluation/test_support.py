from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import InputError
from rag.evaluation.support import Pair, read_pairs, score, scores, to_json
from rag.models.reader import load_reader


def write(folder: Path, *rows: dict[str, Any] | str) -> Path:
    file = folder / "pairs.jsonl"
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return file


def test_labels_and_evidence_as_others_write_them(tmp_path: Path) -> None:
    yes, no = read_pairs(
        write(
            tmp_path,
            {"claim": "c", "evidence": ["e", "f"], "label": "Supported"},
            {"id": 7, "claim": "d", "evidence": "e", "label": "not attributable", "src": "x"},
        )
    )
    assert (yes.evidence, yes.supported, yes.id) == (("e", "f"), True, "1")
    assert (no.evidence, no.supported, no.id) == (("e",), False, "7")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"claim": "c", "label": "supported"}, "line 1: key 'evidence' is missing"),
        ({"claim": "c", "evidence": "e", "label": "maybe"}, "line 1: label 'maybe' is not known; allowed"),
        ({"claim": "c", "evidence": 3, "label": "supported"}, "line 1: no pair"),
        ("[1]", "line 1: no pair"),
        ({"claim": "c", "evidence": "e", "label": "supported"}, "supported and unsupported claims are both"),
    ],
)
def test_bad_pairs_are_named(tmp_path: Path, row: dict[str, Any] | str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_pairs(write(tmp_path, row))


def test_the_measures_are_those_of_a_hand_count() -> None:
    truth = [True] * 4 + [False] * 6
    values = [0.9, 0.8, 0.6, 0.2, 0.7, 0.4, 0.3, 0.2, 0.1, 0.1]
    pairs = [Pair(str(n), "c", ("e",), label) for n, label in enumerate(truth)]
    scored = score(pairs, values, 0.5)
    assert scored.confusion == {
        "supported, said so": 3,
        "supported, missed": 1,
        "unsupported, said so": 5,
        "unsupported, missed": 1,
    }
    assert scored.balanced_accuracy[0] == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert scored.macro_f1[0] == pytest.approx((6 / 8 + 10 / 12) / 2)
    # of 24 couples, 19 are in order and one ties
    assert scored.auroc[0] == pytest.approx(19.5 / 24)
    value, low, high = scored.auroc
    assert low < value < high and score(pairs, values, 0.5) == scored
    assert to_json(scored)["metrics"]["auroc"]["value"] == value


def test_the_real_reader_tells_them_apart() -> None:
    reader = load_reader("auto")
    assert reader is not None
    source = "Toshihiro Mibe is the president of Honda and lives in Tokyo."
    whole = "Toshihiro Mibe is the president of Honda. Bread is baked in a hot oven."
    pairs = [
        Pair("1", "Honda's president is Toshihiro Mibe.", ("Bread is baked.", source), True),
        Pair("2", "Bread is baked in a hot oven.", (source,), False),
        Pair("3", whole, (source,), False),
        Pair("4", "Nothing to go on.", (), False),
    ]
    ticks: list[int] = []
    found = scores(pairs, reader, progress=ticks.append)
    assert found[0] > 0.5 > found[1] and found[3] == 0.0
    assert ticks == [1, 1, 1, 1]
    assert scores(pairs[2:3], reader, by_sentence=True)[0] < 0.5


def test_resampled_measures_are_scikit_learns() -> None:
    """They are computed in another way than the values, so that the middle of an interval tells a mistake."""
    drawn = np.random.default_rng(2)
    truth = drawn.random(300) < 0.4
    values = np.round(drawn.random(300) * 0.7 + truth * 0.2, 1)
    pairs = [Pair(str(n), "c", ("e",), bool(label)) for n, label in enumerate(truth)]
    scored = score(pairs, list(values), 0.5)
    for value, low, high in (scored.balanced_accuracy, scored.macro_f1, scored.auroc):
        assert (low + high) / 2 == pytest.approx(value, abs=0.01)
        assert 0.05 < high - low < 0.2
