"""What the gate lets through of statements changed by rule: another common word, or two names in each other's place.

    python eval/generators/changed.py --data ../shared/data --statements 400

The statements are sentences of three articles that the reader never learned from, whole or cut at a comma, checked
against the sentence they come from. Those left as they are should pass; the changed ones should not. Prints the share
that passes of each, by the whole gate and by the support head alone, with the head's AUC.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from rag.answering.verification import exact_objections, supported_above, verify_all, word_objections
from rag.models.reader import OnnxReader, load_reader
from rag.training import edits, words
from rag.training.examples import HELD_OUT_FROM, held_out_titles, read_records

Pair = tuple[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--statements", type=int, default=400)
    parser.add_argument("--reader", type=Path, help="a folder with other weights")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    reader = OnnxReader(given.reader) if given.reader else load_reader("auto")
    assert reader is not None
    sets = statements(given.data, given.statements, random.Random(given.seed))
    support = {
        name: np.array([p for p, _, _ in reader.support([(claim, quotes[0]) for claim, quotes in pairs])])
        for name, pairs in sets.items()
    }
    for name, pairs in sets.items():
        verified = verify_all(pairs, reader)
        passed = np.mean([one.is_supported for one in verified])
        by_rule = np.mean([not (exact_objections(*pair) or word_objections(*pair)) for pair in pairs])
        head = np.mean(support[name] >= supported_above(reader))
        told = f"{name:<6} n {len(pairs)}  passes the gate {passed:.3f}, the head {head:.3f}, the rules {by_rule:.3f}"
        if name != "kept":
            scores = np.concatenate([support["kept"], support[name]])
            labels = np.repeat([1, 0], [len(support["kept"]), len(support[name])])
            told += f"  AUC of the head {roc_auc_score(labels, scores):.3f}"
        print(told)


def statements(data: Path, most: int, rng: random.Random) -> dict[str, list[Pair]]:
    """Statements with what they cite: as they stand, with a word exchanged, with two names exchanged."""
    titles = held_out_titles(data)
    records = read_records(data, [HELD_OUT_FROM], set())
    contexts = sorted({record.context for record in records})
    held = sorted({record.context for record in records if record.title in titles})
    vocabulary = words.Vocabulary.of(contexts)
    found: dict[str, list[Pair]] = {"kept": [], "word": [], "names": []}
    for context in held:
        said = words.said_in(context)
        known = words.names_inside(context)
        for start, end in edits.sentences(context):
            sentence = context[start:end].strip()
            if not 6 <= len(sentence.split()) <= 40:
                continue
            claim = words.shortened(sentence, rng)
            found["kept"].append((claim, [sentence]))
            changed = words.exchanged(claim, said, frozenset(), vocabulary, rng)
            if changed:
                found["word"].append((changed, [sentence]))
            swapped = words.swapped_roles(claim, known, rng)
            if swapped:
                found["names"].append((swapped, [sentence]))
    return {name: rng.sample(pairs, min(most, len(pairs))) for name, pairs in found.items()}


if __name__ == "__main__":
    main()
