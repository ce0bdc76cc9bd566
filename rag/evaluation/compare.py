"""Two runs over the same questions and articles: what differs, by how much, and whether chance would do the same.

The interval is a paired bootstrap over questions; p is that of a paired randomisation test (each question's two values
swapped at random), both by scipy. Runs that asked something else, or asked it of something else, are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import InputError, MissingExtraError
from rag.evaluation import run_folder
from rag.evaluation.records import Record, read_records
from rag.evaluation.retrieval import PER_QUERY
from rag.evaluation.summary import SEED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 9999
_DEPTH = 5
_MUST_MATCH = {
    "kind": "they measure different things",
    "questions": "they asked different questions",
    "corpus": "they asked different articles",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure in both runs, over the questions that have it in both.

    Attributes:
        low, high: 95 % interval of ``b - a``; equal where nothing differs.
        p: how often chance alone gives a difference as large; 1 where nothing differs.
        wins, losses: questions where b is better, where a is; the others are ties.
    """

    measure: str
    questions: int
    a: float
    b: float
    low: float
    high: float
    p: float
    wins: int
    losses: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A question whose answer is another in the second run; ``how`` is "better", "worse" or "other words"."""

    how: str
    a: Record
    b: Record


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side; ``settings`` holds what was set differently, name -> (a, b)."""

    a: str
    b: str
    kind: str
    questions: int
    settings: dict[str, tuple[Any, Any]]
    differences: tuple[Difference, ...]
    changed: tuple[Changed, ...]


def compare(a: Path, b: Path, seed: int = SEED) -> Comparison:
    """Compare two runs' folders.

    Raises:
        InputError: a folder holds no run, or the two cannot be compared; it says why.
    """
    about_a, about_b = run_folder.read_about(a), run_folder.read_about(b)
    _check_comparable(a, b, about_a, about_b)
    changed: list[Changed] = []
    if about_a["kind"] == "answers":
        records_a, records_b = (
            {record.question.id: record for record in read_records(path / run_folder.ANSWERS)}
            for path in (a, b)
        )
        _check_complete(a, b, about_a, set(records_a), set(records_b))
        values_a, values_b = _answer_values(records_a), _answer_values(records_b)
        for name, record in records_a.items():
            how = _how_changed(record, records_b[name])
            if how is not None:
                changed.append(Changed(how, record, records_b[name]))
        total = len(records_a)
    else:
        values_a, values_b = _query_values(a / PER_QUERY), _query_values(b / PER_QUERY)
        asked_a, asked_b = (set(next(iter(of.values()), {})) for of in (values_a, values_b))
        _check_complete(a, b, about_a, asked_a, asked_b)
        total = len(asked_a)
    order = {"worse": 0, "better": 1, "other words": 2}
    return Comparison(
        a=a.name,
        b=b.name,
        kind=str(about_a["kind"]),
        questions=total,
        settings=_settings(about_a, about_b),
        differences=tuple(
            difference
            for name in values_a
            if name in values_b
            if (difference := _difference(name, values_a[name], values_b[name], seed)) is not None
        ),
        changed=tuple(sorted(changed, key=lambda one: order[one.how])),
    )


def _check_comparable(a: Path, b: Path, about_a: Mapping[str, Any], about_b: Mapping[str, Any]) -> None:
    for name, why in _MUST_MATCH.items():
        one, other = about_a.get(name), about_b.get(name)
        if name == "kind":
            same = one == other
        else:
            one, other = one or {}, other or {}
            same = one.get("digest") == other.get("digest")
        if not same:
            raise InputError(f"{a} and {b} cannot be compared: {why} ({_told(one)}; {_told(other)})")


