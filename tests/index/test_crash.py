"""Kills, full disks and several processes: an index opens and answers as before or as after, never in between."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from index.word_encoder import WordEncoder, faults, texts_of, write_articles

from rag.errors import IndexUnusableError
from rag.index.index import Index
from rag.settings import Settings

TESTS = Path(__file__).parents[1]
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
    "OMP_NUM_THREADS": "1",  # no threads before a fork
    "OPENBLAS_NUM_THREADS": "1",
}
KILLS = int(os.environ.get("RAG_TEST_KILLS", "16"))  # raise it to look harder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are tried in forked processes")
@pytest.mark.parametrize("way", ["lines", "times"])
def test_a_killed_sync_leaves_the_index_as_before_or_as_after(tmp_path: Path, way: str) -> None:
    done = subprocess.run(
        [sys.executable, str(TESTS / "index" / "crash_loop.py"), str(tmp_path), way, str(KILLS)],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["before"] + outcome["after"] == KILLS
    assert outcome["before"] > 0
    if way == "lines":  # the kills are spread evenly, so that some come after publishing
        assert outcome["after"] > 0
        assert outcome["finished"] == 0


_READ = """
import sys
from pathlib import Path
from index.word_encoder import WordEncoder
from rag.index.index import Index
from rag.settings import Settings
words = WordEncoder()
settings = Settings(chunk_tokens=24, chunk_overlap=1)
queries, generations = 0, set()
with Index.open(sys.argv[1], settings=settings, encoder=words, create=False) as index:
    query = words.encode_queries(["harbour ships"])[0]
    while not Path(sys.argv[2]).exists():
        with index.snapshot():
            generations.add(index.generation)
            ids = [id_ for id_, _ in [*index.dense(query, 10), *index.lexical("harbour ships", 10)]]
            chunks = index.chunks(ids)
            assert ids and len(chunks) == len(ids), (len(ids), len(chunks))
            editions = {index.document(chunk.path).text.split("edition")[1][0] for chunk in chunks}
            assert len(editions) == 1, editions
            for chunk in chunks:
                assert index.document(chunk.path).text[chunk.start : chunk.end] == chunk.text
        queries += 1
        if queries == 1:
            print("reading", flush=True)
print(queries, len(generations))
"""


def test_readers_in_other_processes_see_whole_states_only(
    synced: Index, folder: Path, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _READ, str(synced.path), str(stop)],
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
    for edition in range(1, 9):
        write_articles(folder, range(6), edition)
        synced.sync(folder)
    stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert err == ""
        queries, generations = map(int, out.split())
        assert queries > generations > 1
    assert faults(synced, texts_of(folder)) == []


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A disk of two megabytes mounted at a folder for a block."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("mounting a small disk needs rights that these tests do not have")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # memory maps may outlive a failed test


@pytest.fixture(params=["small disk", "file size limit"])
def narrow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder for an index that soon has no room, and a limit on a file's size (0: none)."""
    if request.param == "file size limit":
        yield tmp_path / "index", 300_000  # bytes
        return
    with _small_disk(tmp_path / "disk"):
        yield tmp_path / "disk" / "index", 0


def test_a_full_disk_is_said_and_the_old_content_still_answers(
    narrow: tuple[Path, int], folder: Path, settings: Settings
) -> None:
    path, limit = narrow
    ballast = path.with_name("ballast")
    ballast.write_bytes(bytes(500_000))
    expected = texts_of(folder)
    words = WordEncoder(dimension=384)
    with Index.open(path, settings=settings, encoder=words) as index:
        index.sync(folder)
        write_articles(folder, range(6, 600))
        (folder / "a5.txt").unlink()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            for _ in range(2):
                with pytest.raises(IndexUnusableError, match=r"disk may be full.*free some space"):
                    index.sync(folder)
                assert faults(index, expected) == []
            with Index.open(path, settings=settings, encoder=words) as another:
                assert faults(another, expected) == []
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with Index.open(path, settings=settings, encoder=words) as index:
        assert faults(index, expected) == []
        ballast.unlink()
        for number in range(8, 600):
            (folder / f"a{number}.txt").unlink()
        report = index.sync(folder)
        assert (report.added, report.removed) == (2, 1)
        assert faults(index, texts_of(folder)) == []


@pytest.mark.parametrize("fails", ["rag.index.lexical.Lexical._stamp", "rag.index.vectors.FaissStore.save"])
def test_a_disk_that_fills_after_publishing_leaves_the_new_content(
    synced: Index, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    write_articles(folder, [1, 8], edition=1)
    monkeypatch.setattr(fails, full)
    with pytest.raises(IndexUnusableError, match=r"No space left on device.*next step: free some space"):
        synced.sync(folder)
    assert faults(synced, texts_of(folder)) == []
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as another:
        assert faults(another, texts_of(folder)) == []
    monkeypatch.undo()
    assert synced.sync(folder).unchanged == 7
    assert faults(synced, texts_of(folder)) == []


@pytest.mark.parametrize("lost", [None, "lexical", "vectors.faiss"])
def test_an_index_on_a_read_only_medium_answers(
    synced: Index, folder: Path, settings: Settings, tmp_path: Path, lost: str | None
) -> None:
    synced.close()
    disk = tmp_path / "disk"
    with _small_disk(disk):
        shutil.copytree(settings.index, disk / "index")
        if lost == "lexical":
            shutil.rmtree(disk / "index" / lost)
        elif lost:
            (disk / "index" / lost).unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        words = WordEncoder()
        with Index.open(disk / "index", settings=settings, encoder=words) as index:
            assert faults(index, texts_of(folder)) == []
            write_articles(folder, [9])
            with pytest.raises(IndexUnusableError, match=r"Read-only file system.*next step"):
                index.sync(folder)
            (folder / "a9.txt").unlink()
            assert faults(index, texts_of(folder)) == []
