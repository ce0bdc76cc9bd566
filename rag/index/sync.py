"""Sync: make an index show what a folder holds, doing work only for content that changed.

Four steps, each of which may be cut off without harm: read (compare every file with the catalog, stage the new and the
changed), embed (what no embedding is stored for yet), publish (one short transaction, the only moment anything becomes
visible), and bring the derived structures in step. What was staged and embedded before a cut is used again.

An embedding is filed under a key of exactly what went into the encoder. So a renamed file, a copy, or an edit in one
paragraph of a long article costs only the passages that are really new.
"""

from __future__ import annotations

import hashlib
import os
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rag.chunking.chunker import ChunkerConfig, chunk_document, chunk_prefix
from rag.documents.read import SUFFIXES, list_files, read_document, refuse_outside
from rag.errors import InputError, ModelError
from rag.index.catalog import Catalog
from rag.index.records import FileState, NewChunk, NewEmbedding
from rag.models.encoder import Encoder, Passage
from rag.types import Document, Failure, Sentence

Stage: TypeAlias = Literal["reading", "embedding", "writing"]

EMBED_AT_ONCE = (
    256  # passages per encoder call and commit: what a kill can cost, and what is sorted by length
)
STAGE_AT_ONCE = 200  # documents per commit
# A file written within this time of being read may be written again without its time of change moving on: its content
# is compared again at the next sync.
RACY_NS = 2_000_000_000
_EVENT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """How far a sync has come. ``done`` of ``total`` are files while reading, passages while embedding."""

    stage: Stage
    done: int
    total: int


Progress: TypeAlias = Callable[[SyncEvent], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one sync found and did, in documents."""

    added: int
    changed: int
    removed: int
    unchanged: int
    failed: tuple[Failure, ...]


class Reporter:
    """Passes progress on, at most ten times a second, and always the end of a stage."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._last = 0.0

    def __call__(self, stage: Stage, done: int, total: int) -> None:
        """Tell how far the stage is."""
        now = time.monotonic()
        if self._progress is not None and (done >= total or now - self._last >= _EVENT_SECONDS):
            self._last = now
            self._progress(SyncEvent(stage, done, total))


class _Reading:
    """The first step: compare the folder with the catalog, and stage what is new."""

    def __init__(self, catalog: Catalog, folder: Path, encoder: Encoder, config: ChunkerConfig) -> None:
        self._catalog = catalog
        self._folder = folder
        self._encoder = encoder
        self._config = config
        self._batch: list[tuple[Document, FileState, Sequence[NewChunk]]] = []
        self.live = catalog.known(live=True)
        self._live_paths = sorted(self.live)
        self.staged = catalog.known(live=False)
        self.seen: set[str] = set()  # paths whose document stays or is replaced
        self.new: dict[str, bool] = {}  # path -> whether it replaces a live document
        self.unchanged = 0
        self.failed: list[Failure] = []
        self._touched: list[tuple[int, FileState]] = []

    def run(self, files: Sequence[Path], report: Reporter) -> None:
        """Look at every file."""
        base = len(str(self._folder)) + 1
        for number, file in enumerate(files, start=1):
            path = str(file)[base:].replace(os.sep, "/")
            try:
                self._look_at(file, path)
            except InputError as error:
                self._fail(path, str(error))
            except OSError as error:
                reason = error.strerror or str(error)
                self._fail(
                    path, f"{file} cannot be read: {reason}; next step: mend or remove it, then sync again"
                )
            report("reading", number, len(files))
        self._flush()
        if self._touched:
            self._catalog.note_files(self._touched)
        self._catalog.unstage([known.id for path, known in self.staged.items() if path not in self.new])

    def _look_at(self, file: Path, path: str) -> None:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"the name of {_printable(str(file))} is not valid UTF-8; next step: rename it, then sync again"
            ) from None
        try:
            state = _state(file)
        except FileNotFoundError:
            if file.is_symlink():
                raise
            return  # removed since the folder was listed
        if file.is_symlink():
            try:
                refuse_outside(file, self._folder)
            except InputError as error:
                # what was indexed of it does not stay, as that of an unreadable file does: it is not the folder's
                self.failed.append(Failure(_printable(path), str(error)))
                return
        live = self.live.get(path)
        if live is not None:
            if _same_file(live.file, state):
                self._keep(path)
                return
            if _sha256(file) == live.sha256:
                self._touched.append((live.id, state))
                self._keep(path)
                return
        staged = self.staged.get(path)
        if staged is not None and _sha256(file) == staged.sha256:
            self._touched.append((staged.id, state))
        else:
            document = read_document(file, self._folder)
            self._batch.append((document, state, self._chunks(file, document)))
            if len(self._batch) >= STAGE_AT_ONCE:
                self._flush()
        self.new[path] = live is not None
        self.seen.add(path)

    def _keep(self, path: str) -> None:
        self.seen.add(path)
        self.unchanged += 1

    def _fail(self, path: str, reason: str) -> None:
        # A folder that cannot be listed comes as an entry of its own: what was indexed from below it stays.
        first, end = (
            bisect_left(self._live_paths, path + after) for after in ("/", "0")
        )  # "0" comes after "/"
        kept = self._live_paths[first:end] + [path] * (path in self.live)
        if kept:
            self.seen.update(kept)
            reason += "; what was indexed from it before stays in the index"
        self.failed.append(Failure(_printable(path), reason))

    def _chunks(self, file: Path, document: Document) -> list[NewChunk]:
        chunks = chunk_document(document, self._encoder.count_tokens, self._encoder.window, self._config)
        if not chunks:
            raise InputError(f"{file} holds no text to index; next step: remove it, or write the article")
        rows = []
        for chunk in chunks:
            prefix = chunk_prefix(document, chunk)
            rows.append(
                NewChunk(
                    chunk.start,
                    chunk.end,
                    _key(prefix, chunk.text, chunk.start, chunk.sentences),
                    prefix,
                    chunk.sentences,
                )
            )
        return rows

    def _flush(self) -> None:
        if self._batch:
            self._catalog.stage(self._batch)
            self._batch = []


