"""A question set of our own: JSON lines, a question each, with what its answer must hold and what it must cite.

Other formats become the same Questions in ``formats``. Reading is strict, because a set with a misspelt key would
still give a number, only a wrong one. Every complaint names the file and the line. The format is described in
``eval/README.md``.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

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
        answerable: None when the set does not know; such a question is asked, but neither right nor wrong.
        history: what was asked before, oldest first; each a question, or a pair of question and answer.
        follows: id of the question before it in the same conversation; then the history is what was really answered.
        expected: the facts an answer must hold, all of them; each a tuple of wordings of which one is enough.
        answers: wordings of the short answer, of which one is enough; what exact match and F1 are taken against.
        sources: beginnings of file names, of which at least one must be cited; empty when the set names none.
        sources_all: those of ``sources`` that must all be cited, for an answer that one article cannot give.
        near_miss: unanswerable, though it speaks of people and things that the articles do know.
        split: ``dev`` may be looked at while thresholds are chosen, ``test`` may not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: _Words
    question: _Words
    kind: Kind
    answerable: bool | None
    split: Split | None = None
    history: tuple[_Words | tuple[_Words, _Words], ...] = ()
    follows: _Words | None = None
    near_miss: bool = False
    expected: tuple[tuple[_Words, ...], ...] = ()
    answers: tuple[_Words, ...] = ()
    sources: tuple[_Words, ...] = ()
    sources_all: tuple[_Words, ...] = ()
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Question:
        if self.answerable and not self.facts:
            raise ValueError("an answerable question needs 'expected' facts or short 'answers'")
        if not all(self.expected):
            raise ValueError("each fact in 'expected' needs at least one wording")
        if self.answerable and self.near_miss:
            raise ValueError("'near_miss' is for unanswerable questions")
        if not self.answerable and (self.facts or self.sources or self.sources_all):
            raise ValueError(
                "an unanswerable question has no 'expected', 'answers', 'sources' or 'sources_all'"
            )
        if self.history and self.follows:
            raise ValueError("give either 'history' or 'follows': what it follows is its history")
        if not set(self.sources_all) <= set(self.sources):
            raise ValueError("'sources_all' may only name what 'sources' names too")
        return self

    @property
    def facts(self) -> tuple[tuple[str, ...], ...]:
        """What an answer's text must hold: the expected facts, else any wording of the short answer."""
        return self.expected or ((self.answers,) if self.answers else ())


def read_questions(file: str | Path, split: Split | None = None) -> list[Question]:
    """Read a question set, or one half of it, in the file's order; blank lines are skipped.

    Raises:
        InputError: naming the file, the line, what is wrong there and what is allowed; also when there is
            nothing to ask.
    """
    path = Path(file)
    return chosen(checked(path, ((f"line {number}", line) for number, line in lines(path))), path, split)


def checked(path: Path, rows: Iterable[tuple[str, str | dict[str, Any]]]) -> list[Question]:
    """Questions from (where in the file, JSON text or values) rows, each with an id of its own.

    Raises:
        InputError: naming the file, the place, and what is wrong there; also when there is no row at all.
    """
    questions: list[Question] = []
    place_of: dict[str, str] = {}
    for place, row in rows:
        try:
            if isinstance(row, str):
                question = Question.model_validate_json(row)
            else:
                question = Question.model_validate(row, strict=False)
        except ValidationError as error:
            raise InputError(f"{path}, {place}: {_explain(error)}") from error
        if question.id in place_of:
            raise InputError(
                f"{path}, {place}: id {question.id!r} is also on {place_of[question.id]}; give each question its own"
            )
        if question.follows is not None and question.follows not in place_of:
            raise InputError(
                f"{path}, {place}: follows {question.follows!r}, which no question before it is called"
            )
        place_of[question.id] = place
        questions.append(question)
    if not questions:
        raise InputError(f"{path} holds no questions; write one JSON object per line (see eval/README.md)")
    return questions


def chosen(questions: list[Question], path: Path, split: Split | None) -> list[Question]:
    """The questions of one half, or all of them.

    Raises:
        InputError: the half is empty.
    """
    if split is None:
        return questions
    kept = [question for question in questions if question.split == split]
    if not kept:
        raise InputError(
            f'{path} has no question with "split": "{split}"; leave the split out to ask all {len(questions)}'
        )
    return kept


def read_text(path: Path) -> str:
    """A file's text; ``.gz`` is unpacked.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read: {cause}; pass the path of a question set") from error


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers from 1."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
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
