"""Asks a set's questions one by one; stopping early still gives numbers for what is done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rag.answering.events import Completed, Event, Searched
from rag.errors import InputError
from rag.evaluation.metrics import SEED, Outcome, Summary, judge, summarise
from rag.evaluation.questions import Question, Split, read_questions

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rag.types import Answer, Filters, Hit


class Engine(Protocol):
    """What is examined: anything that answers as ``rag.AnswerEngine`` does."""

    def stream(
        self,
        question: str,
        history: Sequence[str | tuple[str, str]] = (),
        filters: Filters | None = None,
    ) -> Iterator[Event]:
        """Yield one ``Searched``, the statements, and one ``Completed``."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """A set asked, as far as it got.

    Attributes:
        outcomes: in the order asked; fewer than ``planned`` when ``interrupted``.
        seconds: wall-clock time of the whole run.
    """

    file: str
    split: Split | None
    planned: int
    outcomes: tuple[Outcome, ...]
    summary: Summary
    interrupted: bool
    seconds: float


def run(
    file: str | Path,
    engine: Engine,
    *,
    split: Split | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    seed: int = SEED,
) -> Run:
    """Ask every question of a set (or of one half of it) and count what came out.

    Ctrl-C ends the run with what is done; only when nothing is done does it go through to the caller.

    Args:
        engine: asked one question at a time.
        out: where to write one JSON line per question, each as soon as it is answered; replaced if it exists.
        progress: show a progress bar on stderr, if that is a terminal.
        seed: of the bootstrap intervals.

    Raises:
        InputError: the set cannot be used, or ``out`` cannot be written.
    """
    questions = read_questions(file, split)
    outcomes: list[Outcome] = []
    interrupted = False
    begun = time.perf_counter()
    with ExitStack() as stack:
        written = stack.enter_context(_open_out(Path(out), Path(file))) if out is not None else None
        bar = stack.enter_context(_bar(progress))
        task = bar.add_task("asking", total=len(questions))
        try:
            for question in questions:
                outcome, answer = ask(engine, question)
                outcomes.append(outcome)
                if written is not None:
                    written.write(json.dumps(_record(outcome, answer), ensure_ascii=False) + "\n")
                    written.flush()
                _advance(bar, task, outcomes)
        except KeyboardInterrupt:
            if not outcomes:
                raise
            interrupted = True
    return Run(
        file=str(file),
        split=split,
        planned=len(questions),
        outcomes=tuple(outcomes),
        summary=summarise(outcomes, seed=seed),
        interrupted=interrupted,
        seconds=time.perf_counter() - begun,
    )


def ask(engine: Engine, question: Question) -> tuple[Outcome, Answer]:
    """Ask one question and judge its answer."""
    hits: Sequence[Hit] = ()
    answer: Answer | None = None
    begun = time.perf_counter()
    for event in engine.stream(question.question, history=question.history):
        if isinstance(event, Searched):
            hits = event.hits
        elif isinstance(event, Completed):
            answer = event.answer
    milliseconds = (time.perf_counter() - begun) * 1000
    if answer is None:
        raise RuntimeError(f"the engine never completed its answer to {question.question!r}")
    return judge(question, answer, hits, milliseconds), answer


def _open_out(out: Path, questions: Path) -> TextIO:
    if out.exists() and out.samefile(questions):
        raise InputError(f"--out {out} is the question set itself; name another file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return out.open("w", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out} cannot be written: {error.strerror}; name another file") from error


def _bar(wanted: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (wanted and console.is_terminal),
    )


def _advance(bar: Progress, task: TaskID, outcomes: Sequence[Outcome]) -> None:
    failed = sum(outcome.failure is not None for outcome in outcomes)
    bar.update(task, advance=1, description=f"asking ({failed} failed)" if failed else "asking")


def _record(outcome: Outcome, answer: Answer) -> dict[str, Any]:
    """One line of ``--out``: the question as it was asked, the whole answer, and how it was judged."""
    question = outcome.question
    return {
        **question.model_dump(mode="json", exclude_defaults=True),
        "verdict": outcome.verdict,
        "query": answer.query,
        "text": outcome.text,
        "short_answer": answer.short_answer,
        "citations": [
            {
                "number": cited.number,
                "path": cited.path,
                "start": cited.start,
                "end": cited.end,
                "quote": cited.quote,
            }
            for statement in answer.statements
            for cited in statement.citations
        ],
        "facts": list(outcome.facts),
        "right": outcome.right,
        "source_cited": outcome.source_cited,
        "evidence_rank": outcome.evidence_rank,
        "failure": outcome.failure,
        "milliseconds": round(outcome.milliseconds, 2),
    }
