"""How well the product retrieves: nDCG, recall, MRR, hits on public collections, by its own Index and Retriever.

    python eval/bench/retrieval.py scifact --split test
    python eval/bench/retrieval.py squad2

A document's score is that of its best passage. The metrics are ir-measures'; the interval is a bootstrap over
questions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import ir_measures
from collections_on_disk import Collection, Question, add_arguments, build, file_name, interval, load, sampled
from ir_measures import RR, R, Success, nDCG

from rag.retrieval.retriever import Retriever
from rag.settings import Settings

MEASURES = [nDCG @ 10, Success @ 1, Success @ 4, R @ 10, R @ 100, RR @ 10]
SEED = 13


def document_scores(retriever: Retriever, question: Question, passages: int) -> dict[str, float]:
    """Each document's best score; a rank's worth is taken off, so that ties keep the product's own order."""
    scores: dict[str, float] = {}
    for hit in retriever.retrieve(question.text, k=passages):
        for path in (hit.path, *(location.path for location in hit.also_in)):
            scores.setdefault(path.removesuffix(file_name("")), hit.score - 1e-7 * len(scores))
    return scores


def evaluate(retriever: Retriever, questions: Sequence[Question], passages: int) -> dict[str, list[float]]:
    """Each measure's value for each question, and the milliseconds each took."""
    run, milliseconds = {}, []
    for number, question in enumerate(questions, 1):
        started = time.perf_counter()
        run[question.id] = document_scores(retriever, question, passages)
        milliseconds.append((time.perf_counter() - started) * 1000)
        if number % 50 == 0:
            print(f"\r{number} of {len(questions)}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    qrels = {question.id: question.relevant for question in questions}
    values: dict[str, dict[str, float]] = {}
    for metric in ir_measures.iter_calc(MEASURES, qrels, run):
        values.setdefault(str(metric.measure), {})[metric.query_id] = metric.value
    table = {name: [of.get(q.id, 0.0) for q in questions] for name, of in values.items()}
    return {**{str(m): table[str(m)] for m in MEASURES}, "milliseconds": milliseconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", choices=["scifact", "squad2", "nq", "hotpotqa"])
    parser.add_argument(
        "--split", choices=["train", "test"], default="test", help="of scifact (default: test)"
    )
    parser.add_argument("--passages", type=int, default=100, help="how deep to look for documents")
    parser.add_argument("--questions", type=int, help="a random sample of so many, the same every time")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting to try")
    parser.add_argument("--json", type=Path, help="write the results here as well")
    add_arguments(parser)
    options = parser.parse_args()
    split = options.split if options.collection == "scifact" else ""
    settings = Settings(**dict(pair.split("=", 1) for pair in options.set))
    collection: Collection = load(options.collection, split, options.data)
    index = build(collection, settings, options.work)
    collection = sampled(collection, options.questions, SEED)
    values = evaluate(Retriever(index, settings), collection.questions, options.passages)

    groups = {"all": [True] * len(collection.questions)}
    for kind in sorted({question.kind for question in collection.questions} - {""}):
        groups[kind] = [question.kind == kind for question in collection.questions]
    result = {}
    for group, members in groups.items():
        print(f"{options.collection} {split} {group}, n = {sum(members)}")
        result[group] = {"n": sum(members)}
        for name, column in values.items():
            chosen = [value for value, member in zip(column, members, strict=True) if member]
            if name == "milliseconds":
                print(f"  {'median ms':<10} {statistics.median(chosen):6.1f}")
                result[group]["median_ms"] = statistics.median(chosen)
                continue
            low, high = interval(chosen, SEED)
            mean = statistics.fmean(chosen)
            print(f"  {name:<10} {mean:.4f}  [{low:.4f}, {high:.4f}]")
            result[group][name] = {"mean": mean, "interval": [low, high]}
    if options.json:
        shown = settings.model_dump(mode="json", exclude={"index"})
        report = {"collection": options.collection, "split": split, "settings": shown, "results": result}
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
