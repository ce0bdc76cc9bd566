"""What an answer looks like while it is being made: the events ``AnswerEngine.stream`` yields, in this order.

One ``Searched``, then one ``StatementReady`` per statement that passed the check, then one ``Completed``. A door that
cannot stream just waits for the last.

Where a language model words the answer, ``TokenReady`` events come in between, not yet checked, and what fails the
check is a ``StatementDropped``. When the model fails, a ``FellBack`` takes back every statement so far; those of the
extractive answer follow. ``Preparing`` says that the model has to be loaded first, which may take many seconds; it may
come before ``Searched``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rag.types import Answer, Hit, Statement, Unverified


@dataclass(frozen=True, slots=True)
class Searched:
    """The search is done: the standalone question that was searched and what it found.

    Attributes:
        hits: of the question, or of its first part where it has several.
        parts: each part as it was searched, with what that found; empty where nothing was searched.
    """

    query: str
    hits: tuple[Hit, ...]
    parts: tuple[tuple[str, tuple[Hit, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class StatementReady:
    """One statement whose citations have been checked; the numbers are final."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something has to be loaded that is needed only once; ``note`` says what, for a person who waits."""

    note: str


@dataclass(frozen=True, slots=True)
class TokenReady:
    """Some more of what the model writes, without citation marks; nothing of it has been checked yet."""

    text: str


@dataclass(frozen=True, slots=True)
class StatementDropped:
    """One statement of the model that the articles do not support, with the reasons."""

    statement: Unverified


@dataclass(frozen=True, slots=True)
class FellBack:
    """The model's answer is given up and the extractive one takes its place; ``note`` says why, for a person."""

    note: str


def instead(what_happened: str) -> str:
    """The note that the articles' own words stand in for a model's, after why; ``what_happened`` may end in "?"."""
    said = "this is what the articles say, word for word."
    if what_happened.endswith(("?", ".", "!")):
        return f"{what_happened} {said.capitalize()}"
    return f"{what_happened}; {said}"


@dataclass(frozen=True, slots=True)
class Completed:
    """The whole answer."""

    answer: Answer


Event: TypeAlias = (
    Searched | Preparing | TokenReady | StatementReady | StatementDropped | FellBack | Completed
)
