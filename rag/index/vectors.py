"""Dense search: the vector store, and how it is kept in step with the catalog.

The store answers by inner product, which for unit vectors is the cosine. It holds nothing that the catalog does not:
whatever is missing in it or too much is found by comparing chunk ids, so it can start from any older state, or none.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rag.index import stamps
from rag.index.catalog import Catalog
from rag.index.lock import WriterLock

FORMAT = 1
FILE = "vectors.faiss"
STAMP = "vectors.stamp"
_ADD_AT_ONCE = 5000  # vectors copied from the catalog at a time
_FEW = 2048  # vectors that are multiplied here: a millisecond, where importing FAISS costs a fifth of a cold start


class VectorStore(Protocol):
    """Where vectors are searched. A store that has been handed out is never changed: changes are made to a copy."""

    def ids(self) -> NDArray[np.int64]:
        """The chunk ids held, in any order."""
        ...

    def copy(self) -> Self:
        """An independent copy to change."""
        ...

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add unit vectors, (n, d), under new ids."""
        ...

    def remove(self, ids: NDArray[np.int64]) -> None:
        """Remove vectors by id."""
        ...

    def search(
        self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        """The k best (id, cosine) for a unit vector (d,), best first; among the allowed ids where given."""
        ...


class FewVectors:
    """Exact search over a few vectors by one product, for a process that only reads: the same results without FAISS.

    Args:
        ids: (n,), ascending.
        vectors: (n, d), unit rows, in their order.
    """

    def __init__(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        self._ids, self._vectors = ids, vectors

    def ids(self) -> NDArray[np.int64]:
        """The chunk ids held, ascending."""
        return self._ids

    def search(
        self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        """The k best (id, cosine) for a unit vector (d,), best first; among the allowed ids where given."""
        ids, vectors = self._ids, self._vectors
        if allowed is not None:
            kept = np.isin(ids, allowed)
            ids, vectors = ids[kept], vectors[kept]
        scores = vectors @ np.asarray(vector, dtype=np.float32)
        best = np.lexsort((ids, -scores))[: max(k, 0)]
        return [(int(ids[place]), float(scores[place])) for place in best]


class FaissStore:
    """Exact search by FAISS: ``IndexIDMap2`` over ``IndexFlatIP``."""

    def __init__(self, dimension: int) -> None:
        import faiss

        # FAISS's own annotations leave out what its Python layer adds (arrays for selectors, keywords).
        self._faiss: Any = faiss
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    @classmethod
    def load(cls, file: Path, dimension: int) -> FaissStore | None:
        """Read a store from a file, or None when it does not hold one of this dimension."""
        store = cls(dimension)
        try:
            index = store._faiss.read_index(str(file))
        except RuntimeError:  # FAISS's only error
            return None
        if not isinstance(index, store._faiss.IndexIDMap2) or index.d != dimension:
            return None
        store._index = index
        return store

    def save(self, file: Path) -> None:
        """Write the store to a file.

        Raises:
            OSError: when it cannot be written.
        """
        try:
            self._faiss.write_index(self._index, str(file))
        except RuntimeError as error:
            raise OSError(f"{file} cannot be written: {error}") from error

    def ids(self) -> NDArray[np.int64]:
        """The chunk ids held, in the order they were added."""
        ids: NDArray[np.int64] = self._faiss.vector_to_array(self._index.id_map)
        return ids

    def copy(self) -> FaissStore:
        """An independent copy to change."""
        other = FaissStore(self._index.d)
        other._index = self._faiss.clone_index(self._index)
        return other

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add unit vectors, (n, d), under new ids."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)

    def remove(self, ids: NDArray[np.int64]) -> None:
        """Remove vectors by id."""
        self._index.remove_ids(ids)

    def search(
        self, vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        """The k best (id, cosine) for a unit vector (d,), best first; among the allowed ids where given."""
        k = min(k, self._index.ntotal)
        if k <= 0:
            return []
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        if allowed is None:
            scores, ids = self._index.search(query, k)
        else:
            selector = self._faiss.IDSelectorBatch(allowed)
            scores, ids = self._index.search(query, k, params=self._faiss.SearchParameters(sel=selector))
        found = [(int(id_), float(score)) for id_, score in zip(ids[0], scores[0], strict=True) if id_ >= 0]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))  # equal scores in a fixed order


class Vectors:
    """The vector store of one index, brought up to date with the catalog whenever it is asked for.

    Args:
        folder: the index's folder.
        catalog: the truth.
        lock: taken for a moment, if it is free, to save what had to be repaired.
    """

    def __init__(self, folder: Path, catalog: Catalog, lock: WriterLock) -> None:
        self._file = folder / FILE
        self._stamp_file = folder / STAMP
        self._catalog = catalog
        self._lock = lock
        self._guard = threading.Lock()
        self._view: tuple[str, FaissStore] | None = None
        self._few: tuple[str, FewVectors] | None = None

    def current(self) -> tuple[str, VectorStore | FewVectors]:
        """The vectors as the catalog is now, after the token of that state.

        Needs no right to write: a store that cannot be saved is used from memory.

        Raises:
            IndexUnusableError: when the catalog cannot be read.
        """
        with self._catalog.latest():
            token = self._catalog.state()[1]
            view = self._view
            if view is not None and view[0] == token:
                return view
            few = self._few
            if few is not None and few[0] == token:
                return few
            with self._guard:
                if self._view is None and (few := self._without_faiss()) is not None:
                    self._few = few
                    return few
                saved = self._refresh()
                assert self._view is not None
                if not saved:
                    self._save_if_free(*self._view)
                return self._view

    def _without_faiss(self) -> tuple[str, FewVectors] | None:
        """The catalog's own vectors, where they are few and the file needs no repair."""
        with self._catalog.snapshot():
            token = self._catalog.state()[1]
            stamp = stamps.read(self._stamp_file)
            if stamp is None or (stamp.format, stamp.token) != (FORMAT, token):
                return None
            if self._catalog.counts()[1] > _FEW or not stamps.intact(self._stamp_file, stamp):
                return None
            ids = sorted(self._catalog.live_chunks())
            found = self._catalog.vectors(ids)
            if len(found) != len(ids):
                return None  # a damaged catalog; the file has them all
            rows = np.array([found[id_] for id_ in ids], dtype=np.float32).reshape(
                len(ids), self._dimension()
            )
            return token, FewVectors(np.array(ids, dtype=np.int64), rows)

    def save(self) -> None:
        """Bring the file in step; the caller holds the writer's lock.

        Raises:
            OSError: when the file cannot be written; the index works without it.
        """
        with self._guard:
            stamp = stamps.read(self._stamp_file)
            token = self._catalog.state()[1]
            if stamp is not None and stamp.token == token and stamps.intact(self._stamp_file, stamp):
                return
            if not self._refresh():
                assert self._view is not None
                self._write(*self._view)

    def _refresh(self) -> bool:
        """Make the view show the catalog's present state. True when the file is known to show it as well."""
        saved = False
        with self._catalog.snapshot():
            token = self._catalog.state()[1]
            if self._view is not None and self._view[0] == token:
                return saved
            if self._view is not None:
                store: FaissStore | None = self._view[1]
                shared = True
            else:
                stamp, store = self._load()
                saved = store is not None and stamp is not None and stamp.token == token
                shared = False
            if store is None or not saved:
                store = self._caught_up(store, shared=shared)
        self._view = (token, store)
        return saved

    def _load(self) -> tuple[stamps.Stamp | None, FaissStore | None]:
        """The file's stamp and store, or no store when the two do not belong together."""
        while True:
            stamp = stamps.read(self._stamp_file)
            if stamp is None or stamp.format != FORMAT:
                return stamp, None
            if stamps.intact(self._stamp_file, stamp):
                store = FaissStore.load(self._file, self._dimension())
                if store is None or stamps.intact(self._stamp_file, stamp):
                    return stamp, store
            if stamps.read(self._stamp_file) == stamp:
                return stamp, None
            # another process replaced the file while it was looked at

    def _dimension(self) -> int:
        return int(self._catalog.manifest().get("dimension", "1"))

    def _caught_up(self, store: FaissStore | None, *, shared: bool) -> FaissStore:
        """A store with exactly the live chunks, made from one with any others."""
        wanted = set(self._catalog.live_chunks())
        held = set(store.ids().tolist()) if store is not None else set()
        if store is None or not held & wanted:
            store, held, shared = FaissStore(self._dimension()), set(), False
        if held == wanted:
            return store
        if shared:
            store = store.copy()
        if held - wanted:
            store.remove(np.array(sorted(held - wanted), dtype=np.int64))
        missing = sorted(wanted - held)
        for begin in range(0, len(missing), _ADD_AT_ONCE):
            ids = missing[begin : begin + _ADD_AT_ONCE]
            vectors = self._catalog.vectors(ids)
            if len(vectors) != len(ids):
                raise self._catalog.damage("chunks without a vector")
            store.add(np.array(ids, dtype=np.int64), np.stack([vectors[id_] for id_ in ids]))
        return store

    def _save_if_free(self, token: str, store: FaissStore) -> None:
        """Spare the next process the repair, if no one is writing and the medium allows it."""
        try:
            if not self._lock.try_acquire():
                return
            try:
                if self._catalog.state()[1] == token:
                    self._write(token, store)
            finally:
                self._lock.release()
        except OSError:
            return  # read-only or full: the store in memory is complete

    def _write(self, token: str, store: FaissStore) -> None:
        temporary = self._file.with_name(FILE + ".tmp")
        try:
            store.save(temporary)
            temporary.replace(self._file)
            # No checksum: a copied or damaged file costs one pass over the catalog's vectors, hardly more than summing.
            stamps.write(self._stamp_file, token, FORMAT, [self._file], checksums=False)
        except OSError:
            temporary.unlink(missing_ok=True)  # on a full disk, what is half written only does harm
            raise
