"""A GGUF file run by a process of its own, for doors that others wait at.

Loading a model holds Python's interpreter lock from start to end, seconds or minutes in which this process could
answer nobody. So a child loads it (``python -m rag.apps.gguf_child FILE WINDOW THREADS``), says on its standard output
where it listens and what key it wants, and ends when its standard input does, so when this process ends in any way.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answering.generators import configured, gguf
from rag.answering.generators.llama_index_llm import LlamaIndexGenerator
from rag.answering.generators.protocol import GeneratorError
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.answering.generators.protocol import Generator
    from rag.settings import Settings

_guard = threading.Lock()
_loading: dict[tuple[Path, int, int], threading.Lock] = {}
_running: dict[tuple[Path, int, int], Child] = {}


class Child:
    """A child that serves a model, and where."""

    def __init__(self, process: subprocess.Popen[str], address: str, key: str) -> None:
        self.process, self.address, self.key = process, address, key

    def stop(self) -> None:
        """End it."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()


def load(settings: Settings) -> Generator | None:
    """As ``load_generator``; a GGUF file is run by a child, which is started with the first question."""
    made = configured.load_generator(settings)
    kind, _, model = settings.generator.partition(":")
    if kind != "gguf" or made is None:
        return made
    file = Path(model.strip()).expanduser()

    def make(most_tokens: int) -> Any:
        child = serve(file, settings.generator_window, settings.generator_threads)
        return configured._openai_like(settings, file.stem, f"{child.address}/v1", child.key, most_tokens)

    return LlamaIndexGenerator(
        settings.generator,
        make,
        configured._gguf_errors,
        window=settings.generator_window,
        most_tokens=settings.generator_tokens,
        timeout=settings.generator_timeout,
        retries=settings.generator_retries,
    )


def serve(file: Path, window: int, threads: int) -> Child:
    """The child that serves a file; started if there is none (any more). Others' models load meanwhile.

    Raises:
        GeneratorError: it cannot be loaded.
    """
    wanted = (file.resolve(), window, threads)
    with _guard:
        lock = _loading.setdefault(wanted, threading.Lock())
    with lock:
        child = _running.get(wanted)
        if child is not None and child.process.poll() is not None:
            child.stop()
            child = None
        if child is None:
            child = _running[wanted] = _start(file, window, threads)
        return child


@atexit.register
def stop_all() -> None:
    """End every child."""
    while _running:
        _running.popitem()[1].stop()


def _start(file: Path, window: int, threads: int) -> Child:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "rag.apps.gguf_child", str(file.resolve()), str(window), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # llama.cpp writes there whatever it is asked not to
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline() or "{}")
    except ValueError:
        told = {}
    if "address" not in told:
        process.kill()
        process.communicate()
        ended = process.returncode
        raise GeneratorError(
            told.get("problem") or f"{file.name} could not be loaded (its process ended: {ended})"
        )
    return Child(process, told["address"], told["key"])


def main(arguments: list[str]) -> None:
    """The child: load, say where, wait for the end."""
    file, window, threads = arguments
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)  # nothing that the library prints may be taken for our word
        try:
            served = gguf.serve(Path(file), int(window), int(threads))
        except RagError as error:
            told.write(json.dumps({"problem": str(error)}) + "\n")
            return
        told.write(json.dumps({"address": served.address, "key": served.key}) + "\n")
        told.flush()
        sys.stdin.read()
    os._exit(0)  # the library's threads need not be waited for


if __name__ == "__main__":
    main(sys.argv[1:])
