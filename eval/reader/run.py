"""Measure the shipped reader: ``python eval/reader/run.py --data ../shared/data``.

Writes what it measures, with 95 % bootstrap intervals, to ``results.json`` beside this file. Nothing is trained here.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.models.reader import OnnxReader
from rag.training.calibrate import answer_f1, answer_tokens, auc, best_threshold, macro_f1, supported
from rag.training.edits import sentences
from rag.training.examples import normalise, read_lines
from rag.training.mining import bm25_matrix

HERE = Path(__file__).parent
RESAMPLES = 1000

Floats = NDArray[np.float64]
Metric = Callable[[NDArray[np.int64]], float]


def interval(metric: Metric, n: int) -> dict[str, float]:
    """The metric over all rows, and the middle 95 % of it over resampled rows."""
    rng = np.random.default_rng(0)
    drawn = sorted(metric(rng.integers(0, n, n)) for _ in range(RESAMPLES))
    low, high = drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES)]
    return {"value": round(metric(np.arange(n)), 4), "low": round(low, 4), "high": round(high, 4), "n": n}


def squad2(reader: OnnxReader, data: Path, sample: int | None) -> dict[str, Any]:
    """Questions with their own paragraph given; and answerable ones against a similar paragraph without the answer."""
    corpus = {item["_id"]: item["text"] for item in read_lines(data / "eval/squad2/corpus.jsonl.gz")}
    asked = list(read_lines(data / "eval/squad2/queries.jsonl.gz"))
    if sample:
        asked = random.Random(0).sample(asked, sample)
    readings = [reader.read(item["text"], [corpus[item["context_id"]]])[0] for item in asked]
    answers = [item["answers"] if item["type"] == "answerable" else [] for item in asked]
    has = np.array([bool(right) for right in answers])
    given = [corpus[item["context_id"]][r.start : r.end] for item, r in zip(asked, readings, strict=True)]
    worth = np.array([answer_f1(text, right) for text, right in zip(given, answers, strict=True)])
    exact = np.array(
        [
            any(answer_tokens(text) == answer_tokens(answer) for answer in right)
            for text, right in zip(given, answers, strict=True)
        ]
    ).astype(float)
    scores = np.array([r.answerable for r in readings])
    margins = np.array([r.span_score - r.no_answer_score for r in readings])
    refused = (~has).astype(float)
    total = np.where(scores >= reader.answerable_above, worth, refused)
    best = best_threshold(scores, worth, refused)
    at_best = np.where(scores >= best, worth, refused)
    found: dict[str, Any] = {
        "f1_at_shipped_threshold": interval(lambda rows: float(total[rows].mean()), len(asked)),
        "f1_at_best_threshold": interval(lambda rows: float(at_best[rows].mean()), len(asked)),
        "has_answer_f1": interval(lambda rows: float(worth[has][rows].mean()), int(has.sum())),
        "has_answer_exact": interval(lambda rows: float(exact[has][rows].mean()), int(has.sum())),
        "answerability_auc": interval(lambda rows: auc(scores[rows], has[rows]), len(asked)),
        "answerability_auc_margin_alone": round(auc(margins, has), 4),
        "brier": round(float(((scores - has) ** 2).mean()), 4),
    }
    names = sorted(corpus)
    matrix, vocabulary = bm25_matrix([corpus[name] for name in names])
    plain = [normalise(corpus[name]) for name in names]
    right_scores, wrong_scores = [], []
    for item, reading in zip(asked, readings, strict=True):
        if item["type"] != "answerable":
            continue
        words = [vocabulary[word] for word in normalise(item["text"]).split() if word in vocabulary]
        ranked = np.argsort(-np.asarray(matrix[words].sum(0)).ravel())
        forms = [normalise(answer) for answer in item["answers"]]
        wrong = next(
            place
            for place in ranked
            if names[place] != item["context_id"] and not any(form in plain[place] for form in forms)
        )
        right_scores.append(reading.answerable)
        wrong_scores.append(reader.read(item["text"], [corpus[names[wrong]]])[0].answerable)
    pairs = np.array([right_scores, wrong_scores])
    found["answerable_against_mined_auc"] = interval(
        lambda rows: auc(pairs[:, rows].ravel(), np.repeat([True, False], len(rows))), len(right_scores)
    )
    found["answerable_above_its_mined"] = round(float((pairs[0] > pairs[1]).mean()), 4)
    return found


def attributionbench(reader: OnnxReader, data: Path) -> dict[str, Any]:
    """Is the claim supported? Threshold from the other half in turn, and (optimistic) from all of it, as shipped."""
    items = list(read_lines(data / "eval/attributionbench/dev.jsonl.gz"))
    scores = np.array([supported(reader, item["claim"], item["evidence"]) for item in items])
    right = np.array([item["label"] == "supported" for item in items])
    half = np.random.default_rng(0).permutation(len(items)) % 2 == 0
    given = np.zeros(len(items), dtype=bool)
    for side in (half, ~half):
        cuts = np.unique(scores[~side])
        cut = max(cuts, key=lambda c: macro_f1(right[~side], scores[~side] >= c))
        given[side] = scores[side] >= cut
    shipped = scores >= reader.supported_above
    return {
        "macro_f1_threshold_from_other_half": interval(
            lambda rows: macro_f1(right[rows], given[rows]), len(items)
        ),
        "macro_f1_at_shipped_threshold": round(macro_f1(right, shipped), 4),
        "auc": interval(lambda rows: auc(scores[rows], right[rows]), len(items)),
    }


def ragtruth(reader: OnnxReader, data: Path, sample: int | None) -> dict[str, Any]:
    """Is the whole answer free of unsupported statements? Its score is that of its least supported sentence."""
    items = list(read_lines(data / "eval/ragtruth/visible.jsonl.gz"))
    if sample:
        items = random.Random(0).sample(items, min(sample, len(items)))
    least, mean = [], []
    for item in items:
        parts = [item["claim"][a:b].strip() for a, b in sentences(item["claim"])]
        scores = [supported(reader, part, item["evidence"]) for part in parts if len(part.split()) > 2]
        least.append(min(scores, default=0.0))
        mean.append(statistics.fmean(scores) if scores else 0.0)
    right = np.array([item["label"] == "supported" for item in items])
    by_task = {
        task: round(auc(np.array(least)[at], right[at]), 4)
        for task in sorted({item["split"] for item in items})
        if (at := np.array([item["split"] == task for item in items])).any()
    }
    return {
        "response_auroc": interval(lambda rows: auc(np.array(least)[rows], right[rows]), len(items)),
        "response_auroc_by_task": by_task,
        "response_auroc_mean_of_sentences": round(auc(np.array(mean), right), 4),
    }


def speed(reader: OnnxReader, data: Path) -> dict[str, Any]:
    """Seconds to read 20 passages of about 200 tokens for one question, warm; median and best of 15."""
    texts = [item["text"] for item in read_lines(data / "eval/squad2/corpus.jsonl.gz")]
    tokenizer = reader._tokenizer
    passages = []
    for text in texts:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        if len(encoding.ids) >= 200 and len(passages) < 20:
            passages.append(text[: encoding.offsets[199][1]])
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        reader.read("In what year did the fire destroy the old building?", passages)
        taken.append(time.perf_counter() - began)
    return {
        "passages": len(passages),
        "median_ms": round(1000 * statistics.median(taken)),
        "best_ms": round(1000 * min(taken)),
    }


def main() -> None:
    """Run the measurements asked for and keep the others' earlier results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", nargs="*", choices=("squad2", "attributionbench", "ragtruth", "speed"))
    parser.add_argument(
        "--sample", type=int, help="this many squad2 questions and ragtruth answers, drawn with seed 0"
    )
    parser.add_argument("--reader", type=Path, help="another folder with reader.onnx and reader.json")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    reader = OnnxReader(options.reader) if options.reader else OnnxReader()
    tasks: dict[str, Callable[[], dict[str, Any]]] = {
        "squad2": lambda: squad2(reader, options.data, options.sample),
        "attributionbench": lambda: attributionbench(reader, options.data),
        "ragtruth": lambda: ragtruth(reader, options.data, options.sample),
        "speed": lambda: speed(reader, options.data),
    }
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name, task in tasks.items():
        if options.only and name not in options.only:
            continue
        results[name] = {**task(), "weights": reader.sha256[:12], "measured": date.today().isoformat()}
        print(name, json.dumps(results[name], indent=1), flush=True)
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
