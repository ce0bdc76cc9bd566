"""Asks a set's questions one by one; stopping early still gives numbers for what is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rag.answering.events import Completed, Event, Searched
from rag.evaluation.confidence import RecordingReader, confidence_of
from rag.evaluation.metered import Metered, Price
from rag.evaluation.metrics import is_source, judge
from rag.evaluation.records import Record, make_record, outcomes, to_line
from rag.evaluation.summary import SEED, Summary, summarise
from rag.evaluation.verification import verify

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rag.evaluation.questions import Question, Split
    from rag.evaluation.run_folder import RunFolder
    from rag.models.reader import Reader
    from rag.types import Answer, Filters, Hit

Turn = str | tuple[str, str]


class Engine(Protocol):
    """What is examined: anything that answers as ``rag.AnswerEngine`` does."""

    def stream(
        self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None
    ) -> Iterator[Event]:
        """Yield one ``Searched``, the statements, and one ``Completed``."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """A set asked, as far as it got.

    Attributes:
        records: in the order asked; fewer than ``planned`` when ``interrupted``.
        seconds: wall-clock time of asking, in this process; what was resumed is not in it.
        price: what the model's tokens cost, where somebody said so.
    """

    file: str
    split: Split | None
    planned: int
    records: tuple[Record, ...]
    summary: Summary
    interrupted: bool
    seconds: float
    price: Price | None = None


def run(
    questions: Sequence[Question],
    engine: Engine,
    *,
    name: str = "questions",
    split: Split | None = None,
    folder: RunFolder | None = None,
    reader: Reader | None = None,
    meter: Metered | None = None,
    price: Price | None = None,
    progress: bool = True,
    seed: int = SEED,
) -> Run:
    """Ask every question and count what came out.

    Ctrl-C ends the run with what is done; only when nothing is done does it go through to the caller.

    Args:
        questions: in the order to be asked; at least one.
        engine: asked one question at a time.
        name: what the set is called in reports.
        split: which half of the set these are.
        folder: where to write one line per question, each as soon as it is answered; what is done there already is
            not asked again.
        reader: checks whether citations support what is not copied from them; a ``RecordingReader`` that the engine
            reads with also tells how sure it was.
        meter: the generator that the engine writes with, for the tokens of each question.
        price: kept with the run.
        progress: show a progress bar on stderr, if that is a terminal.
        seed: of the bootstrap intervals.
    """
    recorder = reader if isinstance(reader, RecordingReader) else None
    records: dict[str, Record] = {}
    if folder is not None:
        wanted = {question.id for question in questions}
        records = {record.question.id: record for record in folder.done if record.question.id in wanted}
    interrupted = False
    begun = time.perf_counter()
    with ExitStack() as stack:
        written = stack.enter_context(folder.open_answers()) if folder is not None else None
        bar = stack.enter_context(progress_bar(progress))
        task = bar.add_task("asking", total=len(questions), completed=len(records))
        failed = sum(record.outcome.failure is not None for record in records.values())
        try:
            for question in questions:
                if question.id in records:
                    continue
                record = ask(engine, question, history(question, records), recorder, reader, meter)
                records[question.id] = record
                failed += record.outcome.failure is not None
                if written is not None:
                    written.write(to_line(record) + "\n")
                    written.flush()
                _advance(bar, task, failed)
        except KeyboardInterrupt:
            if not records:
                raise
            interrupted = True
    inorder = tuple(records[question.id] for question in questions if question.id in records)
    return Run(
        file=name,
        split=split,
        planned=len(questions),
        records=inorder,
        summary=summarise(outcomes(inorder), seed=seed),
        interrupted=interrupted,
        seconds=time.perf_counter() - begun,
        price=price,
    )


def ask(
    engine: Engine,
    question: Question,
    turns: Sequence[Turn] = (),
    recorder: RecordingReader | None = None,
    reader: Reader | None = None,
    meter: Metered | None = None,
) -> Record:
    """Ask one question and judge its answer."""
    hits: Sequence[Hit] = ()
    answer: Answer | None = None
    if recorder is not None:
        recorder.taken()
    if meter is not None:
        meter.taken()
    begun = time.perf_counter()
    for event in engine.stream(question.question, history=turns):
        if isinstance(event, Searched):
            hits = event.hits
        elif isinstance(event, Completed):
            answer = event.answer
    milliseconds = (time.perf_counter() - begun) * 1000
    if answer is None:
        raise RuntimeError(f"the engine never completed its answer to {question.question!r}")
    recorded = recorder.taken() if recorder is not None else None
    outcome = judge(question, answer, hits, milliseconds, confidence_of(answer, hits, recorded))
    supported, precision = verify(answer, reader)
    judged = replace(outcome, supported=supported, support_precision=precision)
    return make_record(judged, answer, hits, meter.taken() if meter is not None else None)


def history(question: Question, records: dict[str, Record]) -> tuple[Turn, ...]:
    """What was said before a question: its own history, or the conversation as it really went."""
    turns: list[Turn] = []
    before = question.follows
    while before is not None and before in records:
        earlier = records[before].outcome
        turns.insert(0, (earlier.question.question, earlier.text))
        if earlier.question.follows is None:
            turns[:0] = earlier.question.history
        before = earlier.question.follows
    return (*question.history, *turns)


def without_foreign_sources(questions: Sequence[Question], paths: Sequence[str]) -> list[Question]:
    """The questions, their gold sources forgotten when the index holds not one article of those names.

    A set is often asked over an index made from the same texts under other file names; then facts are judged, and
    sources are not.
    """
    named = {source for question in questions for source in question.sources}
    if any(is_source(path, source) for path in paths for source in named):
        return list(questions)
    return [question.model_copy(update={"sources": (), "sources_all": ()}) for question in questions]


def progress_bar(wanted: bool) -> Progress:
    """A bar with the time left, on stderr, and only where that is a terminal."""
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


def counting(bar: Progress, title: str, total: int) -> Callable[[int], None]:
    """A function that moves the bar on by so many."""
    task = bar.add_task(title, total=total)
    return lambda number: bar.update(task, advance=number)


def _advance(bar: Progress, task: TaskID, failed: int) -> None:
    bar.update(task, advance=1, description=f"asking ({failed} failed)" if failed else "asking")
