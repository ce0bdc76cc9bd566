"""One question of the page: what the browser asked for, the engine's events as they come, the turn as it is kept.

The engine runs in a thread of its own and hands its events over, so that "stop" is heard at once, also while a
language model takes its time over the next word.

Each step is the whole HTML of its turn, so a step that the browser skips costs nothing.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rag.answering.about_answer import asked_about
from rag.answering.citations import marked
from rag.answering.events import (
    Completed,
    Event,
    FellBack,
    Preparing,
    Searched,
    StatementDropped,
    StatementReady,
    TokenReady,
    instead,
)
from rag.apps import chat_view as view
from rag.apps.chat_desk import Desk, plain
from rag.apps.chat_html import plain_date
from rag.apps.chat_sources import Shown
from rag.apps.chat_view import model_name
from rag.apps.chat_why import trace
from rag.apps.conversations import Conversations, Turn
from rag.errors import RagError
from rag.types import Answer, Filters, Hit, Source, Statement, Unverified

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine

LONGEST_QUESTION = 2_000  # characters
AT_ONCE = 4  # questions that are answered at the same time in quotes, and as many by each model
REMEMBERED = 12  # turns of the conversation a follow-up may refer to

_PACE = (
    0.08  # seconds a drawing of what a model is writing is worth; some faster than anybody reads are left out
)
_BURST = 8  # drawings that may follow each other at once, so that the words before a pause are seen
_TAIL = 24  # characters that tell where in the draft a checked sentence ends
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asked for. Everything in it may be anything; ``read`` makes it what it should be.

    Attributes:
        browser, conversation, turn: ids the browser made; without them nothing is kept.
        index: which index; '' for the page's own.
        replaces: the turn this one takes the place of, or ''.
        style: quotes only, or a model's words where there is one.
        model: which one, by its key; '' for the default.
        most: how many sources to show at first.
    """

    question: str
    browser: str = ""
    conversation: str = ""
    turn: str = ""
    index: str = ""
    replaces: str = ""
    filters: Filters = field(default_factory=Filters)
    style: Literal["quotes", "fluent"] = "fluent"
    model: str = ""
    most: int | None = None

    @classmethod
    def read(cls, question: object, told: object) -> Asked:
        """From what came over the wire."""
        values = told if isinstance(told, dict) else {}
        chosen = values.get("filters")
        chosen = chosen if isinstance(chosen, dict) else {}
        sources = chosen.get("sources")
        most = values.get("most")
        return cls(
            question=_text(question).strip()[:LONGEST_QUESTION],
            **{
                key: _text(values.get(key))
                for key in ("browser", "conversation", "turn", "index", "replaces", "model")
            },
            filters=Filters(
                after=_text(chosen.get("after")) or None,
                before=_text(chosen.get("before")) or None,
                sources=tuple(filter(None, map(_text, sources))) if isinstance(sources, list) else (),
            ),
            style="quotes" if values.get("style") == "quotes" else "fluent",
            most=most if isinstance(most, int) and most > 0 else None,
        )

    @property
    def within(self) -> str:
        """The filters in words."""
        parts = [" or ".join(self.filters.sources)]
        if self.filters.after:
            parts.append(f"since {plain_date(self.filters.after)}")
        if self.filters.before:
            parts.append(f"until {plain_date(self.filters.before)}")
        return ", ".join(filter(None, parts))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class Lanes:
    """How many questions are answered at the same time: so many in quotes, so many by each model.

    A model that loads or hangs holds up nobody who did not choose it.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._guard = threading.Lock()
        self._lanes: dict[str, threading.Semaphore] = {}

    def answered(
        self, engine: AnswerEngine, stream: Callable[[AnswerEngine], Iterator[Event]], note: str = ""
    ) -> Iterator[Event]:
        """The engine's events; where its model has enough to do, those of the articles' own words.

        Args:
            engine: as it was chosen.
            stream: asks it.
            note: why that is not what the person chose, if it is not.
        """
        lane = None
        if engine.generator is not None:
            lane = self._of(engine.generator.name)
            if not lane.acquire(blocking=False):
                lane = None
                said = f"{model_name(engine.generator.name)} has other questions to answer first"
                engine, note = plain(engine), instead(said)
        if lane is None:
            lane = self._of("")
            lane.acquire()  # never for long: no model is waited for
        try:
            if note:
                yield FellBack(note)
            name = engine.generator.name if engine.generator is not None else ""
            for event in stream(engine):
                yield _told(event, name, note)
        finally:
            lane.release()

    def _of(self, name: str) -> threading.Semaphore:
        with self._guard:
            return self._lanes.setdefault(name, threading.Semaphore(self._at_once))


def _told(event: Event, name: str, note: str) -> Event:
    """The event as a person is told it: a model by the name it is called, and with the answer what came in between."""

    def called(text: str) -> str:
        return text.replace(name, model_name(name)) if name else text

    match event:
        case Preparing(said):
            return Preparing(called(said))
        case FellBack(said):
            return FellBack(called(said))
        case Completed(answer) if note or answer.note:
            return Completed(replace(answer, note=note or called(answer.note or "")))
    return event


_OVER = object()  # put behind the last event
_Box: TypeAlias = "queue.SimpleQueue[Any]"


class Stops:
    """The questions that are being answered, so that one can be stopped by its id."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: dict[str, _Box] = {}

    def stop(self, turn: str) -> bool:
        """Stop it; False when it is not being answered (any more)."""
        with self._guard:
            box = self._waiting.get(turn)
        if box is not None:
            box.put(None)
        return box is not None

    def events(self, turn: str, stream: Iterator[Event]) -> Iterator[Event | None]:
        """The stream's events, from a thread of its own; a None at the end when it was stopped."""
        box: _Box = queue.SimpleQueue()
        given_up = threading.Event()

        def work() -> None:
            try:
                for event in stream:
                    if given_up.is_set():
                        return
                    box.put(event)
            finally:
                box.put(_OVER)
                if isinstance(stream, Generator):
                    stream.close()  # here, and not whenever it is forgotten: others may wait for its place

        with self._guard:
            self._waiting[turn] = box
        worker = ThreadPoolExecutor(1, thread_name_prefix="answer")
        try:
            done = worker.submit(work)
            while (event := box.get()) is not _OVER:
                yield event
                if event is None:
                    return
            done.result()  # raises what went wrong
        finally:
            given_up.set()
            worker.shutdown(wait=False)
            with self._guard:
                self._waiting.pop(turn, None)


