"""Questions over a whole collection, answered as the product answers them: search, read, answer or refuse.

    python eval/bench/end_to_end.py squad2 --questions 600
    python eval/bench/end_to_end.py nq --questions 400 [--set reader=none]

Prints, with bootstrap intervals: whether a shown statement holds an answer, whether the passage was found, what is
refused, and token F1 as SQuAD's script counts it, of what one could take for "the answer":

- *exact*: the short answer; where none is given, nothing was answered;
- *exact or sentences*: the short answer, else the statements;
- *strict*: the short answer of an answerable question; of an unanswerable one only the refusal counts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collections_on_disk import Collection, add_arguments, build, file_name, interval, load, sampled

from rag.answering.engine import AnswerEngine
from rag.evaluation.short_answers import f1
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

SEED = 17


@dataclass(frozen=True)
class Asked:
    """What came of one question."""

    gold: tuple[str, ...]
    is_found: bool
    is_refused: bool
    short: str
    statements: str
    milliseconds: float


def gold_answers(file: Path) -> dict[str, tuple[str, ...]]:
    """Each question's answers; none for those that cannot be answered."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return {row["_id"]: () if row.get("type") == "unanswerable" else tuple(row["answers"]) for row in rows}


def ask(engine: AnswerEngine, collection: Collection, gold: dict[str, tuple[str, ...]]) -> list[Asked]:
    """Ask every question."""
    results = []
    for number, question in enumerate(collection.questions, 1):
        answer = engine.ask(question.text)
        cited = {source.path for source in answer.sources} | {hit.path for hit in answer.closest}
        results.append(
            Asked(
                gold[question.id],
                bool(cited & {file_name(document) for document in question.relevant}),
                answer.verdict == "not_found",
                answer.short_answer or "",
                " ".join(statement.text for statement in answer.statements),
                answer.timings_ms["total"],
            )
        )
        if number % 25 == 0:
            print(f"\r{number} of {len(collection.questions)}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    return results


def shown(name: str, values: Sequence[float]) -> dict[str, float]:
    """Print a mean with its 95 % interval."""
    low, high = interval(values, SEED)
    mean = statistics.fmean(values)
    print(f"  {name:<46} {mean:.3f}  [{low:.3f}, {high:.3f}]  of {len(values)}")
    return {"value": mean, "low": low, "high": high, "n": len(values)}


def report(results: Sequence[Asked]) -> dict[str, Any]:
    """Print and return the numbers."""
    answerable = [one for one in results if one.gold]
    without = [one for one in results if not one.gold]

    def holds(one: Asked) -> float:
        return float(any(answer.casefold() in one.statements.casefold() for answer in one.gold))

    def strict(one: Asked) -> float:
        return f1(one.short, one.gold) if one.gold else float(one.is_refused)

    rows: dict[str, tuple[Sequence[Asked], Callable[[Asked], float]]] = {
        "an answer stands in the statements": (answerable, holds),
        "a gold passage is cited (or shown as closest)": (answerable, lambda one: float(one.is_found)),
        "answerable, yet refused": (answerable, lambda one: float(one.is_refused)),
        "exact short answer: F1": (answerable, lambda one: f1(one.short, one.gold)),
        "exact short answer, where one is given: F1": (
            [one for one in answerable if one.short],
            lambda one: f1(one.short, one.gold),
        ),
        "unanswerable: refused": (without, lambda one: float(one.is_refused)),
        "unanswerable: no exact answer given": (without, lambda one: float(not one.short)),
        "all, exact: F1": (results, lambda one: f1(one.short, one.gold)),
        "all, exact or sentences: F1": (results, lambda one: f1(one.short or one.statements, one.gold)),
        "all, strict: F1": (results, strict),
    }
    numbers: dict[str, Any] = {
        name: shown(name, [value(one) for one in group]) for name, (group, value) in rows.items() if group
    }
    numbers["median ms"] = statistics.median(one.milliseconds for one in results)
    print(f"  {'median ms':<46} {numbers['median ms']:.0f}")
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", choices=["squad2", "nq"])
    parser.add_argument("--questions", type=int, help="a random sample of so many, the same every time")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting to try")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    add_arguments(parser)
    options = parser.parse_args()
    settings = Settings(**dict(pair.split("=", 1) for pair in options.set))
    collection = load(options.collection, "", options.data)
    gold = gold_answers(options.data / options.collection / "queries.jsonl.gz")
    index = build(collection, settings, options.work)
    collection = sampled(collection, options.questions, SEED)
    print(f"{collection.name}, {len(collection.questions)} questions, reader {settings.reader}")
    numbers = report(ask(AnswerEngine(Retriever(index, settings)), collection, gold))
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