def _told(value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    shown = ("file", "split", "count", "documents", "digest")
    return ", ".join(f"{name} {value[name]}" for name in shown if value.get(name) is not None)


def _check_complete(a: Path, b: Path, about: Mapping[str, Any], done_a: set[str], done_b: set[str]) -> None:
    planned = int(about["questions"]["count"])
    for path, done in ((a, done_a), (b, done_b)):
        if len(done) != planned:
            raise InputError(
                f"{a} and {b} cannot be compared: {path} has {len(done)} of {planned} questions; "
                "next step: finish it with --resume"
            )


def _answer_values(records: Mapping[str, Record]) -> dict[str, dict[str, float]]:
    """Measure -> question -> value; a question without the measure is left out."""
    # a set without short answers would get the marks of its refusals alone
    has_short = any(record.question.answers for record in records.values())
    measures: dict[str, Callable[[Record], float | bool | None]] = {
        "handled rightly": lambda r: None if r.question.answerable is None else r.outcome.failure is None,
        "right": lambda r: r.outcome.right,
        "f1": lambda r: r.outcome.f1 if has_short else None,
        "exact": lambda r: r.outcome.exact if has_short else None,
        "refused (unanswerable)": lambda r: r.outcome.refused if r.question.answerable is False else None,
        "refused (answerable)": lambda r: r.outcome.refused if r.question.answerable else None,
        f"evidence@{_DEPTH}": lambda r: (
            (r.outcome.evidence_rank or _DEPTH + 1) <= _DEPTH if r.question.sources else None
        ),
        "citation precision": lambda r: r.outcome.citation_precision,
        "citation recall": lambda r: r.outcome.citation_recall,
        "supported": lambda r: r.outcome.supported,
        "milliseconds": lambda r: r.outcome.milliseconds,
    }
    return {
        name: {
            identity: float(value)
            for identity, record in records.items()
            if (value := of(record)) is not None
        }
        for name, of in measures.items()
    }


def _query_values(file: Path) -> dict[str, dict[str, float]]:
    values: dict[str, dict[str, float]] = {}
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}; name the folder of a finished run") from error
    for row in rows:
        query = row.pop("id")
        for name, value in row.items():
            values.setdefault(name, {})[query] = float(value)
    return values


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Everything that made the runs and differs: settings, reader, code, versions, machine."""

    def flat(about: Mapping[str, Any]) -> dict[str, Any]:
        found = {f"settings {name}": value for name, value in (about.get("settings") or {}).items()}
        found |= {f"version {name}": value for name, value in (about.get("software") or {}).items()}
        found["reader"] = about.get("reader")
        found["commit"] = (about.get("git") or {}).get("commit")
        found["processor"] = (about.get("machine") or {}).get("processor")
        found["chunker"] = (about.get("corpus") or {}).get("chunker")
        found["encoder"] = (about.get("corpus") or {}).get("encoder_fingerprint")
        return found

    one, other = flat(a), flat(b)
    return {
        name: (one.get(name), other.get(name))
        for name in {**one, **other}
        if one.get(name) != other.get(name)
    }


def _difference(name: str, a: Mapping[str, float], b: Mapping[str, float], seed: int) -> Difference | None:
    import numpy as np

    shared = [query for query in a if query in b]
    if not shared:
        return None
    first, second = np.array([a[query] for query in shared]), np.array([b[query] for query in shared])
    low, high, p = paired(first, second, seed)
    better = (
        second < first if name == "milliseconds" or name.startswith("refused (answer") else second > first
    )
    return Difference(
        measure=name,
        questions=len(shared),
        a=float(first.mean()),
        b=float(second.mean()),
        low=low,
        high=high,
        p=p,
        wins=int(better.sum()),
        losses=int((first != second).sum() - better.sum()),
    )


def paired(a: NDArray[np.float64], b: NDArray[np.float64], seed: int = SEED) -> tuple[float, float, float]:
    """(low, high, p) of the mean of ``b - a`` over pairs.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    import numpy as np

    try:
        from scipy import stats
    except ImportError as error:
        raise MissingExtraError("rag eval compare", "eval") from error
    change = b - a
    if len(change) < 2 or not change.any():
        only = float(change.mean())
        return only, only, 1.0
    interval = stats.bootstrap(
        (change,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(seed),
        batch=500,
    ).confidence_interval  # fmt: skip
    tested = stats.permutation_test(
        (change,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(seed),
        batch=500,
    )
    return float(interval.low), float(interval.high), float(tested.pvalue)


def _how_changed(a: Record, b: Record) -> str | None:
    good_a, good_b = a.outcome.failure is None, b.outcome.failure is None
    if a.question.answerable is not None and good_a != good_b:
        return "better" if good_b else "worse"
    return None if a.outcome.text == b.outcome.text else "other words"


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Everything, ready for ``json.dumps``."""
    from dataclasses import asdict

    return {
        "a": comparison.a,
        "b": comparison.b,
        "kind": comparison.kind,
        "questions": comparison.questions,
        "settings": {name: list(pair) for name, pair in comparison.settings.items()},
        "differences": [asdict(one) for one in comparison.differences],
        "changed": [
            {
                "how": one.how,
                "id": one.a.question.id,
                "question": one.a.question.question,
                "a": _side(one.a),
                "b": _side(one.b),
            }
            for one in comparison.changed
        ],
    }


def _side(record: Record) -> dict[str, Any]:
    return {
        "verdict": record.outcome.verdict,
        "text": record.outcome.text,
        "failure": record.outcome.failure,
        "evidence": evidence(record),
    }


def evidence(record: Record) -> list[dict[str, Any]]:
    """What an answer cites; for a refusal, the first passages it was made from."""
    cited = [
        {"path": one["path"], "start": one["start"], "end": one["end"], "text": one["quote"], "cited": True}
        for statement in record.answer.get("statements", ())
        for one in statement["citations"]
    ]
    if cited:
        return cited
    return [
        {"path": hit["path"], "start": hit["start"], "end": hit["end"], "text": hit["text"], "cited": False}
        for hit in record.hits[:2]
        if hit.get("text")
    ]


def counted(changed: Sequence[Changed]) -> dict[str, int]:
    """How many questions changed which way."""
    return {how: sum(one.how == how for one in changed) for how in ("better", "worse", "other words")}
