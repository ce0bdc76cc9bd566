"""A GGUF file as a generator: xllamacpp runs it behind an OpenAI-compatible server on loopback, started for the user.

The server lives in this process on a free port, asks for a key made up at its start, and ends with the process. Nothing
leaves the machine.
"""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.answering.generators.protocol import GeneratorError
from rag.errors import InputError, MissingExtraError

_MAGIC = b"GGUF"
_lock = threading.Lock()
_running: dict[tuple[Path, int, int], Served] = {}


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: where it listens, and the key it wants."""

    address: str
    key: str
    server: Any


def serve(file: Path, window: int, threads: int) -> Served:
    """Start a server for a GGUF file, or return the one that already runs for it.

    Args:
        file: the model.
        window: tokens of prompt and answer together.
        threads: how many to use; 0 for one per core.

    Raises:
        InputError: the file is not there or no GGUF file.
        MissingExtraError: xllamacpp is not installed.
        GeneratorError: it cannot be loaded.
    """
    check(file)
    key = (file.resolve(), window, threads)
    with _lock:
        if key not in _running:
            _running[key] = _start(file, window, threads or os.cpu_count() or 1)
        return _running[key]


def check(file: Path) -> None:
    """Raise an InputError unless ``file`` begins like a GGUF file."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_MAGIC))
    except OSError as error:
        raise InputError(f"the model {file} cannot be read ({error.strerror}); give a .gguf file") from error
    if magic != _MAGIC:
        raise InputError(f"{file} is no GGUF file; give the path of a model in that format")


def _start(file: Path, window: int, threads: int) -> Served:
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtraError("running a GGUF file", "gguf") from error
    key = secrets.token_hex(16)
    options = xllamacpp.CommonParams()
    options.model.path = str(file)
    options.hostnames, options.port = ["127.0.0.1"], 0
    options.api_keys = [key]
    options.n_ctx, options.n_parallel = window, 1
    options.ui, options.warmup, options.offline = False, False, True
    options.verbosity = -1
    for cpu in (options.cpuparams, options.cpuparams_batch):
        cpu.n_threads, cpu.poll = threads, 0  # waiting threads sleep: they may not be alone on the machine
    try:
        server = xllamacpp.Server(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise GeneratorError(f"{file.name} could not be loaded ({error})") from error
    return Served(server.listening_address, key, server)
