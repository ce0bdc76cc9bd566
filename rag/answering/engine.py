"""From a question to a checked Answer: resolve, search, weigh, compose, cite - each step a plain function elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.answering import conversation, evidence, extractive
from rag.answering.answer_types import fits, short_answer
from rag.answering.citations import Numbering, Pointer, in_words, marked
from rag.answering.conversation import Turn
from rag.answering.events import Completed, Event, Searched, StatementReady
from rag.answering.gate import Gate
from rag.answering.machine_talk import is_machine_talk, is_order
from rag.answering.question import Analysis, analyse, parts
from rag.answering.turns import NOT_FOUND
from rag.errors import InputError, RagError
from rag.models.reader import Reader, Reading
from rag.retrieval.rerank import read_hits, rerank
from rag.retrieval.retriever import Retriever
from rag.types import (
    Answer,
    Conflict,
    Document,
    Filters,
    Hit,
    Query,
    Statement,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from collections.abc import Generator as Steps

    from rag.answering.generative import Written
    from rag.answering.generators.protocol import Generator

_PASSAGES = 10  # passages whose sentences are weighed; squad2 has the answer among the first ten for 98 %
# Kinds a few words can answer; what something is, why and how need the sentence.
_SHORT_KINDS = ("person", "organisation", "place", "date", "amount", "count", "expansion", "thing")
_CLOSEST = 3  # passages shown under a refusal


@dataclass(frozen=True, slots=True)
class _PartResult:
    """What became of one part of the question."""

    analysis: Analysis
    hits: tuple[Hit, ...]
    drafts: tuple[extractive.Draft, ...]
    short_answer: str | None
    weighed: tuple[evidence.Evidence, ...]
    confidence: float
    at_odds: tuple[Pointer, ...] = ()  # a sentence of each article that contradicts another


class AnswerEngine:
    """Answers questions over a retriever's index; extractive, unless a language model is to word what was found.

    Args:
        retriever: finds the passages.
        reader: the reader to weigh them with; the retriever's by default.
        generator: the language model; what the settings say by default.
    """

    def __init__(
        self, retriever: Retriever, reader: Reader | None = None, generator: Generator | None = None
    ) -> None:
        self.retriever = retriever
        self.reader = reader if reader is not None else retriever.reader
        if self.reader is not None:
            # its weights load while the question is searched for, a third of a cold start; no daemon, since a process
            # that ends while ONNX Runtime loads may be aborted
            threading.Thread(target=_warm, args=(self.reader,)).start()
        self.generator = generator
        if generator is None and retriever.index.settings.generator != "extractive":
            from rag.answering.generators.configured import load_generator

            self.generator = load_generator(retriever.index.settings)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        previous: Answer | None = None,
    ) -> Answer:
        """Answer one question.

        Args:
            question: in plain words.
            history: earlier turns of the conversation, oldest first.
            filters: which documents may answer.
            previous: the answer before, for questions about it ("Who says so?"); without it the history's last
                question is asked once more for them.

        Raises:
            InputError: the question is empty.
        """
        for event in self.stream(question, history, filters, previous):
            if isinstance(event, Completed):
                return event.answer
        raise AssertionError("a stream ends with Completed")

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        previous: Answer | None = None,
    ) -> Steps[Event, None, None]:
        """Answer one question step by step; see ``rag.answering.events`` for the order of events."""
        question = _checked_question(question)
        history = _checked_history(history)
        if history or previous is not None:
            from rag.answering import about_answer

            history = about_answer.without_asides(history)
            told = about_answer.answer_about(self, question, history, filters, previous)
            if told is not None:
                yield Searched(told.query, ())
                yield from map(StatementReady, told.statements)
                yield Completed(told)
                return
        if self.generator is not None and history:
            from rag.answering.generative import preparing

            yield from preparing(self.generator)
        text, asked = self._standalone(question, history)
        query = Query(text, question, filters or Filters())
        clock = _Clock()
        documents: dict[str, Document] = {}
        # all of it within one state of the index, so that a sync meanwhile cannot part a passage from its article
        with self.retriever.index.snapshot():
            results = self._answer_parts(query, clock, documents, asked)
        found = tuple((result.analysis.text, result.hits) for result in results)
        yield Searched(query.text, results[0].hits, found)
        extras: dict[str, Any] = {}
        if self.generator is not None and any(result.drafts for result in results):
            written = yield from self._written(self.generator, query, results, documents)
            clock.lap("write")
            extras = {"note": written.note}
            if self.retriever.index.settings.unverified == "show":
                extras["unverified"] = tuple(written.unverified)
            if written.statements:
                left = [result for result in results if not result.drafts]
                answer = _assemble(query, results, left, written.statements, written.numbering, clock)
                yield Completed(replace(answer, generator=self.generator.name, **extras))
                return

        numbering = Numbering()
        statements: list[Statement] = []
        open_parts: list[_PartResult] = []
        for result in results:
            shown = [numbering.cite(draft.text, draft.pointers) for draft in result.drafts]
            if not any(shown):
                open_parts.append(result)
            for statement in shown:
                if statement is not None and statement not in statements:
                    statements.append(statement)
                    yield StatementReady(statement)
        clock.lap("compose")
        yield Completed(
            replace(_assemble(query, results, open_parts, statements, numbering, clock), **extras)
        )

    async def aask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        previous: Answer | None = None,
    ) -> Answer:
        """As ``ask``, in a thread of the running loop's executor; cancelled, it begins no further step."""
        answer: Answer | None = None
        async for event in self.astream(question, history, filters, previous):
            if isinstance(event, Completed):
                answer = event.answer
        assert answer is not None, "a stream ends with Completed"
        return answer

    async def astream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        previous: Answer | None = None,
    ) -> AsyncIterator[Event]:
        """As ``stream``; whoever stops listening stops the work after the step it is at."""
        from rag.answering.async_stream import drawn

        events = drawn(self.stream(question, history, filters, previous))
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    def _standalone(self, question: str, history: Sequence[Turn]) -> tuple[str, str]:
        """The question completed from the conversation, by the model where there is one, else by rules; and how the
        reader reads it where rules completed it, "" where it stands by itself."""
        if self.generator is not None and history:
            from rag.answering.generative import condense

            pairs = [(turn, "") if isinstance(turn, str) else (turn[0], turn[1]) for turn in history]
            condensed = condense(question, pairs, self.generator)
            if condensed:
                return condensed, ""
        return conversation.standalone(question, history), conversation.leaning(question, history)

    def _written(
        self,
        generator: Generator,
        query: Query,
        results: Sequence[_PartResult],
        documents: dict[str, Document],
    ) -> Steps[Event, None, Written]:
        """What the model makes of the evidence of the parts that the articles answer."""
        from rag.answering.generative import Part, write

        parts = [Part(result.weighed, result.drafts) for result in results if result.drafts]
        return (yield from write(query.text, parts, generator, self.reader, documents.__getitem__))

    def _answer_parts(
        self, query: Query, clock: _Clock, documents: dict[str, Document], asked: str
    ) -> list[_PartResult]:
        """Answer each part of a question; ``asked`` is how the reader reads it, "" where it stands by itself."""

        def document_of(path: str) -> Document:
            if path not in documents:
                documents[path] = self.retriever.index.document(path)
            return documents[path]

        first, *others = parts(query.text)
        results: list[_PartResult] = []
        for part in (first, *others):
            # later parts are follow-ups of the first: "who came third, and what did he do?"
            told = [(first, " ".join(draft.text for draft in results[0].drafts))] if results else []
            text = conversation.standalone(part, told) if told else part
            if told:
                asked = conversation.leaning(part, told)
            hits = self.retriever.retrieve_with_vector(replace(query, text=text), k=_PASSAGES)[0]
            clock.lap("search")
            results.append(self._answer_part(text, hits, document_of, asked))
            clock.lap("read")
        if self.generator is not None:  # it takes its time, and the index may change meanwhile
            for result in results:
                for item in result.weighed:
                    document_of(item.hit.path)
        clock.lap("read")
        results = [self._compared(result, document_of) for result in results]
        clock.lap("compare")
        return results

    def _compared(self, result: _PartResult, document_of: Callable[[str], Document]) -> _PartResult:
        """The result with what other articles say against it; only looked for where several articles may answer."""
        articles = {item.hit.path for item in result.weighed}
        articles |= {location.path for item in result.weighed for location in item.hit.also_in}
        if self.reader is None or len(articles) < 2 or not result.drafts:
            return result
        from rag.answering import conflicts

        at_odds = conflicts.find(result.analysis, result.weighed, result.drafts, self.reader, document_of)
        return replace(result, at_odds=at_odds)

    def _answer_part(
        self, text: str, hits: Sequence[Hit], document_of: Callable[[str], Document], asked: str
    ) -> _PartResult:
        readings = None
        if self.reader is not None and hits:
            hits, readings = rerank(hits, read_hits(self.reader, asked or text, hits))
        material = evidence.Material(hits)
        analysis = material.corrected(analyse(text, material.names))
        weighed = weigh(analysis, material, readings, document_of)
        if self.generator is not None:
            # an order to the model is no evidence, also where the articles' own words have to stand in for it
            weighed = [item for item in weighed if not is_machine_talk(item.sentence.text)]
        model = evidence.calibration(readings is not None)

        def composed() -> tuple[float, list[extractive.Draft]]:
            sure = evidence.confidence(analysis, weighed, model)
            answered = sure >= model.threshold
            return sure, extractive.compose(analysis, weighed, document_of) if answered else []

        confidence, drafts = composed()
        if any(map(_gives_orders, drafts)):
            weighed = [item for item in weighed if not is_order(item.sentence.text)]
            confidence, drafts = composed()
            # an order may still stand before an answer, or in a list with it
            drafts = [draft for draft in drafts if not _gives_orders(draft)]
        return _PartResult(
            analysis, tuple(hits), tuple(drafts), _short(analysis, drafts), tuple(weighed), confidence
        )


