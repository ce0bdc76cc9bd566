"""What an answer looks like while it is being made: the events ``AnswerEngine.stream`` yields, in this order.

One ``Searched``, then one ``StatementReady`` per statement that passed the check, then one ``Completed``. A door that
cannot stream just waits for the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rag.types import Answer, Hit, Statement


@dataclass(frozen=True, slots=True)
class Searched:
    """The search is done: the standalone question that was searched and what it found."""

    query: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class StatementReady:
    """One statement whose citations have been checked; the numbers are final."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class Completed:
    """The whole answer."""

    answer: Answer


Event: TypeAlias = Searched | StatementReady | Completed
