"""Files on their way from a browser into the library: collected in pieces, taken in by a thread, told how far.

Pieces arrive as base64 in plain requests, so that the page needs no door of its own for files wherever it is mounted.
A file lies under a name of ours in a temporary folder until the library has looked at it; the name it was given is
only ever handed on.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rag.apps.library import FileResult, Library, Limits, Upload
from rag.errors import InputError, RagError

if TYPE_CHECKING:
    from rag.index.sync import SyncEvent

_TICKETS = 8  # uploads at a time
_STALE = 900.0  # seconds after which one that was given up is forgotten
_LONGEST_TICKET = 64
_STAGES = {"reading": "Reading", "embedding": "Learning", "writing": "Writing"}


@dataclass(frozen=True, slots=True)
class State:
    """How far an upload is; ``results`` is None until it is over."""

    stage: str = "Looking at the files"
    done: int = 0
    total: int = 0
    results: Sequence[FileResult] | None = None


@dataclass(slots=True)
class _Intake:
    folder: Path
    touched: float
    files: dict[str, Path] = field(default_factory=dict)
    size: int = 0
    state: State = field(default_factory=State)
    result: Future[list[FileResult]] | None = None


class Uploads:
    """The uploads that are under way, each known by a ticket its browser chose.

    Args:
        limits: what one upload may bring; the library holds it to them once more, unpacked.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self._limits = limits
        self._guard = threading.Lock()
        self._intakes: dict[str, _Intake] = {}
        self._root: Path | None = None

    def piece(self, ticket: str, name: str, piece: str) -> None:
        """Take the next piece of a file.

        Raises:
            InputError: it is too much, or no base64.
        """
        if not 8 <= len(ticket) <= _LONGEST_TICKET or not name:
            raise InputError("an upload needs a ticket and a name; next step: reload the page and try again")
        try:
            data = base64.b64decode(piece, validate=True)
        except ValueError as error:
            raise InputError(f"{name} did not arrive whole: {error}; next step: try again") from error
        with self._guard:
            intake = self._intake(ticket)
            if intake.result is not None:
                raise InputError("that upload has begun already; next step: start another")
            intake.size += len(data)
            if intake.size > self._limits.total_bytes:
                self._drop(ticket)
                raise InputError(
                    f"that is more than {self._limits.total_bytes >> 20} MiB at once; next step: bring it in parts"
                )
            if name not in intake.files and len(intake.files) >= self._limits.files:
                self._drop(ticket)
                raise InputError(
                    f"that is more than {self._limits.files} files at once; next step: bring them in parts"
                )
            file = intake.files.setdefault(name, intake.folder / f"{len(intake.files)}.part")
            with file.open("ab") as out:
                out.write(data)

    def begin(self, ticket: str, library: Library) -> None:
        """All pieces are here: take the files in, in a thread.

        Raises:
            InputError: there is no such upload.
        """
        with self._guard:
            intake = self._known(ticket)
            if intake.result is not None:
                return
            result = intake.result = Future()
        threading.Thread(target=self._take, args=(intake, library, result), daemon=True).start()

    def _take(self, intake: _Intake, library: Library, result: Future[list[FileResult]]) -> None:
        def progress(event: SyncEvent) -> None:
            intake.touched = time.monotonic()
            intake.state = State(_STAGES.get(event.stage, event.stage), event.done, event.total)

        try:
            uploads = [Upload(name, file) for name, file in intake.files.items()]
            result.set_result(library.add(uploads, progress))
        except RagError as error:
            result.set_exception(error)
        finally:
            if not result.done():  # a bug: its traceback is in the window that runs the page
                result.set_exception(
                    InputError("something went wrong here; the window that runs the page says what")
                )

    def state(self, ticket: str) -> State:
        """How far it is; what is over is told once.

        Raises:
            InputError: there is no such upload, or it failed as a whole.
        """
        with self._guard:
            intake = self._known(ticket)
            if intake.result is None or not intake.result.done():
                return intake.state
            self._drop(ticket)
        return State(results=intake.result.result())

    def _intake(self, ticket: str) -> _Intake:
        now = time.monotonic()
        for old in [key for key, intake in self._intakes.items() if now - intake.touched > _STALE]:
            self._drop(old)
        if ticket not in self._intakes:
            if len(self._intakes) >= _TICKETS:
                raise InputError("too many uploads at once; next step: wait for one of them to end")
            self._intakes[ticket] = _Intake(self._fresh_folder(), now)
        intake = self._intakes[ticket]
        intake.touched = now
        return intake

    def _known(self, ticket: str) -> _Intake:
        intake = self._intakes.get(ticket)
        if intake is None:
            raise InputError("there is no such upload (any more); next step: try again")
        return intake

    def _drop(self, ticket: str) -> None:
        shutil.rmtree(self._intakes.pop(ticket).folder, ignore_errors=True)

    def _fresh_folder(self) -> Path:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="rag-upload-"))
            weakref.finalize(
                self, shutil.rmtree, self._root, ignore_errors=True
            )  # also when the program ends
        return Path(tempfile.mkdtemp(dir=self._root))