def weigh(
    analysis: Analysis,
    material: evidence.Material,
    readings: Sequence[Reading] | None,
    document_of: Callable[[str], Document],
) -> list[evidence.Evidence]:
    """Score the sentences of the passages that may answer at all, best first, by the shipped calibration."""
    gate = Gate(analysis, document_of)
    return evidence.weigh(
        analysis,
        material,
        readings,
        lambda position: gate.passes(material.hits[position], material.passages[position]),
        evidence.calibration(readings is not None),
    )


def _gives_orders(draft: extractive.Draft) -> bool:
    """Whether an article talks to a machine here, which is no answer; asked only of what would be shown."""
    return any(is_order(pointer.quote) for pointer in draft.pointers)


def _warm(reader: Reader) -> None:
    with suppress(RagError):  # the first real reading raises it again, where somebody hears it
        reader.read("", ["."])
    # its patterns take 40 ms to compile, and two articles that answer are compared
    from rag.answering import conflicts  # noqa: F401


class _Clock:
    """Milliseconds per stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on ``stage``."""
        now = time.perf_counter()
        self._laps[stage] = round(self._laps.get(stage, 0.0) + (now - self._last) * 1000, 2)
        self._last = now

    def timings_ms(self) -> dict[str, float]:
        """Milliseconds per stage and in total."""
        return {**self._laps, "total": round((time.perf_counter() - self._start) * 1000, 2)}


