"""A question set: JSON lines, one question each, with what its answer must hold and which articles to cite.

Reading is strict, because a set with a misspelt key would still give a number, only a wrong one. Every
complaint names the file and the line. The format is described in ``eval/README.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from rag.errors import InputError

Kind: TypeAlias = Literal[
    "fact", "yesno", "why", "list", "multi", "followup", "definition", "quote", "differences"
]
Split: TypeAlias = Literal["dev", "test"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SPLITS: tuple[Split, ...] = get_args(Split)

_Words: TypeAlias = Annotated[str, StringConstraints(pattern=r"\S")]


class Question(BaseModel):
    """One question and what is known about its answer.

    Attributes:
        history: what was asked before, oldest first; each a question, or a pair of question and answer.
        expected: the facts an answer must hold, all of them; each a tuple of wordings of which one is enough.
        sources: beginnings of file names, of which at least one must be cited; empty when the set names none.
        sources_all: those of ``sources`` that must all be cited, for an answer that one article cannot give.
        near_miss: unanswerable, though it speaks of people and things that the articles do know.
        split: ``dev`` may be looked at while thresholds are chosen, ``test`` may not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: _Words
    question: _Words
    kind: Kind
    answerable: bool
    split: Split | None = None
    history: tuple[_Words | tuple[_Words, _Words], ...] = ()
    near_miss: bool = False
    expected: tuple[tuple[_Words, ...], ...] = ()
    sources: tuple[_Words, ...] = ()
    sources_all: tuple[_Words, ...] = ()
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Question:
        if self.answerable and not self.expected:
            raise ValueError("an answerable question needs 'expected' facts")
        if not all(self.expected):
            raise ValueError("each fact in 'expected' needs at least one wording")
        if self.answerable and self.near_miss:
            raise ValueError("'near_miss' is for unanswerable questions")
        if not self.answerable and (self.expected or self.sources or self.sources_all):
            raise ValueError("an unanswerable question has no 'expected', 'sources' or 'sources_all'")
        if not set(self.sources_all) <= set(self.sources):
            raise ValueError("'sources_all' may only name what 'sources' names too")
        return self


def read_questions(file: str | Path, split: Split | None = None) -> list[Question]:
    """Read a question set, or one half of it, in the file's order; blank lines are skipped.

    Raises:
        InputError: naming the file, the line, what is wrong there and what is allowed; also when there is
            nothing to ask.
    """
    path = Path(file)
    questions: list[Question] = []
    line_of: dict[str, int] = {}
    for number, line in _lines(path):
        try:
            question = Question.model_validate_json(line)
        except ValidationError as error:
            raise InputError(f"{path}, line {number}: {_explain(error)}") from error
        if question.id in line_of:
            raise InputError(
                f"{path}, line {number}: id {question.id!r} is also on line {line_of[question.id]}; "
                "give each question its own"
            )
        line_of[question.id] = number
        questions.append(question)
    if not questions:
        raise InputError(f"{path} holds no questions; write one JSON object per line (see eval/README.md)")
    if split is None:
        return questions
    kept = [question for question in questions if question.split == split]
    if not kept:
        raise InputError(
            f'{path} has no question with "split": "{split}"; leave the split out to ask all {len(questions)}'
        )
    return kept


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(
            f"question set {path} cannot be read: {error.strerror}; pass the path of a .jsonl file"
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _explain(error: ValidationError) -> str:
    said = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            said.append(f"unknown key {where!r}; allowed: {', '.join(Question.model_fields)}")
        elif problem["type"] == "missing":
            said.append(f"key {where!r} is missing")
        elif problem["type"] == "string_pattern_mismatch":
            said.append(f"{where!r} is empty")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            said.append(f"{where!r}: {message}" if where else message)
    return "; ".join(said)
