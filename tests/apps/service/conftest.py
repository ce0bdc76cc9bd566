"""Real servers on loopback over real indexes: the app under uvicorn in a thread, asked by real clients."""

from __future__ import annotations

import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from places import SEEDS

from rag.answering.engine import AnswerEngine
from rag.apps.chat_desk import Desk
from rag.apps.service.app import create_app
from rag.apps.service.config import ServiceConfig
from rag.apps.service.running import listening, server
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.models.reader import Reader, load_reader
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

TOKEN = "correct-horse-battery-staple"
UNLIMITED = ServiceConfig(rate=0)


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    url: str
    engine: AnswerEngine
    index: Index

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def serving(index: Index, engine: AnswerEngine, config: ServiceConfig = UNLIMITED) -> Iterator[Served]:
    app = create_app(Desk(lambda: (engine, index), index.path), config)
    listener = listening("127.0.0.1", 0)
    running = server(app)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not running.started or app.state.service.is_starting:
        assert time.monotonic() < deadline and thread.is_alive()
        time.sleep(0.02)
    port = listener.getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", engine, index)
    finally:
        running.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive(), _stacks()


def _stacks() -> str:
    """What every thread is doing, for a server that does not stop."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"-- {names.get(ident)}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


@pytest.fixture(scope="session")
def reader() -> Reader | None:
    return load_reader("auto")


@pytest.fixture(scope="session")
def engine(seeds_index: Index, reader: Reader | None) -> AnswerEngine:
    return AnswerEngine(Retriever(seeds_index, reader=reader))


@pytest.fixture(scope="session")
def served(seeds_index: Index, engine: AnswerEngine) -> Iterator[Served]:
    """Over seeds/, which nobody changes."""
    with serving(seeds_index, engine, ServiceConfig(rate=0, read_only=True)) as served:
        yield served


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=60) as client:
        yield client


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path, encoder: Encoder, reader: Reader | None) -> Iterator[Serve]:
    """Serves a folder of one's own: a copy of two seeds, unless another is given."""
    with ExitStack() as stack:

        def begin(config: ServiceConfig = UNLIMITED, folder: Path | None = None) -> Served:
            folder = folder or _two_seeds(tmp_path / "articles")
            path = tmp_path / "index"
            index = stack.enter_context(Index.open(path, settings=Settings(index=path), encoder=encoder))
            index.sync(folder)
            engine = AnswerEngine(Retriever(index, reader=reader))
            return stack.enter_context(serving(index, engine, config))

        yield begin


def _two_seeds(folder: Path) -> Path:
    folder.mkdir()
    for file in sorted(SEEDS.iterdir())[:2]:
        shutil.copy(file, folder)
    return folder
