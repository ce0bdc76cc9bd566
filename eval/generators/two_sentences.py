"""How sure a proof of two sentences must be: right proofs by how much support they have beyond one sentence's line.

    python eval/generators/two_sentences.py ../shared/data/eval/attributionbench/dev.jsonl.gz --pairs 500

A claim counts as proved by one sentence of its evidence, else by two neighbouring ones; of the latter it is told how
many are labelled supported, for each surcharge. The check is the one that ships.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

from rag.answering.verification import exact_objections, similarity, supported_above, verify_all
from rag.chunking.sentences import split_sentences
from rag.models.reader import Reader, load_reader

SURCHARGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35)
TRIED = 3  # runs judged of each length, nearest in wording


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    reader = load_reader("auto")
    assert reader is not None
    with gzip.open(given.file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(given.seed).shuffle(rows)
    line = supported_above(reader)
    found: list[tuple[bool, float, float]] = []
    for row in rows:
        if len(found) == given.pairs:
            break
        proofs = proved(row, reader)
        if proofs is not None:
            found.append((str(row["label"]).lower() in ("supported", "attributable"), *proofs))
    one = [right for right, single, _ in found if single >= line]
    print(f"{len(found)} claims; one sentence proves {len(one)}, {sum(one)} of them rightly")
    for surcharge in SURCHARGES:
        two = [right for right, single, double in found if single < line <= double - surcharge]
        share = f"{sum(two) / len(two):.3f}" if two else "-"
        print(f"surcharge {surcharge:.2f}: only two sentences prove {len(two)}, {sum(two)} rightly ({share})")


def proved(row: dict[str, Any], reader: Reader) -> tuple[float, float] | None:
    """The best support by one sentence and by two neighbours, 0 where the check objects; None where none is tried."""
    claim, evidence = row["claim"], row["evidence"]
    text = evidence if isinstance(evidence, str) else " ".join(evidence)
    sentences = [text[one.start : one.end] for one in split_sentences(text)][:40]
    pairs = [f"{first} {second}" for first, second in pairwise(sentences)]
    tried = [_nearest(claim, pool) for pool in (sentences, pairs)]
    if not any(tried) or len(claim.split()) > 80:
        return None
    judged = verify_all([(claim, [run]) for pool in tried for run in pool], reader)
    support = [one.support if one.is_supported else 0.0 for one in judged]
    cut = len(tried[0])
    return max(support[:cut], default=0.0), max(support[cut:], default=0.0)


def _nearest(claim: str, pool: list[str]) -> list[str]:
    near = sorted(pool, key=lambda run: -similarity(claim, [run]))[: 4 * TRIED]
    return [run for run in near if not exact_objections(claim, [run])][:TRIED]


if __name__ == "__main__":
    main()
