"""One writer at a time, across processes, and never a lock left behind by a dead one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import IndexUnusableError
from rag.index.lock import WriterLock

_HOLD = """
import sys
from pathlib import Path
from rag.index.lock import WriterLock
lock = WriterLock(Path(sys.argv[1]))
assert lock.try_acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_the_holder_is_named_and_a_dead_one_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.lock._PATIENCE_SECONDS", 0.1)
    file = tmp_path / "writer.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        lock = WriterLock(file)
        assert not lock.try_acquire()
        with pytest.raises(IndexUnusableError, match=rf"written by process {holder.pid}; next step: wait"):
            lock.acquire()
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
    lock.acquire()
    lock.release()


def test_a_lock_may_be_taken_again_after_release(tmp_path: Path) -> None:
    first, second = WriterLock(tmp_path / "lock"), WriterLock(tmp_path / "lock")
    for _ in range(3):
        assert first.try_acquire()
        assert not first.try_acquire()
        assert not second.try_acquire()
        first.release()
        assert second.try_acquire()
        second.release()
