"""Turns: a few at once, clients one after the other, nobody waits for ever, nothing is computed for nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from rag.apps.service.errors import ServiceError
from rag.apps.service.turns import Turns


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_no_more_than_the_workers_compute_at_once() -> None:
    running: list[int] = []
    most = 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal most
        with guard:
            running.append(1)
            most = max(most, len(running))
        time.sleep(0.02)
        with guard:
            running.pop()

    async def test() -> None:
        turns = Turns(2, 100, 10.0)
        await asyncio.gather(*(turns.run("a", work) for _ in range(12)))
        await until(lambda: turns.running == 0)
        assert (most, turns.waiting) == (2, 0)
        turns.close()

    run(test)


def test_a_client_with_many_requests_waits_behind_itself() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(10)

    async def test() -> None:
        turns = Turns(1, 100, 10.0)
        first = asyncio.create_task(turns.run("greedy", hold))
        await until(begun.is_set)
        rest = [asyncio.create_task(turns.run("greedy", lambda: order.append("greedy"))) for _ in range(5)]
        await until(lambda: turns.waiting == 5)
        rest.append(asyncio.create_task(turns.run("modest", lambda: order.append("modest"))))
        await until(lambda: turns.waiting == 6)
        go_on.set()
        await asyncio.gather(first, *rest)
        assert order.index("modest") <= 1
        turns.close()

    run(test)


def test_too_many_are_sent_away_and_so_is_who_waited_too_long() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(10)

    async def test() -> None:
        turns = Turns(1, 1, 0.1)
        first = asyncio.create_task(turns.run("a", hold))
        await until(begun.is_set)
        second = asyncio.create_task(turns.run("b", time.time))
        await until(lambda: turns.waiting == 1)
        with pytest.raises(ServiceError, match="too many requests wait"):
            await turns.run("c", time.time)
        with pytest.raises(ServiceError, match="no turn came") as raised:
            await second
        assert (raised.value.status, raised.value.code, turns.waiting) == (503, "busy", 0)
        go_on.set()
        await first
        assert await turns.run("d", lambda: 7) == 7
        turns.close()

    run(test)


def test_an_error_is_the_askers_and_the_turn_is_given_back() -> None:
    def fail() -> None:
        raise KeyError("mine")

    async def test() -> None:
        turns = Turns(1, 0, 1.0)
        with pytest.raises(KeyError, match="mine"):
            await turns.run("a", fail)
        await until(lambda: turns.running == 0)
        assert await turns.run("a", lambda: 1) == 1
        turns.close()

    run(test)


def test_who_gives_up_waiting_leaves_no_gap() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(10)

    async def test() -> None:
        turns = Turns(1, 10, 10.0)
        first = asyncio.create_task(turns.run("a", hold))
        await until(begun.is_set)
        gone = asyncio.create_task(turns.run("b", time.time))
        last = asyncio.create_task(turns.run("c", lambda: "c"))
        await until(lambda: turns.waiting == 2)
        gone.cancel()
        await until(lambda: turns.waiting == 1)
        go_on.set()
        assert await last == "c"
        await first
        turns.close()

    run(test)


def test_a_stream_brings_each_step_as_it_comes_then_what_went_wrong() -> None:
    def steps() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("then this")

    async def test() -> None:
        turns = Turns(1, 0, 1.0)
        got = []
        with pytest.raises(KeyError, match="then this"):
            async for step in turns.stream("a", steps):
                got.append(step)
        assert got == [1, 2]
        await until(lambda: turns.running == 0)
        turns.close()

    run(test)


def test_when_nobody_listens_the_thread_stops() -> None:
    made: list[int] = []
    ended = threading.Event()

    def steps() -> Iterator[int]:
        try:
            for step in range(10_000):
                made.append(step)
                time.sleep(0.005)
                yield step
        finally:
            ended.set()

    async def test() -> None:
        turns = Turns(1, 0, 1.0)
        stream = turns.stream("a", steps)
        assert await anext(stream) == 0
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator, told as an iterator
        await until(lambda: turns.running == 0)
        turns.close()

    run(test)
    assert ended.wait(5)
    assert len(made) < 100
