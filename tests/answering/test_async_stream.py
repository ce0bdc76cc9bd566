from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from dataclasses import replace

import pytest

from rag.answering.async_stream import drawn
from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, Searched
from rag.errors import InputError
from rag.index.index import Index
from rag.retrieval.retriever import Retriever

QUESTIONS = [
    "When will the joint venture of Mitsubishi and Nissan be founded?",
    "Who is the president of Honda?",
    "Who is the chief executive of Tesla?",
]


@pytest.fixture(scope="module")
def engine(seeds_index: Index) -> AnswerEngine:
    return AnswerEngine(Retriever(seeds_index))


class Steps:
    """Counts what it has begun, and says in which threads."""

    def __init__(self, failing: bool = False) -> None:
        self.begun = 0
        self.closed = threading.Event()
        self.threads: set[int] = set()
        self.allowed = threading.Semaphore(0)
        self.failing = failing

    def run(self) -> Generator[int, None, None]:
        try:
            for number in range(5):
                self.threads.add(threading.get_ident())
                assert self.allowed.acquire(timeout=30)
                self.begun += 1
                if self.failing and number == 1:
                    raise InputError("no")
                yield number
        finally:
            self.threads.add(threading.get_ident())
            self.closed.set()


def test_everything_comes_in_order_from_one_other_thread() -> None:
    steps = Steps()
    steps.allowed.release(5)

    async def collect() -> list[int]:
        return [number async for number in drawn(steps.run())]

    assert asyncio.run(collect()) == [0, 1, 2, 3, 4]
    assert len(steps.threads) == 1
    assert threading.get_ident() not in steps.threads


def test_the_loop_goes_on_meanwhile() -> None:
    steps = Steps()

    async def collect() -> list[int]:
        found = []

        async def release() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
                steps.allowed.release()

        helper = asyncio.create_task(release())
        async for number in drawn(steps.run()):
            found.append(number)
        await helper
        return found

    assert asyncio.run(collect()) == [0, 1, 2, 3, 4]


def test_an_error_arrives_where_it_is_awaited() -> None:
    steps = Steps(failing=True)
    steps.allowed.release(5)

    async def collect() -> list[int]:
        found = []
        with pytest.raises(InputError, match="no"):
            async for number in drawn(steps.run()):
                found.append(number)
        return found

    assert asyncio.run(collect()) == [0]
    assert steps.closed.is_set()


def test_who_leaves_stops_the_work_after_its_step() -> None:
    steps = Steps()
    steps.allowed.release(1)

    async def leave() -> None:
        numbers = drawn(steps.run())
        async for _ in numbers:
            break
        await numbers.aclose()
        steps.allowed.release(4)

    asyncio.run(leave())
    assert steps.closed.wait(30)
    assert steps.begun <= 2


def test_cancelling_stops_the_work_after_its_step() -> None:
    steps = Steps()

    async def cancel() -> None:
        async def collect() -> None:
            async for _ in drawn(steps.run()):
                pass

        task = asyncio.create_task(collect())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        steps.allowed.release(5)

    asyncio.run(cancel())
    assert steps.closed.wait(30)
    assert steps.begun <= 1


def test_async_answers_are_the_answers(engine: AnswerEngine) -> None:
    async def ask_all() -> list[object]:
        answers = await asyncio.gather(*(engine.aask(question) for question in QUESTIONS))
        return [replace(answer, timings_ms={}) for answer in answers]

    assert asyncio.run(ask_all()) == [replace(engine.ask(question), timings_ms={}) for question in QUESTIONS]


def test_async_events_come_in_order(engine: AnswerEngine) -> None:
    async def events() -> list[object]:
        return [event async for event in engine.astream("And of Nissan?", history=[QUESTIONS[1]])]

    found = asyncio.run(events())
    assert isinstance(found[0], Searched)
    assert isinstance(found[-1], Completed)
    assert found[-1].answer.query != "And of Nissan?"


def test_an_empty_question_is_refused_where_it_is_awaited(engine: AnswerEngine) -> None:
    with pytest.raises(InputError, match="empty"):
        asyncio.run(engine.aask("  "))


def test_async_retrieval_finds_the_same(engine: AnswerEngine) -> None:
    retriever = engine.retriever
    assert asyncio.run(retriever.aretrieve(QUESTIONS[0], 3)) == retriever.retrieve(QUESTIONS[0], 3)
