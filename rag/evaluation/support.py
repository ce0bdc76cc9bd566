"""How well the support check tells supported claims from others, on pairs of claim and evidence with a label.

A pair's score is the probability that its best piece of evidence supports the claim; taken apart by sentence, it is
that of the least supported sentence, for claims that are whole answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import InputError, MissingExtraError
from rag.evaluation.questions import lines
from rag.evaluation.summary import RESAMPLES, SEED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.models.reader import Reader

_LABELS = {
    **dict.fromkeys(("supported", "supports", "support", "attributable", "entailment", "true", "1"), True),
    **dict.fromkeys(
        ("not supported", "unsupported", "not_supported", "refuted", "refutes", "neither", "not attributable",
         "contradiction", "neutral", "contradictory", "extrapolatory", "false", "0"),
        False,
    ),
}  # fmt: skip
_FEW_WORDS = 3  # a "sentence" of fewer is a heading or the number of a list


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim, the pieces of evidence given for it, and whether they support it."""

    id: str
    claim: str
    evidence: tuple[str, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """Numbers over pairs, each with its 95 % interval: (value, low, high)."""

    pairs: int
    threshold: float
    balanced_accuracy: tuple[float, float, float]
    macro_f1: tuple[float, float, float]
    auroc: tuple[float, float, float]
    confusion: dict[str, int]


def read_pairs(file: Path) -> list[Pair]:
    """Pairs from JSON lines with claim, evidence (a text or a list of texts) and label.

    Raises:
        InputError: naming the file, the line and what is wrong there; also when all labels are the same.
    """
    pairs = []
    for number, line in lines(file):
        try:
            row: dict[str, Any] = json.loads(line)
            evidence = row["evidence"]
            label = str(row["label"]).strip().lower()
            pairs.append(
                Pair(
                    id=str(row.get("id", number)),
                    claim=str(row["claim"]),
                    evidence=(evidence,) if isinstance(evidence, str) else tuple(map(str, evidence)),
                    supported=_LABELS[label],
                )
            )
        except KeyError as error:
            if error.args[0] in ("claim", "evidence", "label"):
                told = f"key {error} is missing; needed: claim, evidence, label"
            else:
                told = f"label {error} is not known; allowed: {', '.join(_LABELS)}"
            raise InputError(f"{file}, line {number}: {told}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{file}, line {number}: no pair of claim and evidence: {error}") from error
    if len({pair.supported for pair in pairs}) < 2:
        raise InputError(
            f"{file}: supported and unsupported claims are both needed, {len(pairs)} pairs were found"
        )
    return pairs


def scores(
    pairs: Sequence[Pair],
    reader: Reader,
    *,
    by_sentence: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[float]:
    """Each pair's probability of being supported.

    Args:
        by_sentence: judge every sentence of the claim, and take the least supported one.
        progress: called with 1 after each pair.
    """
    found = []
    for pair in pairs:
        claims = _sentences(pair.claim) if by_sentence else [pair.claim]
        asked = [(claim, text) for claim in claims for text in pair.evidence]
        judged = reader.support(asked) if asked else []
        best = [
            max((one[0] for one, (of, _) in zip(judged, asked, strict=True) if of == claim), default=0.0)
            for claim in claims
        ]
        found.append(min(best, default=0.0))
        if progress is not None:
            progress(1)
    return found


def _sentences(claim: str) -> list[str]:
    from rag.chunking.sentences import split_sentences

    parts = [claim[one.start : one.end] for one in split_sentences(claim)]
    return [part for part in parts if len(part.split()) >= _FEW_WORDS] or [claim]


def score(pairs: Sequence[Pair], found: Sequence[float], threshold: float, seed: int = SEED) -> Scored:
    """Hold scores against labels.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    import numpy as np

    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtraError("rag eval support", "eval") from error
    truth, values = np.array([pair.supported for pair in pairs]), np.array(found)
    said = values >= threshold
    drawn = _resampled(truth, values, said, seed)

    def with_interval(name: str, value: float) -> tuple[float, float, float]:
        low, high = np.percentile(drawn[name], [2.5, 97.5])
        return float(value), float(low), float(high)

    return Scored(
        pairs=len(pairs),
        threshold=threshold,
        balanced_accuracy=with_interval("balanced", metrics.balanced_accuracy_score(truth, said)),
        macro_f1=with_interval("macro_f1", metrics.f1_score(truth, said, average="macro")),
        auroc=with_interval("auroc", metrics.roc_auc_score(truth, values)),
        confusion={
            "supported, said so": int((truth & said).sum()),
            "supported, missed": int((truth & ~said).sum()),
            "unsupported, said so": int((~truth & ~said).sum()),
            "unsupported, missed": int((~truth & said).sum()),
        },
    )


def _resampled(
    truth: NDArray[np.bool_], values: NDArray[np.float64], said: NDArray[np.bool_], seed: int
) -> dict[str, NDArray[np.float64]]:
    """The measures over pairs drawn anew, all samples at once: scikit-learn would take a minute for them."""
    import numpy as np

    count = len(truth)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    right, wrong = weights @ truth, weights @ ~truth
    both = (right > 0) & (wrong > 0)  # a sample of one kind of pair only has no such measure
    weights, right, wrong = weights[both], right[both], wrong[both]
    hit, missed = weights @ (truth & said), weights @ (~truth & said)
    left = wrong - missed
    f1_yes = 2 * hit / (right + hit + missed)
    f1_no = 2 * left / (wrong + left + right - hit)
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan))  # where pairs of another score begin
    of_right = np.add.reduceat((weights * truth)[:, order], starts, axis=1)
    of_wrong = np.add.reduceat((weights * ~truth)[:, order], starts, axis=1)
    below = np.cumsum(of_wrong, axis=1) - of_wrong
    return {
        "balanced": (hit / right + left / wrong) / 2,
        "macro_f1": (f1_yes + f1_no) / 2,
        "auroc": (of_right * (below + of_wrong / 2)).sum(axis=1) / (right * wrong),
    }


def to_json(scored: Scored) -> dict[str, Any]:
    """The numbers, ready for ``json.dumps``."""
    return {
        "pairs": scored.pairs,
        "threshold": scored.threshold,
        "metrics": {
            name: {"value": value, "ci95": [low, high]}
            for name, (value, low, high) in (
                ("balanced_accuracy", scored.balanced_accuracy),
                ("macro_f1", scored.macro_f1),
                ("auroc", scored.auroc),
            )
        },
        "confusion": scored.confusion,
    }