@dataclass(slots=True)
class Progress:
    """What is known of an answer so far; it takes in the engine's events one by one.

    Attributes:
        shows_dropped: whether what failed the check is shown.
        within: which articles are searched, in words.
        searched: what ``query`` is called.
        draft: what a model has written and nobody has checked yet; None while no model words the answer.
        waiting: what is waited for, where that takes long.
    """

    question: str
    shows_dropped: bool = False
    within: str = ""
    searched: str = "searched"
    query: str = ""
    hits: tuple[Hit, ...] = ()
    parts: tuple[tuple[str, tuple[Hit, ...]], ...] = ()
    statements: list[Statement] = field(default_factory=list)
    draft: str | None = None
    dropped: list[Unverified] = field(default_factory=list)
    note: str = ""
    waiting: str = ""

    def take(self, event: Event) -> None:
        """Bring it in step with one event."""
        match event:
            case Searched():
                self.query, self.hits, self.parts = event.query, event.hits, event.parts
            case Preparing():
                self.waiting = event.note
            case TokenReady():
                self.draft = (self.draft or "") + event.text
            case StatementReady():
                self.statements.append(event.statement)
                self._checked(event.statement.text)
            case StatementDropped():
                self.dropped.append(event.statement)
                self._checked(event.statement.text)
            case FellBack():  # the articles' own words follow; nothing of the model's stays
                self.statements, self.draft, self.note = [], None, event.note
            case Completed():
                self.query = event.answer.query

    def _checked(self, said: str) -> None:
        """What has been checked is draft no longer; the beginning of the next sentence may be there already."""
        if self.draft is not None:
            written, end = _SPACES.sub(" ", self.draft), _SPACES.sub(" ", said)[-_TAIL:]
            at = written.find(end)
            self.draft = written[at + len(end) :].lstrip() if at >= 0 else ""

    def html(self, answer: Answer | None = None, problem: str = "", **more: Any) -> str:
        """The turn as it is now."""
        return view.turn(
            self.question,
            query=self.query,
            searched=self.searched,
            within=self.within,
            answer=answer,
            problem=problem,
            statements=self.statements,
            draft=self.draft,
            dropped=self.dropped if self.shows_dropped else (),
            note=self.note,
            waiting=self.waiting,
            **more,
        )

    def stopped(self) -> Answer | None:
        """What had arrived, as an answer; None when that was nothing."""
        if not self.statements:
            return None
        sources = {
            c.number: Source(c.number, c.path, c.title) for one in self.statements for c in one.citations
        }
        return Answer(
            question=self.question,
            query=self.query,
            verdict="partial",
            text=" ".join(map(marked, self.statements)),
            statements=tuple(self.statements),
            sources=tuple(sources[number] for number in sorted(sources)),
            generator="extractive" if self.draft is None else "stopped",
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A turn's HTML so far.

    Attributes:
        verdict: the answer's; '' until it is whole.
        trouble: ``problem`` or ``stopped``, where it ends without a verdict.
        notice: something to be told beside it.
    """

    html: str
    verdict: str = ""
    trouble: str = ""
    notice: str = ""


def past_of(turns: Sequence[Turn]) -> tuple[list[tuple[str, str]], Answer | None]:
    """What a follow-up may refer to: questions with their answers' texts, and the answer "Who says so?" is about."""
    whole = [(turn.question, turn.answer) for turn in turns if turn.answer is not None and not turn.stopped]
    previous: Answer | None = None
    for question, answer in whole:
        # "Are you sure?" after "Who says so?" is about the answer that both are about
        if previous is None or asked_about(question) not in ("who", "sure", "passage"):
            previous = answer
    return [(question, answer.text) for question, answer in whole][-REMEMBERED:], previous


class Answering:
    """One question on its way: ``steps`` draws it, ``keep`` puts what came of it into its conversation."""

    def __init__(
        self, desk: Desk, store: Conversations, stops: Stops, asked: Asked, lanes: Lanes | None = None
    ) -> None:
        self._desk, self._store, self._stops, self._asked = desk, store, stops, asked
        self._lanes = lanes or Lanes()
        self._progress = Progress(asked.question, within=asked.within)
        self._turn: Turn | None = None
        self._place = ""
        self._shown = Shown()

    def steps(self) -> Iterator[Step]:
        """The turn, step by step. Whatever ends it, it is kept."""
        try:
            yield from self._drawn()
        finally:
            notice = self._kept()
        if notice:
            yield Step("", notice=notice)

    def _drawn(self) -> Iterator[Step]:
        asked, progress = self._asked, self._progress
        yield Step(progress.html())
        try:
            here = self._desk.at(asked.index)
            self._place = here.place
            index = here.opened()[1]
            engine, note = here.engine(asked.style, asked.model)
            past, previous = past_of(self._before())
            progress.shows_dropped = index.settings.unverified == "show"
            if previous is not None and previous.statements and asked_about(asked.question):
                progress.searched = "about the answer to"
            self._shown = Shown(here.facts(), here.newest())
            stream = self._lanes.answered(
                engine,
                lambda chosen: chosen.stream(asked.question, past, asked.filters or None, previous),
                note,
            )
            yield from self._events(engine, self._stops.events(asked.turn, stream))
        except RagError as error:
            self._turn = Turn(asked.turn, asked.question, problem=str(error))
            yield Step(progress.html(problem=str(error)), trouble="problem")

    def _events(self, engine: AnswerEngine, events: Iterator[Event | None]) -> Iterator[Step]:
        asked, progress, look = self._asked, self._progress, self._look()
        drawn, left = time.monotonic(), float(_BURST)
        for event in events:
            if event is None:
                yield Step(progress.html(progress.stopped(), stopped=True, **look), trouble="stopped")
                return
            progress.take(event)
            match event:
                case Completed(answer):
                    yield Step(progress.html(answer, **look), answer.verdict)
                    found = progress.parts or ((progress.query, progress.hits),)
                    noted = trace(engine, found, answer, progress.dropped, asked.within)
                    noted["model"] = asked.model
                    self._turn = Turn(
                        asked.turn, asked.question, answer, shas=self._shas(answer), trace=noted
                    )
                case TokenReady():
                    now = time.monotonic()
                    drawn, left = now, min(left + (now - drawn) / _PACE, _BURST)
                    if left >= 1:
                        left -= 1
                        yield Step(progress.html())
                case Searched():
                    pass
                case _:
                    yield Step(progress.html())

    def _look(self) -> dict[str, Any]:
        return {"shown": self._shown, "most": self._asked.most}

    def _before(self) -> list[Turn]:
        """The turns before this one, or before the one it takes the place of."""
        turns = self._store.turns(self._asked.browser, self._asked.conversation)
        at = next((n for n, turn in enumerate(turns) if turn.id == self._asked.replaces), len(turns))
        return turns[:at]

    def _shas(self, answer: Answer) -> dict[str, str]:
        facts = self._shown.facts
        return {source.path: facts[source.path].sha256 for source in answer.sources if source.path in facts}

    def _kept(self) -> str:
        """Keep the turn; why that was not possible, if it was not."""
        asked, turn = self._asked, self._turn
        if not (asked.browser and asked.conversation and asked.turn):
            return ""
        if turn is None:  # stopped, or the page was closed meanwhile
            answer = self._progress.stopped()
            shas = self._shas(answer) if answer else {}
            turn = Turn(asked.turn, asked.question, answer, stopped=True, shas=shas)
        try:
            shelf = asked.index or self._desk.name
            replaces = asked.replaces or None
            self._store.append(asked.browser, asked.conversation, turn, shelf, replaces, self._place)
        except RagError as error:
            return str(error)
        return ""
