"""Dense search: exact, and the file it is kept in is only a copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index.word_encoder import WordEncoder, faults, texts_of, write_articles

from rag.index.index import Index
from rag.index.vectors import FaissStore, FewVectors
from rag.settings import Settings


def _unit(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_store_is_exact_also_after_changes() -> None:
    vectors, ids = _unit(300), np.arange(1000, 1300)
    store = FaissStore(16)
    store.add(ids, vectors)
    store.remove(ids[50:100])
    query = _unit(1, seed=1)[0]
    kept = np.concatenate([np.arange(50), np.arange(100, 300)])
    order = kept[np.argsort(-(vectors[kept] @ query))]
    assert [id_ for id_, _ in store.search(query, 20, None)] == list(ids[order[:20]])
    allowed = ids[100:140]
    order = np.arange(100, 140)[np.argsort(-(vectors[100:140] @ query))]
    assert [id_ for id_, _ in store.search(query, 20, allowed)] == list(ids[order[:20]])
    assert len(store.search(query, 1000, allowed)) == 40
    assert set(store.ids()) == set(ids[kept])


def _near(found: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Rounded: a product by numpy and one by FAISS may differ in the last bit."""
    return [(id_, round(score, 5)) for id_, score in found]


@pytest.mark.parametrize("allowed", [None, np.arange(1100, 1140), np.arange(3)], ids=["all", "some", "none"])
def test_few_vectors_are_searched_as_faiss_would(allowed: np.ndarray | None) -> None:
    vectors, ids = _unit(300), np.arange(1000, 1300)
    vectors[7] = vectors[3]  # equal scores come in the order of their ids
    store, few = FaissStore(16), FewVectors(ids, vectors)
    store.add(ids, vectors)
    for query in [*_unit(5, seed=1), vectors[3]]:
        for k in (0, 1, 20, 1000):
            assert _near(few.search(query, k, allowed)) == _near(store.search(query, k, allowed))
    assert list(few.ids()) == list(ids)


def test_a_small_index_is_searched_without_faiss_and_notices_changes(
    synced: Index, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = WordEncoder().encode_queries(["harbour ships marker2"])[0]
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as reading:
        assert isinstance(reading._vectors.current()[1], FewVectors)
        assert _near(reading.dense(query, 100)) == _near(synced.dense(query, 100))
        write_articles(folder, [1, 8], edition=1)
        synced.sync(folder)
        assert isinstance(reading._vectors.current()[1], FewVectors)
        assert _near(reading.dense(query, 100)) == _near(synced.dense(query, 100))
        assert faults(reading, texts_of(folder)) == []
    monkeypatch.setattr("rag.index.vectors._FEW", 3)
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as reading:
        assert isinstance(reading._vectors.current()[1], FaissStore)


def test_a_copy_is_independent() -> None:
    store = FaissStore(16)
    store.add(np.arange(5), _unit(5))
    other = store.copy()
    other.remove(np.arange(3))
    assert (len(store.ids()), len(other.ids())) == (5, 2)


def test_a_file_of_another_dimension_is_not_taken(tmp_path: Path) -> None:
    store = FaissStore(16)
    store.save(tmp_path / "store")
    assert FaissStore.load(tmp_path / "store", 16) is not None
    assert FaissStore.load(tmp_path / "store", 17) is None


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        FaissStore(16).save(tmp_path / "no folder" / "store")


def _remove(file: Path) -> None:
    file.unlink()


def _garble(file: Path) -> None:
    file.write_bytes(b"nonsense")


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x40
    file.write_bytes(content)
    os.utime(file, ns=(1_000_000_000, 1_000_000_000))


def _lose_the_stamp(file: Path) -> None:
    file.with_name("vectors.stamp").unlink()


@pytest.mark.parametrize("damage", [_remove, _garble, _truncate, _flip_a_bit, _lose_the_stamp])
@pytest.mark.parametrize("repaired_by", ["search", "sync"])
def test_what_is_damaged_is_built_again_without_embedding(
    synced: Index, folder: Path, settings: Settings, damage: Callable[[Path], None], repaired_by: str
) -> None:
    query = WordEncoder().encode_queries(["harbour ships marker2"])[0]
    expected = _near(synced.dense(query, 100))
    synced.close()
    damage(settings.index / "vectors.faiss")
    words = WordEncoder()
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        if repaired_by == "sync":
            index.sync(folder)
        assert _near(index.dense(query, 100)) == expected
    assert words.passages == 0
    written = (settings.index / "vectors.faiss").stat().st_mtime_ns
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        assert _near(index.dense(query, 100)) == expected
    assert (settings.index / "vectors.faiss").stat().st_mtime_ns == written


def test_an_older_file_is_brought_in_step(synced: Index, folder: Path, settings: Settings) -> None:
    older = {name: (settings.index / name).read_bytes() for name in ("vectors.faiss", "vectors.stamp")}
    times = (settings.index / "vectors.faiss").stat()
    write_articles(folder, [1, 8], edition=1)
    (folder / "a5.txt").unlink()
    synced.sync(folder)
    synced.close()
    for name, content in older.items():
        (settings.index / name).write_bytes(content)
    os.utime(settings.index / "vectors.faiss", ns=(times.st_atime_ns, times.st_mtime_ns))
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as index:
        assert faults(index, texts_of(folder)) == []


def test_a_store_that_cannot_be_saved_is_used_from_memory(
    synced: Index, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.close()
    (settings.index / "vectors.faiss").unlink()
    shutil.rmtree(settings.index / "lexical")

    def refuse(*arguments: object) -> bool:
        raise PermissionError("a read-only medium")

    monkeypatch.setattr("rag.index.lock.WriterLock.try_acquire", refuse)
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as index:
        assert faults(index, texts_of(folder)) == []
    assert not (settings.index / "vectors.faiss").exists()
    assert not (settings.index / "lexical").exists()