def _checked_question(question: str) -> str:
    if not isinstance(question, str):
        raise InputError(f"the question is {type(question).__name__}, not text; ask something in plain words")
    # half a surrogate pair (an undecodable byte of a command line) is no character any model knows
    question = question.encode("utf-8", "replace").decode("utf-8").strip()
    if not question:
        raise InputError("the question is empty; ask something in plain words")
    return question


def _checked_history(history: Sequence[Turn]) -> Sequence[Turn]:
    """The history as it is, or an InputError that says what a turn must be."""
    if isinstance(history, str):
        raise InputError("the history is one text; give a list of the earlier questions, oldest first")
    for turn in history:
        pair = (
            isinstance(turn, (tuple, list)) and len(turn) == 2 and all(isinstance(part, str) for part in turn)
        )
        if not isinstance(turn, str) and not pair:
            raise InputError(
                f"a turn of the history is {turn!r}; give a question, or a (question, answer) pair"
            )
    return history


def _short(analysis: Analysis, drafts: Sequence[extractive.Draft]) -> str | None:
    """The exact words asked for: the reader's span in the best sentence, else what rules alone can tell."""
    if not drafts or analysis.kind not in _SHORT_KINDS:
        return None
    best = max(drafts, key=lambda draft: draft.evidence.probability).evidence
    if best.span is not None and analysis.kind != "expansion":
        # said in bold, so it takes more than being shown: a passage that answers by itself, and the right kind of thing
        text = extractive.span_text(best)
        return text if best.is_sure and fits(analysis, text) else None
    return short_answer(analysis, extractive.readable(best.sentence.text))


def _assemble(
    query: Query,
    results: Sequence[_PartResult],
    open_parts: Sequence[_PartResult],
    statements: Sequence[Statement],
    numbering: Numbering,
    clock: _Clock,
) -> Answer:
    conflicts = _conflicts(results, numbering) if statements else ()
    verdict: Verdict = "not_found" if not statements else "partial" if open_parts else "answered"
    text = " ".join(marked(statement) for statement in statements) or NOT_FOUND
    if verdict == "partial":
        text += " " + " ".join(f"{NOT_FOUND[:-1]}: {result.analysis.text}" for result in open_parts)
    text = " ".join([text, *map(in_words, conflicts)])
    # words in bold would take a side where articles disagree
    short = [
        result.short_answer
        for result in results
        if result.short_answer and not result.at_odds and result not in open_parts
    ]
    return Answer(
        question=query.question,
        query=query.text,
        verdict=verdict,
        text=text,
        statements=tuple(statements),
        sources=numbering.sources,
        short_answer="; ".join(short) if short and statements else None,
        closest=tuple(hit for result in open_parts for hit in result.hits)[:_CLOSEST],
        timings_ms=clock.timings_ms(),
        confidence=min(result.confidence for result in results),
        conflicts=conflicts,
    )


def _conflicts(results: Sequence[_PartResult], numbering: Numbering) -> tuple[Conflict, ...]:
    """The disagreements of all parts, each once, their articles numbered after those of the statements."""
    found: list[Conflict] = []
    for result in results:
        if result.at_odds:
            from rag.answering.conflicts import cited

            conflict = cited(result.analysis.text, result.at_odds, numbering)
            if conflict is not None and all(conflict.positions != known.positions for known in found):
                found.append(conflict)
    return tuple(found)
