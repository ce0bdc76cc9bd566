"""What the routes share: the engine and index behind them, whose turn it is, and the counters."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, TypeVar

from fastapi import Request

from rag.apps.library import Library
from rag.apps.service.config import ServiceConfig
from rag.apps.service.errors import ServiceError
from rag.apps.service.guard import Tokens
from rag.apps.service.limits import client_of
from rag.apps.service.metrics import Metrics
from rag.apps.service.observe import tell
from rag.apps.service.turns import Turns
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine
    from rag.apps.chat_desk import Desk
    from rag.index.index import Index

T = TypeVar("T")
_WRITERS_WAITING = 8


class Service:
    """One running service.

    Args:
        desk: opens engine and index, and says what is wrong when it cannot.
        config: how it behaves.
    """

    def __init__(self, desk: Desk, config: ServiceConfig) -> None:
        self.desk = desk
        self.config = config
        self.tokens = Tokens(config.token)
        self.turns = Turns(config.workers, config.queue, config.patience)
        # an upload may embed for minutes; questions go on meanwhile
        self.writers = Turns(1, _WRITERS_WAITING, config.patience, name="write")
        self.metrics = Metrics(self._gauges)
        self._started = False
        self._warm = threading.Event()
        self._library: tuple[Index, Library] | None = None

    # -- what is answered from ----------------------------------------------------------------------------------------

    def opened(self) -> tuple[AnswerEngine, Index]:
        """Engine and index. May take its time the first time: to be called by a thread of the pool.

        Raises:
            ServiceError: 503, with what is wrong and the next step.
        """
        opened = self.desk.open()
        if opened is None:
            raise ServiceError(503, self.desk.problem, code="index", headers={"retry-after": "5"})
        return opened

    def engine(self, *, quotes_only: bool = False) -> AnswerEngine:
        """The engine; without its language model where only the articles' own words are wanted."""
        engine, _ = self.opened()
        if not quotes_only or engine.generator is None:
            return engine
        plain = copy(engine)
        plain.generator = None
        return plain

    def library(self) -> Library:
        """The articles behind the index."""
        _, index = self.opened()
        if self._library is None or self._library[0] is not index:
            self._library = index, Library(index, read_only=self.config.read_only)
        return self._library[1]

    # -- whose turn it is ---------------------------------------------------------------------------------------------

    async def run(self, request: Request, call: Callable[[], T]) -> T:
        """Have a thread compute something when it is this client's turn."""
        return await self.turns.run(client_of(request.scope), call)

    async def write(self, request: Request, call: Callable[[Library], T]) -> T:
        """The same for what changes the articles; one at a time.

        Raises:
            ServiceError: 403, where articles may not be changed.
        """
        self.check_writable()
        return await self.writers.run(client_of(request.scope), lambda: call(self.library()))

    def check_writable(self) -> None:
        """Refuse where articles may not be changed.

        Raises:
            ServiceError: 403.
        """
        if self.config.read_only:
            raise ServiceError(
                403, "this service does not change articles (serve_read_only)", code="read_only"
            )

    def stream(self, request: Request, steps: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """Have a thread yield something step by step."""
        return self.turns.stream(client_of(request.scope), steps)

    def note_question(self, request: Request, question: str) -> None:
        """Put a question into the log, where the settings ask for that."""
        if self.config.log_questions:
            tell(request.scope, question=question)

    # -- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Load the weights meanwhile, so that the first question does not wait for them; once."""
        if self._started:
            return
        self._started = True
        threading.Thread(target=self._load, name="warm", daemon=True).start()

    def _load(self) -> None:
        try:
            with suppress(RagError):  # the desk keeps what is wrong, and readiness tells it
                engine, _ = self.opened()
                engine.retriever.retrieve("ready")
        except ServiceError:
            pass
        finally:
            self._warm.set()

    def stop(self) -> None:
        """End what is running at its next step."""
        self.turns.close()
        self.writers.close()

    @property
    def is_starting(self) -> bool:
        """Whether the weights are still being loaded for the first time."""
        return not self._warm.is_set()

    def _gauges(self) -> dict[str, tuple[str, float]]:
        gauges: dict[str, tuple[str, float]] = {
            "ready": ("1 when questions can be answered.", 0.0),
            "running": ("Requests being computed.", self.turns.running),
            "waiting": ("Requests waiting for their turn.", self.turns.waiting),
            "writing": (
                "Uploads and removals running or waiting.",
                self.writers.running + self.writers.waiting,
            ),
        }
        if self.is_starting:
            return gauges
        with suppress(RagError, ServiceError):
            status = self.opened()[1].status()
            gauges["ready"] = (gauges["ready"][0], 1.0)
            gauges["documents"] = ("Articles in the index.", status.documents)
            gauges["chunks"] = ("Passages in the index.", status.chunks)
            gauges["generation"] = ("Syncs that changed something.", status.generation)
        return gauges


def service_of(request: Request) -> Service:
    """The service a request came to."""
    service: Service = request.app.state.service
    return service