def embed(catalog: Catalog, encoder: Encoder, report: Reporter) -> None:
    """The second step: make the embeddings that staged chunks lack, committing them batch by batch."""
    pending = catalog.pending()
    done = 0

    def advance(newly: int) -> None:
        nonlocal done
        done += newly
        report("embedding", min(done, len(pending)), len(pending))

    for begin in range(0, len(pending), EMBED_AT_ONCE):
        chunks = catalog.pending_chunks(pending[begin : begin + EMBED_AT_ONCE])
        passages = [Passage(chunk.prefix, chunk.text, chunk.sentences) for chunk in chunks]
        encoded = encoder.encode_passages(passages, advance)
        embeddings = []
        for chunk, one in zip(chunks, encoded, strict=True):
            if one.vector.shape != (encoder.dimension,) or not np.isfinite(one.vector).all():
                raise ModelError(
                    f"the encoder {encoder.name} gave no usable vector for {chunk.text[:60]!r}; "
                    "nothing was changed; next step: choose another encoder (rag.toml or RAG_ENCODER)"
                )
            embeddings.append(NewEmbedding(chunk.key, one.vector, one.sentence_vectors))
        catalog.store_embeddings(embeddings)
    report("embedding", len(pending), len(pending))


def run(
    catalog: Catalog,
    folder: Path,
    encoder: Encoder,
    config: ChunkerConfig,
    values: dict[str, str],
    changing: Callable[[Sequence[int], Sequence[int]], AbstractContextManager[None]],
    progress: Progress | None,
) -> Outcome:
    """Sync the catalog with a folder; the caller holds the writer's lock.

    Args:
        catalog: the truth.
        folder: an existing folder, absolute.
        encoder: makes what embeddings are missing.
        config: how documents are cut.
        values: manifest values to write with whatever is published.
        changing: entered with the ids of removed and added documents around the moment of publishing.
        progress: told how far the sync is.

    Raises:
        InputError: when the folder holds no articles.
        IndexUnusableError: when the catalog cannot be written.
    """
    report = Reporter(progress)
    try:
        files = list_files(folder)
    except OSError as error:
        raise InputError(
            f"the folder {folder} cannot be read: {error.strerror}; nothing was changed; "
            "next step: check its permissions"
        ) from error
    reading = _Reading(catalog, folder, encoder, config)
    if not files:
        raise InputError(_nothing_there(folder, len(reading.live)))
    reading.run(files, report)
    removed_paths = [path for path in reading.live if path not in reading.seen]
    replaced = [path for path, replaces in reading.new.items() if replaces]
    if reading.new:
        embed(catalog, encoder, report)
    if reading.new or removed_paths:
        report("writing", 0, 1)
        gone = [reading.live[path].id for path in (*removed_paths, *replaced)]
        staged = [known.id for known in catalog.known(live=False).values()]
        with changing(gone, staged):
            catalog.publish(gone, values)
    else:
        catalog.set_manifest(values)
    report("writing", 1, 1)
    return Outcome(
        added=len(reading.new) - len(replaced),
        changed=len(replaced),
        removed=len(removed_paths),
        unchanged=reading.unchanged,
        failed=tuple(reading.failed),
    )


def _nothing_there(folder: Path, documents: int) -> str:
    kinds = " or ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
    if not documents:
        return f"{folder} holds no articles ({kinds}); next step: put some there, or name another folder"
    return (
        f"{folder} holds no articles ({kinds}) any more, but the index has {documents} from it; nothing was changed, "
        "in case this is a mistake; next step: bring the articles back, or, if they are meant to go, delete the "
        "index's folder"
    )


def _state(file: Path) -> FileState:
    read_ns = time.time_ns()
    state = file.stat()
    return FileState(state.st_size, state.st_mtime_ns, state.st_ctime_ns, read_ns)


def _same_file(known: FileState, now: FileState) -> bool:
    """Whether the file system itself vouches that a file was not written since it was read."""
    same = (known.size, known.mtime_ns, known.ctime_ns) == (now.size, now.mtime_ns, now.ctime_ns)
    return same and max(known.mtime_ns, known.ctime_ns) < known.read_ns - RACY_NS


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _key(prefix: str, text: str, start: int, sentences: Sequence[Sentence]) -> bytes:
    """A digest of all that an embedding depends on besides the encoder."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (prefix, text):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    for sentence in sentences:
        digest.update((sentence.start - start).to_bytes(4, "little"))
        digest.update((sentence.end - start).to_bytes(4, "little"))
    return digest.digest()


def _printable(path: str) -> str:
    return path.encode("utf-8", "replace").decode()
