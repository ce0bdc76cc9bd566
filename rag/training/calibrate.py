"""Scores become probabilities, and probabilities decisions: fitted after export, on the weights that ship.

``answerable`` is a logistic regression on the span margin and the evidence logit (Platt 1999), fitted on three held-out
articles; its threshold is the one with the best F1 there. The support threshold is the strictest whose macro-F1 on
the dev part of AttributionBench, which the data's README gives for that, is as good as the best but for chance.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.models.reader import CARD, OnnxReader
from rag.training.examples import Example, read_examples, read_lines

Floats = NDArray[np.float64]
SUPPORT_SLACK = 0.01  # of macro-F1; its 95 % interval is some .025 to either side


def fit_logistic(features: Floats, labels: Floats, weights: Floats, ridge: float = 1e-3) -> Floats:
    """Weights of a logistic regression, the bias last, by Newton's method.

    Args:
        features: (n, k).
        labels: (n,) of 0 and 1.
        weights: (n,) how much each row counts.
    """
    rows = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    penalty = ridge * np.eye(rows.shape[1])
    found = np.zeros(rows.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weights * (labels - probability)) - penalty @ found
        curve = (rows * (weights * probability * (1 - probability))[:, None]).T @ rows + penalty
        step = np.linalg.solve(curve, slope)
        found = found + step
        if np.abs(step).max() < 1e-8:
            break
    return found


def answer_f1(given: str, right: Sequence[str]) -> float:
    """SQuAD's token F1 of an answer against the best of the right ones; no right ones means no answer was right."""
    if not right:
        return float(not given)
    return max(_token_f1(answer_tokens(given), answer_tokens(answer)) for answer in right)


def answer_tokens(text: str) -> list[str]:
    """An answer's words as SQuAD compares them: no case, punctuation or articles."""
    text = "".join(char for char in text.lower() if char not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def _token_f1(given: list[str], right: list[str]) -> float:
    if not given or not right:
        return float(given == right)
    same = sum((Counter(given) & Counter(right)).values())
    return 2 * same / (len(given) + len(right))


def best_threshold(scores: Floats, if_above: Floats, if_below: Floats) -> float:
    """The threshold with the greatest total, where a row is worth ``if_above`` at or above it, else ``if_below``."""
    order = np.argsort(-scores, kind="stable")
    gains = np.concatenate([[0.0], np.cumsum(if_above[order] - if_below[order])])
    cut = int(gains.argmax())
    if cut == 0:
        return float(scores[order[0]]) + 1e-6
    if cut == len(order):
        return float(scores[order[-1]])
    return float((scores[order[cut - 1]] + scores[order[cut]]) / 2)


def calibrate(folder: Path, held_out: Path, data: Path) -> dict[str, Any]:
    """Fit both decisions with the reader in ``folder`` and write them into its card, which is returned."""
    card_file = folder / CARD
    card: dict[str, Any] = json.loads(card_file.read_text(encoding="utf-8"))
    reader = OnnxReader(folder)
    card["answerable"] = _fit_answerable(reader, read_examples(held_out))
    card["support"] = _fit_support(reader, data)
    partial = card_file.with_suffix(".partial")
    partial.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    partial.replace(card_file)
    return card


def _fit_answerable(reader: OnnxReader, examples: Sequence[Example]) -> dict[str, Any]:
    readings = [reader.read(example.first, [example.second])[0] for example in examples]
    features = np.array([[r.span_score - r.no_answer_score, r.evidence] for r in readings])
    labels = np.array([float(bool(example.spans)) for example in examples])
    counts = Counter(example.group for example in examples)
    share = {"wiki": 0.5, "adversarial": 0.25, "mined": 0.25}  # half of what is judged has an answer
    weights = np.array([share[example.group] / counts[example.group] for example in examples]) * len(examples)
    margin, evidence, bias = (float(value) for value in fit_logistic(features, labels, weights))
    scores = 1 / (1 + np.exp(-(features @ np.array([margin, evidence]) + bias)))
    asked = [place for place, example in enumerate(examples) if example.group != "mined"]
    worth = np.array(
        [
            answer_f1(
                examples[place].second[readings[place].start : readings[place].end],
                [examples[place].second[a:b] for a, b in examples[place].spans],
            )
            for place in asked
        ]
    )
    refused = np.array([float(not examples[place].spans) for place in asked])
    threshold = best_threshold(scores[asked], worth, refused)
    at = scores[asked]
    held_out = {
        "questions": len(asked),
        "f1": float(np.where(at >= threshold, worth, refused).mean()),
        "has_answer_f1": float(worth[refused == 0].mean()),
        "answerability_auc": auc(at, refused == 0),
    }
    return {
        "margin": margin,
        "evidence": evidence,
        "bias": bias,
        "threshold": threshold,
        "held_out": {name: round(value, 4) for name, value in held_out.items()},
    }


def _fit_support(reader: OnnxReader, data: Path) -> dict[str, Any]:
    items = list(read_lines(data / "eval" / "attributionbench" / "dev.jsonl.gz"))
    scores = np.array([supported(reader, item["claim"], item["evidence"]) for item in items])
    right = np.array([item["label"] == "supported" for item in items])
    cuts = np.unique(scores)
    worth = np.array([macro_f1(right, scores >= cut) for cut in cuts])
    # many cuts are as good as the best but for chance; the strictest of them lets fewest false statements pass
    return {"threshold": float(cuts[worth >= worth.max() - SUPPORT_SLACK].max())}


def supported(reader: OnnxReader, claim: str, evidence: Sequence[str]) -> float:
    """P(supported) by the best of several pieces of evidence."""
    return max((p[0] for p in reader.support([(claim, text) for text in evidence])), default=0.0)


def auc(scores: Floats, right: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a right one scores above a wrong one, ties counting half."""
    if right.all() or not right.any():
        return 0.5
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    positives = int(right.sum())
    return float(
        (ranks[right].sum() - positives * (positives + 1) / 2) / (positives * (len(right) - positives))
    )


def macro_f1(right: NDArray[np.bool_], given: NDArray[np.bool_]) -> float:
    """Mean of the F1 of the two classes."""
    scores = []
    for label in (True, False):
        both = float(((right == label) & (given == label)).sum())
        scores.append(2 * both / max(float((right == label).sum() + (given == label).sum()), 1.0))
    return sum(scores) / 2
