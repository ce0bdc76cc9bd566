"""The index: documents and chunks at rest, searchable; the catalog and what is derived from it, kept in step."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexMismatchError, IndexUnusableError, InputError
from rag.index import lexical, vectors
from rag.index.catalog import Catalog
from rag.index.lock import WriterLock
from rag.index.records import DocumentInfo, StoredChunk
from rag.settings import Settings
from rag.settings import load as load_settings
from rag.types import Document, SyncReport

if TYPE_CHECKING:
    import tantivy

    from rag.chunking.chunker import ChunkerConfig
    from rag.index.sync import SyncEvent
    from rag.models.encoder import Encoder

__all__ = ["DocumentInfo", "Index", "IndexStatus", "StoredChunk"]

CATALOG = "catalog.sqlite"
LOCK = "writer.lock"
_SNAPSHOT_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index holds and what made it. ``folder`` and ``synced_at`` (ISO, UTC) are None before the first sync."""

    path: str
    documents: int
    chunks: int
    generation: int
    encoder: str
    fingerprint: str
    chunker: str
    folder: str | None
    synced_at: str | None
    size_bytes: int


class Index:
    """An index folder, open for searching and syncing. Safe to use from several threads.

    Other processes may sync the same index meanwhile: every search notices and shows the new state.
    """

    def __init__(self, path: Path, catalog: Catalog, settings: Settings, encoder: Encoder | None) -> None:
        self.path = path
        self.settings = settings
        self._catalog = catalog
        self._folder = path.absolute()  # the process may change its working folder later
        self._lock = WriterLock(self._folder / LOCK)
        self._vectors = vectors.Vectors(self._folder, catalog, self._lock)
        self._lexical = lexical.Lexical(self._folder, catalog, self._lock)
        self._held = threading.local()  # what the searches of a snapshot use
        self._encoder = encoder
        self._encoder_guard = threading.Lock()

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        create: bool = True,
    ) -> Index:
        """Open an index folder. Reads little more than its manifest.

        Args:
            path: the index's folder.
            settings: defaults to what ``rag.toml`` and the environment say.
            encoder: defaults to the one the settings name.
            create: make an empty index when there is none.

        Raises:
            InputError: when there is no index and none may be made, or the path is something else.
            IndexUnusableError: when the index is damaged or cannot be opened.
            IndexMismatchError: when another encoder, chunker or format made it.
        """
        path = Path(path)
        settings = settings or load_settings()
        try:
            fresh = _make_room(path, create=create)
        except OSError as error:
            raise IndexUnusableError(
                f"the index folder {path} cannot be made or looked into: {error.strerror}; next step: check its name "
                "and permissions, or name another with --index"
            ) from error
        catalog = Catalog((path / CATALOG).absolute(), create=fresh)
        index = cls(path, catalog, settings, encoder)
        try:
            index._check_maker()
        except BaseException:
            index.close()
            raise
        return index

    def _check_maker(self) -> None:
        """Refuse an index whose chunks and vectors these settings would not have made."""
        manifest = self._catalog.manifest()
        if "fingerprint" not in manifest:
            return  # never synced
        maker = self._maker()
        for what, key, recorded, ours in (
            (
                "encoder",
                "fingerprint",
                "{encoder} ({fingerprint})",
                f"{maker['encoder']} ({maker['fingerprint']})",
            ),
            ("chunking", "chunker", "{chunker}", maker["chunker"]),
        ):
            if manifest.get(key) != maker[key] and self._catalog.counts()[0]:
                raise IndexMismatchError(
                    f"the index {self.path} was made with the {what} {recorded.format_map(manifest)}, but the settings "
                    f"say {ours}; next step: set it back (rag.toml or RAG_*), or build another: "
                    f'rag sync "{manifest.get("folder", "FOLDER")}" --index other/path'
                )

    def _maker(self) -> dict[str, str]:
        """What shapes the chunks and vectors of an index, as the manifest records it."""
        chunker = self._chunker()
        return {
            "encoder": self.encoder.name,
            "fingerprint": self.encoder.fingerprint,
            "dimension": str(self.encoder.dimension),
            "chunker": f"version {chunker.version}, {chunker.target_tokens} tokens, "
            f"{chunker.overlap_sentences} sentences of overlap",
        }

    def _chunker(self) -> ChunkerConfig:
        from rag.chunking.chunker import ChunkerConfig

        return ChunkerConfig(self.settings.chunk_tokens, self.settings.chunk_overlap)

    @property
    def encoder(self) -> Encoder:
        """The encoder the settings name, loaded when it is first asked for."""
        if self._encoder is None:
            with self._encoder_guard:
                if self._encoder is None:
                    from rag.models.encoder import load_encoder

                    self._encoder = load_encoder(self.settings.encoder)
        return self._encoder

    @property
    def generation(self) -> int:
        """Counts the syncs that changed something; read anew each time, since another process may have synced."""
        return self._catalog.state()[0]

    # -- writing -----------------------------------------------------------------------------------------------------

    def sync(self, folder: str | Path, progress: Callable[[SyncEvent], None] | None = None) -> SyncReport:
        """Make the index show what a folder of articles holds. Safe to repeat, and to cut off at any instant.

        Args:
            folder: searched with all its subfolders.
            progress: called with a SyncEvent at most about ten times a second.

        Raises:
            InputError: when the folder is missing, holds no articles, or is not the one this index belongs to.
            IndexUnusableError: when another process is writing, or the index cannot be written (a full disk). What
                was indexed before is unharmed.
        """
        from rag.index import sync

        started = time.perf_counter()
        folder = _existing_folder(folder)
        with self._lock_held():
            manifest = self._catalog.manifest()
            self._check_folder(folder, manifest)
            values = self._manifest_values(folder)
            if not self._catalog.counts()[0]:
                self._adopt(manifest, values)
            with self._unwritable():
                self._lexical.repair()
            outcome = sync.run(
                self._catalog, folder, self.encoder, self._chunker(), values, self._change_lexical, progress
            )
            with self._unwritable():
                self._vectors.save()
        documents, chunks = self._catalog.counts()
        return SyncReport(
            added=outcome.added,
            changed=outcome.changed,
            removed=outcome.removed,
            unchanged=outcome.unchanged,
            failed=outcome.failed,
            documents=documents,
            chunks=chunks,
            seconds=time.perf_counter() - started,
        )

    @contextmanager
    def _unwritable(self) -> Iterator[None]:
        """Name cause and next step when a derived structure cannot be written."""
        try:
            yield
        except OSError as error:
            raise IndexUnusableError(
                f"the index {self.path} cannot be written: {error}; what is indexed stays usable; next step: free "
                "some space or check the folder's permissions, then sync again"
            ) from error

    @contextmanager
    def _lock_held(self) -> Iterator[None]:
        with self._unwritable():
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _change_lexical(self, removed: Sequence[int], added: Sequence[int]) -> Iterator[None]:
        with self._unwritable(), self._lexical.change(removed, added):
            yield

    def _check_folder(self, folder: Path, manifest: dict[str, str]) -> None:
        """An index belongs to one folder; a project that was moved as a whole, index inside, keeps working."""
        recorded = manifest.get("folder")
        if recorded is None or Path(recorded) == folder:
            return
        relative = manifest.get("folder_relative")
        if relative is not None and (self._folder.resolve() / relative).resolve() == folder:
            return
        documents = self._catalog.counts()[0]
        if not documents:
            return
        raise InputError(
            f"the index {self.path} belongs to the folder {recorded} ({documents} articles), not to {folder}; syncing "
            f'would remove them; next step: give the other folder its own index: rag sync "{folder}" --index other/path'
        )

    def _manifest_values(self, folder: Path) -> dict[str, str]:
        values = {"folder": str(folder), "synced_at": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            values["folder_relative"] = os.path.relpath(folder, self._folder.resolve())
        except ValueError:  # on another drive
            values["folder_relative"] = str(folder)
        return values

    def _adopt(self, manifest: dict[str, str], values: dict[str, str]) -> None:
        """Write into an index without documents who makes it, unless that is known and the same."""
        maker = self._maker()
        if any(manifest.get(key) != value for key, value in maker.items()):
            self._catalog.adopt(
                {**maker, "folder": values["folder"], "folder_relative": values["folder_relative"]}
            )

    # -- reading -----------------------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let this thread's reads inside the block agree with one another, whatever is synced meanwhile."""
        if getattr(self._held, "views", None) is not None:
            yield
            return
        with ExitStack() as stack:
            for attempt in range(1, _SNAPSHOT_ATTEMPTS + 1):
                views = self._vectors.current(), self._lexical.current()
                state = stack.enter_context(ExitStack())
                state.enter_context(self._catalog.snapshot())
                token = self._catalog.state()[1]
                # Not all of one state: something was published in between. If that goes on, what one state lacks is
                # left out of what was found in another.
                if attempt == _SNAPSHOT_ATTEMPTS or all(view[0] == token for view in views):
                    break
                state.close()
            self._held.views = views
            try:
                yield
            finally:
                self._held.views = None

    def _vector_view(self) -> tuple[str, vectors.VectorStore | vectors.FewVectors]:
        views = getattr(self._held, "views", None)
        return self._vectors.current() if views is None else views[0]

    def _lexical_view(self) -> tuple[str, tantivy.Searcher]:
        views = getattr(self._held, "views", None)
        return self._lexical.current() if views is None else views[1]

    def status(self) -> IndexStatus:
        """What the index holds and what made it."""
        with self._catalog.snapshot():
            manifest = self._catalog.manifest()
            documents, chunks = self._catalog.counts()
        return IndexStatus(
            path=str(self.path),
            documents=documents,
            chunks=chunks,
            generation=int(manifest["generation"]),
            encoder=manifest.get("encoder", self.settings.encoder),
            fingerprint=manifest.get("fingerprint", ""),
            chunker=manifest.get("chunker", ""),
            folder=manifest.get("folder"),
            synced_at=manifest.get("synced_at"),
            size_bytes=_size(self._folder),
        )

    def problems(self) -> list[str]:
        """What is wrong with the stored articles and passages, in words; reads all of them."""
        return self._catalog.problems()

    def documents(self) -> list[DocumentInfo]:
        """All documents by path, without their texts."""
        return self._catalog.documents()

    def document(self, path: str) -> Document:
        """A document with its text.

        Raises:
            InputError: when there is none at this path.
        """
        document = self._catalog.document(path)
        if document is None:
            raise InputError(
                f"the index {self.path} has no article {path!r}; next step: rag status, or sync again"
            )
        return document

    def dense(
        self, vector: NDArray[np.float32], k: int, allowed: Collection[int] | None = None
    ) -> list[tuple[int, float]]:
        """The k chunks nearest to a unit vector (d,).

        Args:
            vector: as the encoder makes it.
            k: how many at most.
            allowed: document ids to search in; None for all.

        Returns:
            (chunk id, cosine) pairs, best first.
        """
        chunk_ids = None if allowed is None else self._catalog.chunks_of(allowed)
        if k <= 0 or (chunk_ids is not None and not len(chunk_ids)):
            return []
        token, store = self._vector_view()
        return self._catalog.still_live(store.search(vector, k, chunk_ids), token)

    def lexical(
        self,
        text: str,
        k: int,
        allowed: Collection[int] | None = None,
        *,
        stopwords: Collection[str] = lexical.STOPWORDS,
    ) -> list[tuple[int, float]]:
        """The k chunks that share the most telling words with a text; any text is safe.

        Args:
            text: as the user typed it.
            k: how many at most.
            allowed: document ids to search in; None for all.
            stopwords: lower-case words to leave out, unless the text has no others.

        Returns:
            (chunk id, BM25) pairs, best first.
        """
        token, searcher = self._lexical_view()
        found = self._lexical.search(searcher, text, k, allowed, stopwords=stopwords)
        return self._catalog.still_live(found, token)

    def chunk_vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The vectors of chunks, (len(ids), d), in the order of ids.

        Raises:
            IndexUnusableError: when a chunk is gone, as when another process synced since its id was found; searches
                inside :meth:`snapshot` cannot meet this.
        """
        found = self._catalog.vectors(ids)
        missing = [id_ for id_ in ids if id_ not in found]
        if missing:
            raise IndexUnusableError(
                f"chunk {missing[0]} is no longer in the index {self.path}, which was synced meanwhile; "
                "next step: ask again"
            )
        if not ids:
            return np.empty((0, int(self._catalog.manifest().get("dimension", "0"))), dtype=np.float32)
        return np.stack([found[id_] for id_ in ids])

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """Chunks in the order of ids. One that was removed since its id was found is left out."""
        return self._catalog.chunks(ids)

    def close(self) -> None:
        """Close the catalog's connections; the index cannot be used afterwards."""
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _make_room(path: Path, *, create: bool) -> bool:
    """See that there is a folder with an index, or one to make an index in. True when its catalog is still to be made.

    Raises:
        OSError: when the system does not let the folder be made or looked into.
    """
    catalog_file = path / CATALOG
    if not catalog_file.exists():
        _check_free(path, create=create)
        path.mkdir(parents=True, exist_ok=True)
        return True
    empty = catalog_file.stat().st_size == 0
    if empty and (path / lexical.STAMP).exists():
        raise IndexUnusableError(
            f"the catalog {catalog_file} is damaged (it is empty); nothing was deleted; next step: move {path} "
            "aside and build it again with rag sync FOLDER"
        )
    return empty


def _check_free(path: Path, *, create: bool) -> None:
    """Refuse to make an index where something else is, or where none was asked for."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file, not an index's folder; next step: name a folder with --index")
    names = [entry.name for entry in path.iterdir()] if path.is_dir() else []
    others = [name for name in names if name != LOCK and not name.startswith(".")]
    if any(name in others for name in (vectors.STAMP, lexical.STAMP)):
        raise IndexUnusableError(
            f"the index {path} has lost its catalog ({CATALOG}); nothing was changed; next step: bring that file "
            "back, or move the folder aside and build it again with rag sync FOLDER"
        )
    if not create:
        raise InputError(f'there is no index at {path}; next step: rag sync FOLDER --index "{path}"')
    if others:
        raise InputError(
            f"{path} holds other files ({', '.join(sorted(others)[:3])}) and no index; next step: name a new or empty "
            "folder with --index"
        )


def _existing_folder(folder: str | Path) -> Path:
    folder = Path(folder)
    try:
        if folder.is_dir():
            return folder.resolve()
        exists = folder.exists()
    except OSError as error:
        raise InputError(
            f"the folder {folder} cannot be looked into: {error.strerror}; next step: check its name and permissions"
        ) from error
    if not exists:
        raise InputError(f"the folder {folder} does not exist; next step: check its name")
    raise InputError(f"{folder} is a file; next step: sync the folder that holds it: {folder.parent}")


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # replaced by a writer just now
    return total
