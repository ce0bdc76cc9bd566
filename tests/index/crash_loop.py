"""Run by test_crash.py in a process of its own: syncs are killed, and what they leave behind is examined.

Modules are imported once; every sync and every examination then runs in a forked child, which costs milliseconds. This
process itself never opens an index, so that no thread of FAISS or Tantivy is lost in a fork.

Two ways of killing: ``lines`` kills a sync when it is about to run the n-th line of ``rag/index``, for n spread over
the whole sync; ``times`` kills it from outside after a random time, which also meets SQLite and Tantivy amid a write.
Writes a JSON summary; exits 1 when an examination failed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import faiss  # noqa: F401 - imported before forking
import tantivy  # noqa: F401 - the same
from index.word_encoder import WordEncoder, faults, texts_of, write_articles

import rag.index
import rag.index.sync
from rag.index.index import Index
from rag.settings import Settings

SETTINGS = Settings(chunk_tokens=24, chunk_overlap=1)
CODE = str(Path(rag.index.__file__).parent)


def _in_child(work: Callable[[], None]) -> int:
    """Run something in a fork; its exit status, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)  # whatever happened, a fork does not go on as its parent
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _sync(path: Path, folder: Path) -> None:
    with Index.open(path, settings=SETTINGS, encoder=WordEncoder()) as index:
        index.sync(folder)


def _sync_until_line(path: Path, folder: Path, last: int, counter: Path | None = None) -> None:
    seen = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if event == "line":
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    _sync(path, folder)
    sys.settrace(None)
    if counter is not None:
        counter.write_text(str(seen))


def _sync_killed_after(path: Path, folder: Path, seconds: float) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _sync(path, folder)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _examine(path: Path, folder: Path, before: dict[str, str], after: dict[str, str], note: Path) -> None:
    """As before or as after, whole; and the next sync completes what was begun."""
    with Index.open(path, settings=SETTINGS, encoder=WordEncoder()) as index:
        generation = index.generation
        expected = {1: before, 2: after}[generation]
        found = faults(index, expected)
        assert not found, f"generation {generation}: {found}"
        index.sync(folder)
        found = faults(index, after)
        assert not found, f"after the next sync: {found}"
        assert index.generation == 2
        with index._catalog._database.reading() as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            assert db.execute("SELECT count(*) FROM documents WHERE live = 0").fetchone() == (0,)
            orphans = "SELECT count(*) FROM embeddings WHERE key NOT IN (SELECT key FROM chunks)"
            assert db.execute(orphans).fetchone() == (0,)
    note.write_text(str(generation))


def main() -> int:
    """Arguments: a scratch folder, ``lines`` or ``times``, how many kills."""
    scratch, way, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    folder, base, path, note = scratch / "articles", scratch / "base", scratch / "index", scratch / "note"
    write_articles(folder, range(6))
    assert _in_child(lambda: _sync(path, folder)) == 0
    before = texts_of(folder)
    shutil.copytree(path, base)
    write_articles(folder, [1, 2, 7, 8], edition=1)
    (folder / "a5.txt").unlink()
    after = texts_of(folder)

    started = time.perf_counter()
    assert _in_child(lambda: _sync_until_line(path, folder, -1, note)) == 0
    lines = int(note.read_text())
    shutil.rmtree(path)
    shutil.copytree(base, path)
    started = time.perf_counter()
    assert _in_child(lambda: _sync(path, folder)) == 0
    whole = time.perf_counter() - started

    outcome = {"before": 0, "after": 0, "finished": 0, "failed": 0}
    chance = random.Random(7)
    for number in range(rounds):
        shutil.rmtree(path)
        shutil.copytree(base, path)
        if way == "lines":
            last = 1 + number * (lines - 1) // max(rounds - 1, 1)
            status = _in_child(lambda last=last: _sync_until_line(path, folder, last))
        else:
            last = chance.uniform(0, whole * 1.1)
            status = _sync_killed_after(path, folder, last)
        outcome["finished"] += status == 0
        if _in_child(lambda: _examine(path, folder, before, after, note)) != 0:
            sys.stderr.write(f"killed at {last} of {lines} lines, {whole:.3f} s\n")
            outcome["failed"] += 1
        else:
            outcome["before" if note.read_text() == "1" else "after"] += 1
    sys.stdout.write(json.dumps(outcome))
    return 1 if outcome["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
