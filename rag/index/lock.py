"""One writer at a time: an advisory lock on a file, which the system itself releases when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rag.errors import IndexUnusableError

# The locked byte lies far behind the pid that the file carries, so that the pid stays readable on systems whose
# locks forbid reading.
_LOCKED_BYTE = 1 << 30
_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.05

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class WriterLock:
    """The right to write one index. Readers never ask for it.

    The file is never deleted: removing it would let two processes hold locks on two different files of one name.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free. False when another process, thread or Index holds it.

        Raises:
            OSError: when the file cannot be made, as on a medium that is read-only or full.
        """
        if self._descriptor is not None:
            return False
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _lock(descriptor):
                os.close(descriptor)
                return False
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; closing the file is what frees it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def acquire(self) -> None:
        """Take the lock, waiting a moment for one who is only repairing something.

        Raises:
            IndexUnusableError: naming the process that holds it.
            OSError: when the file cannot be made.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.try_acquire():
            if time.monotonic() > deadline:
                raise IndexUnusableError(
                    f"the index {self._file.parent} is being written by {self._holder()}; "
                    "next step: wait until that sync is done, then repeat"
                )
            time.sleep(_POLL_SECONDS)

    def _holder(self) -> str:
        try:
            pid = self._file.read_text("ascii", errors="replace").strip()
        except OSError:
            pid = ""
        if pid == str(os.getpid()):
            return "this same process"
        return f"process {pid}" if pid.isdigit() else "another process"
