"""Whose turn it is to compute: a few requests at once, clients one after the other, the rest waits or is sent away.

More threads than cores would make every answer late instead of some; and a client that sends fifty requests at once
waits behind itself, not before the others.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from rag.apps.service.errors import ServiceError

T = TypeVar("T")


class Turns:
    """A bounded pool of threads with a fair queue before it. To be used within one event loop.

    Args:
        workers: how many compute at once.
        waiting: how many may wait.
        patience: seconds one waits.
        name: of the threads.
    """

    def __init__(self, workers: int, waiting: int, patience: float, name: str = "ask") -> None:
        self._free = workers
        self._most = waiting
        self._patience = patience
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._stopping = threading.Event()
        self.running = 0
        self.waiting = 0

    async def run(self, client: str, call: Callable[[], T]) -> T:
        """What ``call`` returns, computed by a thread when it is this client's turn.

        Raises:
            ServiceError: 503, when too many wait already or the turn did not come in time.
        """
        return await asyncio.wrap_future(await self._begin(client, call))

    async def stream(self, client: str, steps: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """What ``steps()`` yields, as it comes; when the asker goes away, the thread stops at its next step.

        Raises:
            ServiceError: before the first step, as of `run`.
        """
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
        gone = threading.Event()

        def tell(item: tuple[T] | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(arrived.put_nowait, item)

        def pump() -> None:
            try:
                for item in steps():
                    if gone.is_set() or self._stopping.is_set():
                        break
                    tell((item,))
            finally:
                tell(None)

        future = await self._begin(client, pump)
        try:
            while (item := await arrived.get()) is not None:
                yield item[0]
            await asyncio.wrap_future(future)  # raises what went wrong on the way
        finally:
            gone.set()

    def close(self) -> None:
        """Let nothing new begin, and streams end at their next step."""
        self._stopping.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _begin(self, client: str, call: Callable[[], T]) -> Future[T]:
        await self._turn(client)
        loop = asyncio.get_running_loop()

        def over(_: object) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._release)

        try:
            future = self._threads.submit(call)
        except RuntimeError as error:  # closed
            self._release()
            raise ServiceError(503, "the service is being stopped") from error
        # the turn ends with the thread's work, not with the asker's patience
        future.add_done_callback(over)
        return future

    async def _turn(self, client: str) -> None:
        if self._free:
            self._free -= 1
            self.running += 1
            return
        if self.waiting >= self._most:
            raise _busy("too many requests wait already")
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(client, deque()).append(mine)
        self.waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await mine
        except TimeoutError:
            self._leave(client, mine)
            raise _busy(f"no turn came in {self._patience:.0f} s") from None
        except asyncio.CancelledError:
            self._leave(client, mine)
            raise

    def _leave(self, client: str, mine: asyncio.Future[None]) -> None:
        """Give up waiting; a turn that came at the last moment goes to the next."""
        if mine.done() and not mine.cancelled():
            self._release()
            return
        queue = self._queues.get(client)
        if queue is not None and mine in queue:
            queue.remove(mine)
            self.waiting -= 1
            if not queue:
                del self._queues[client]

    def _release(self) -> None:
        self._free += 1
        self.running -= 1
        while self._queues:
            client, queue = next(iter(self._queues.items()))
            mine = queue.popleft()
            self.waiting -= 1
            if queue:
                self._queues.move_to_end(client)
            else:
                del self._queues[client]
            if not mine.done():
                self._free -= 1
                self.running += 1
                mine.set_result(None)
                return


def _busy(why: str) -> ServiceError:
    return ServiceError(
        503, f"{why}; next step: try again in a moment", code="busy", headers={"retry-after": "2"}
    )
