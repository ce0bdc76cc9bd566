"""An iterator that works in a thread becomes an async one, which may be left at any time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import closing, suppress
from typing import TypeVar

T = TypeVar("T")


async def drawn(steps: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Yield what a generator yields, run from beginning to end by one thread of the loop's executor.

    Whoever stops listening, by cancelling or by leaving the loop, stops the generator after the step it is at: what
    a thread does cannot be cut off, but nothing further is begun.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
    left = threading.Event()

    def tell(item: tuple[T] | None) -> None:
        with suppress(RuntimeError):  # the loop is closed; nobody listens
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def run() -> None:
        try:
            with closing(steps):
                if not left.is_set():
                    for item in steps:
                        tell((item,))
                        if left.is_set():
                            break
        finally:
            tell(None)

    running = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        while (box := await queue.get()) is not None:
            yield box[0]
        await running  # raises what the generator raised
    finally:
        left.set()
        running.cancel()
