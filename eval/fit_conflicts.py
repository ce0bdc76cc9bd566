"""Fits when two articles are said to contradict each other, and where to draw the line.

Writes rag/answering/contradiction.json. Fitted on the pairs that anybody may look at: all of conflicts.jsonl,
conflicts-news.jsonl and conflicts-more.jsonl, the odd ones of conflicts-fresh.jsonl, the dev half of
conflicts-varied.jsonl. The line is the lowest probability at which ``--precision`` of what is called a contradiction is
one, each pair judged by a fit that has not seen it (ten folds); pairs of which the reader doubts that both answer are
never called one. The even pairs of conflicts-fresh.jsonl and the test half of conflicts-varied.jsonl only measure.

Usage: .venv/bin/python eval/fit_conflicts.py [--precision 0.8] [--dry]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate import as_json, fit

from rag.answering import contradiction
from rag.evaluation.conflicts import Pair, Sides, read_pairs, sides
from rag.models.reader import load_reader

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "rag" / "answering" / "contradiction.json"
SETS = ("conflicts", "conflicts-news", "conflicts-more", "conflicts-fresh", "conflicts-varied")
STRENGTH = 0.03  # inverse of the regularisation
FOLDS = 10
FEWEST = 8  # pairs above the line


def is_dev(name: str, pair: Pair) -> bool:
    """Whether a pair may be fitted on."""
    if name == "conflicts-fresh":
        return int(pair.id.rsplit("-", 1)[1]) % 2 == 1
    return name != "conflicts-varied" or pair.split == "dev"


def across(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each row's probability by a fit on the other folds."""
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    found = np.zeros(len(labels))
    for one in range(FOLDS):
        model = fit(rows[fold != one], labels[fold != one], STRENGTH)
        found[fold == one] = [model.probability(row) for row in rows[fold == one]]
    return found


def line(found: np.ndarray, labels: np.ndarray, precision: float) -> float:
    """The lowest probability from which on enough of the pairs are contradictions."""
    order = np.argsort(-found)
    right = np.cumsum(labels[order]) / np.arange(1, len(order) + 1)
    enough = [place for place in range(FEWEST - 1, len(order)) if right[place] >= precision]
    if not enough:
        raise SystemExit(f"no line has a precision of {precision}")
    return float(found[order[max(enough)]])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precision", type=float, default=0.8)
    parser.add_argument("--dry", action="store_true", help="print, do not write the file")
    options = parser.parse_args()
    reader = load_reader("auto")
    assert reader is not None, "the shipped reader"
    pairs: list[tuple[bool, bool, Sides]] = [
        (is_dev(name, pair), pair.conflict, sides(pair, reader))
        for name in SETS
        for pair in read_pairs(HERE / "questions" / f"{name}.jsonl")
    ]
    dev = np.array([one for one, _, _ in pairs])
    labels = np.array([label for _, label, _ in pairs])
    rows = np.array([contradiction.features(*found[3:]) for _, _, found in pairs])
    copies = np.array([found[3] is not None and found[3].is_of_copies for _, _, found in pairs])
    compared = np.array([contradiction.both_answer(*found[:4]) for _, _, found in pairs])
    held = across(rows[dev], labels[dev])
    threshold = line(held[compared[dev]], labels[dev][compared[dev]], options.precision)
    model = fit(rows[dev], labels[dev], STRENGTH)

    def score(said: np.ndarray, right: np.ndarray) -> dict[str, float | int]:
        return {
            "pairs": len(right),
            "said": int(said.sum()),
            "precision": round(float(right[said].mean()), 3) if said.any() else 0.0,
            "recall": round(float(said[right].mean()), 3),
        }

    unseen = np.array([model.probability(row) for row in rows[~dev]])
    result = {
        **as_json(model, contradiction.FEATURES),
        "threshold": round(threshold, 4),
        "measured": {
            "reader": reader.fingerprint,
            "dev_by_folds": score(((held >= threshold) & compared[dev]) | copies[dev], labels[dev]),
            "test": score(((unseen >= threshold) & compared[~dev]) | copies[~dev], labels[~dev]),
        },
    }
    print(json.dumps(result, indent=2))
    if not options.dry:
        TARGET.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
