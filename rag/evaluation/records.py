"""What a run keeps of each question: one JSON line with the question, the whole answer, the evidence, the judgement.

A record read back is the record that was written, so that a run can be resumed, reported and compared later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from rag.errors import InputError
from rag.evaluation.metered import Usage
from rag.evaluation.metrics import Outcome
from rag.evaluation.questions import Question
from rag.types import Answer, Hit

_HITS_WITH_TEXT = 5  # enough to see why; all ten would be most of the file


@dataclass(frozen=True, slots=True)
class Record:
    """One question of a run: how it was judged, the answer as JSON values, and the passages it was made from."""

    outcome: Outcome
    answer: dict[str, Any]
    hits: tuple[dict[str, Any], ...]

    @property
    def question(self) -> Question:
        """What was asked."""
        return self.outcome.question


def make_record(outcome: Outcome, answer: Answer, hits: Sequence[Hit], usage: Usage | None = None) -> Record:
    """Keep what was said, with where each cited passage stands, and what a language model used for it."""
    return Record(
        outcome=replace(outcome, milliseconds=round(outcome.milliseconds, 3)),
        answer={
            "query": answer.query,
            "generator": answer.generator,
            "statements": [
                {"text": one.text, "citations": [asdict(cited) for cited in one.citations]}
                for one in answer.statements
            ],
            "timings_ms": answer.timings_ms,
            "note": answer.note,
            "unverified": [one.text for one in answer.unverified],
            **({"tokens": asdict(usage)} if usage is not None else {}),
        },
        hits=tuple(_hit(hit) for hit in hits),
    )


def _hit(hit: Hit) -> dict[str, Any]:
    kept = {
        "rank": hit.rank,
        "path": hit.path,
        "title": hit.title,
        "start": hit.start,
        "end": hit.end,
        "score": round(hit.score, 4),
    }
    return kept | {"text": hit.text} if hit.rank <= _HITS_WITH_TEXT else kept


def to_line(record: Record) -> str:
    """The record as one line of JSON, without a line end."""
    judged = {
        field.name: getattr(record.outcome, field.name)
        for field in fields(Outcome)
        if field.name != "question"
    }
    question = record.question.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(
        {
            **question,
            **judged,
            "failure": record.outcome.failure,
            "answer": record.answer,
            "hits": record.hits,
        },
        ensure_ascii=False,
    )


def from_line(line: str) -> Record:
    """The record of a line that ``to_line`` wrote.

    Raises:
        ValueError: the line is cut off, or of another version.
    """
    given = json.loads(line)
    try:
        answer, hits = given.pop("answer"), given.pop("hits")
        given.pop("failure")
        judged = {field.name: given.pop(field.name) for field in fields(Outcome) if field.name != "question"}
        question = Question.model_validate_json(json.dumps(given))
        judged |= {"facts": tuple(judged["facts"]), "cited": tuple(judged["cited"])}
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"no record of this version: {error!r}") from error
    return Record(Outcome(question=question, **judged), answer, tuple(hits))


def read_records(file: Path) -> list[Record]:
    """The whole lines of a run's file; a last line that was cut off is left out.

    Raises:
        InputError: the file cannot be read, or a line that is not the last is no record.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}; name the folder of a run") from error
    lines = text.split("\n")
    whole = lines[:-1]  # what stands after the last line end was cut off while it was written
    records = []
    for number, line in enumerate(whole, start=1):
        try:
            records.append(from_line(line))
        except ValueError as error:
            raise InputError(
                f"{file}, line {number}: {error}; next step: ask again, without --resume"
            ) from error
    return records


def outcomes(records: Iterable[Record]) -> list[Outcome]:
    """How the questions of the records were judged."""
    return [record.outcome for record in records]
