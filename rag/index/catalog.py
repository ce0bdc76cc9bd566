"""The catalog: one SQLite file that is the truth about an index. The format is described in index/README.md.

A document row never changes its content: a changed article is a new row with a new id (ids are never used twice) that
replaces the old one in a single transaction. Rows with ``live = 0`` are staged: written and perhaps embedded, but no
reader sees them until :meth:`Catalog.publish`. So whoever knows which ids a derived structure holds knows all about it.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexMismatchError, IndexUnusableError
from rag.types import Document, Sentence

SCHEMA_VERSION = 1
APPLICATION_ID = 0x52414749  # "RAGI", so that another program's database is recognised as such
BUSY_SECONDS = 30.0
_READ_AT_ONCE = 5000  # rows handed over per query when many are read

_SCHEMA = """
CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    live INTEGER NOT NULL,
    path TEXT NOT NULL,
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    body_start INTEGER NOT NULL,
    published TEXT, author TEXT, source TEXT, url TEXT,
    characters INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, read_ns INTEGER NOT NULL
);
CREATE UNIQUE INDEX documents_path ON documents (live, path);
CREATE TABLE texts (
    document_id INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    text TEXT NOT NULL
);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
    key BLOB NOT NULL,
    prefix TEXT NOT NULL,
    sentences BLOB NOT NULL
);
CREATE INDEX chunks_document ON chunks (document_id);
CREATE INDEX chunks_key ON chunks (key);
CREATE TABLE embeddings (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    vector BLOB NOT NULL,
    sentence_vectors BLOB NOT NULL
);
"""

_DOCUMENT_FIELDS = "path, title, sha256, body_start, published, author, source, url"


@dataclass(frozen=True, slots=True)
class FileState:
    """What the file system said about a file when it was read: the grounds for not reading it again."""

    size: int
    mtime_ns: int
    ctime_ns: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class Known:
    """A document the catalog holds, as sync compares it with the folder."""

    id: int
    sha256: str
    file: FileState


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to be staged: offsets into the document's text, what is embedded, and the key of its embedding."""

    start: int
    end: int
    key: bytes
    prefix: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """A staged chunk that has no embedding yet; sentence offsets are relative to ``text``."""

    key: bytes
    prefix: str
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class NewEmbedding:
    """An embedding to be stored under the key of what was embedded."""

    key: bytes
    vector: NDArray[np.float32]
    sentence_vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class LexicalRow:
    """What the lexical index needs of a chunk."""

    chunk_id: int
    document_id: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its text."""

    id: int
    path: str
    title: str
    published: str | None
    source: str | None
    sha256: str
    characters: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk at rest. Sentence offsets point into the document's text; ``sentence_vectors`` has a unit row each."""

    id: int
    document_id: int
    path: str
    title: str
    published: str | None
    source: str | None
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]
    sentence_vectors: NDArray[np.float16]


class Catalog:
    """Access to one catalog file, from any number of threads.

    Connections are kept in a pool and lent for the length of a block. SQLite's write-ahead log lets every reader see
    one consistent state, however long a writer in this or another process is at work.

    Args:
        file: the SQLite file.
        create: make an empty catalog when there is none.

    Raises:
        IndexUnusableError: when the file is damaged, is not a catalog, or cannot be opened.
        IndexMismatchError: when another version of this software made it.
    """

    def __init__(self, file: Path, *, create: bool) -> None:
        self.file = file
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._pinned = threading.local()
        if create:
            self._create()
        else:
            with self.reading() as db:
                self._check_schema(db)

    # -- connections -------------------------------------------------------------------------------------------------

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"file:{urllib.parse.quote(str(self.file.absolute()))}?mode={mode}"
        if mode == "rw" and self.file.exists() and not os.access(self.file.parent, os.W_OK):
            # Reading a write-ahead log needs a shared-memory file beside it. On a read-only medium nobody writes, so
            # the catalog can be read as it lies.
            address = f"{address[: -len('rw')]}ro&immutable=1"
        db = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
        except BaseException:
            db.close()
            raise
        return db

    def _create(self) -> None:
        """Make the tables unless they are there; two processes may try at once."""
        with self._translated():
            db = self._connect("rwc")
            try:
                if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("BEGIN IMMEDIATE")
                    try:
                        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                            for statement in _SCHEMA.split(";\n"):
                                db.execute(statement)
                            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                            _set_manifest(db, {"generation": "0", "token": secrets.token_hex(8)})
                        db.execute("COMMIT")
                    except BaseException:
                        _roll_back(db)
                        raise
                self._check_schema(db)
            except BaseException:
                db.close()
                raise
        self._idle.append(db)

    def _check_schema(self, db: sqlite3.Connection) -> None:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise IndexUnusableError(
                f"{self.file} is not the catalog of an index, or is empty; nothing was changed; {self._mend()}"
            )
        if version != SCHEMA_VERSION:
            raise IndexMismatchError(
                f"the index {self.file.parent} has format {version}, this version of rag reads format "
                f"{SCHEMA_VERSION}; next step: use the version that made it, or build another: "
                "rag sync FOLDER --index other/path"
            )

    def _mend(self) -> str:
        return f"next step: move {self.file.parent} aside and build it again with rag sync FOLDER"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ones that name the file, the cause and the next step."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # mistakes of ours
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                raise IndexUnusableError(
                    f"{self.file} cannot be written or read ({error}): the disk may be full or failing; what was "
                    "indexed before is unharmed; next step: free some space, then repeat"
                ) from error
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise IndexUnusableError(
                    f"{self.file} is in use by another program ({error}); next step: wait for it, then repeat"
                ) from error
            if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
                raise IndexUnusableError(
                    f"{self.file} cannot be opened for writing ({error}); next step: check that the folder exists "
                    "and that you may write to it, or name another with --index"
                ) from error
            raise IndexUnusableError(
                f"the catalog {self.file} is damaged ({error}); nothing was deleted; {self._mend()}"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading: the pinned one inside :meth:`snapshot`, else any from the pool."""
        pinned: sqlite3.Connection | None = getattr(self._pinned, "connection", None)
        if pinned is not None:
            with self._translated():
                yield pinned
            return
        with self._guard:
            if self._closed:
                raise IndexUnusableError(f"the index {self.file.parent} was closed; next step: open it again")
            db = self._idle.pop() if self._idle else None
        with self._translated():
            if db is None:
                db = self._connect("rw")
            try:
                yield db
            except BaseException:
                db.close()  # it may be in the middle of something
                raise
        with self._guard:
            if not self._closed:
                self._idle.append(db)
                return
        db.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let this thread see one unchanging state of the catalog for a block, whatever is published meanwhile."""
        if getattr(self._pinned, "connection", None) is not None:
            yield
            return
        with self.reading() as db:
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM manifest LIMIT 1").fetchone()  # the first read is what fixes the state
            self._pinned.connection = db
            try:
                yield
            finally:
                self._pinned.connection = None
                _roll_back(db)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of the block, or (on any error, or a kill) nothing of it."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                _roll_back(db)
                raise

    def close(self) -> None:
        """Close every idle connection; one that is lent is closed when it comes back."""
        with self._guard:
            self._closed = True
            connections, self._idle = self._idle, []
        for db in connections:
            db.close()

    # -- the manifest ------------------------------------------------------------------------------------------------

    def manifest(self) -> dict[str, str]:
        """All of the manifest."""
        with self.reading() as db:
            return dict(db.execute("SELECT key, value FROM manifest"))

    def state(self) -> tuple[int, str]:
        """The generation, and the random token of the transaction that made it."""
        with self.reading() as db:
            rows = dict(db.execute("SELECT key, value FROM manifest WHERE key IN ('generation', 'token')"))
        try:
            return int(rows["generation"]), rows["token"]
        except (KeyError, ValueError) as error:
            raise IndexUnusableError(
                f"the catalog {self.file} is damaged (no generation); nothing was deleted; {self._mend()}"
            ) from error

    def set_manifest(self, values: Mapping[str, str]) -> None:
        """Write manifest values that do not change what is found."""
        with self.writing() as db:
            _set_manifest(db, values)

    def adopt(self, values: Mapping[str, str]) -> None:
        """Give an index without documents to an encoder and chunker; what another one staged is dropped."""
        with self.writing() as db:
            db.execute("DELETE FROM documents WHERE live = 0")
            db.execute("DELETE FROM embeddings WHERE key NOT IN (SELECT key FROM chunks)")
            _set_manifest(db, values)

    # -- reading -----------------------------------------------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Live documents and chunks."""
        with self.reading() as db:
            row = db.execute(
                "SELECT count(*), coalesce(sum(chunks), 0) FROM documents WHERE live = 1"
            ).fetchone()
        return int(row[0]), int(row[1])

    def documents(self) -> list[DocumentInfo]:
        """All live documents by path."""
        with self.reading() as db:
            return [
                DocumentInfo(*row)
                for row in db.execute(
                    "SELECT id, path, title, published, source, sha256, characters FROM documents "
                    "WHERE live = 1 ORDER BY path"
                )
            ]

    def document(self, path: str) -> Document | None:
        """The live document at a path, with its text."""
        with self.reading() as db:
            row = db.execute(
                f"SELECT {_DOCUMENT_FIELDS}, text FROM documents JOIN texts ON document_id = id "
                "WHERE live = 1 AND path = ?",
                (path,),
            ).fetchone()
        if row is None:
            return None
        path, title, sha256, body_start, published, author, source, url, text = row
        return Document(path, title, text, sha256, body_start, published, author, source, url)

    def known(self, *, live: bool) -> dict[str, Known]:
        """Live (or staged) documents by path."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT path, id, sha256, size, mtime_ns, ctime_ns, read_ns FROM documents WHERE live = ?",
                (live,),
            )
            return {path: Known(id_, sha256, FileState(*file)) for path, id_, sha256, *file in rows}

    def live_documents(self) -> set[int]:
        """Ids of all live documents."""
        with self.reading() as db:
            return {row[0] for row in db.execute("SELECT id FROM documents WHERE live = 1")}

    def live_chunks(self) -> NDArray[np.int64]:
        """Ids of all chunks of live documents, ascending."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT chunks.id FROM documents JOIN chunks ON document_id = documents.id WHERE live = 1"
            )
            ids = np.fromiter((row[0] for row in rows), dtype=np.int64)
        ids.sort()
        return ids

    def live_among(self, chunk_ids: Iterable[int]) -> list[int]:
        """Those of the ids that are chunks of live documents."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id "
                "WHERE live = 1 AND chunks.id IN (SELECT value FROM json_each(?))",
                (_json(chunk_ids),),
            )
            return [row[0] for row in rows]

    def chunks_of(self, document_ids: Iterable[int]) -> NDArray[np.int64]:
        """Ids of the chunks of these documents."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT id FROM chunks WHERE document_id IN (SELECT value FROM json_each(?))",
                (_json(document_ids),),
            )
            return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """Live chunks in the order of ids; ids that are no longer live are left out."""
        with self.reading() as db:
            rows = db.execute(
                'SELECT chunks.id, document_id, path, title, published, source, "start", "end", sentences, '
                "sentence_vectors FROM chunks JOIN documents ON documents.id = document_id "
                "JOIN embeddings USING (key) WHERE live = 1 AND chunks.id IN (SELECT value FROM json_each(?))",
                (_json(ids),),
            ).fetchall()
            texts = dict(
                db.execute(
                    "SELECT document_id, text FROM texts WHERE document_id IN (SELECT value FROM json_each(?))",
                    (_json({row[1] for row in rows}),),
                )
            )
        found: dict[int, StoredChunk] = {}
        for id_, document_id, path, title, published, source, start, end, spans, vectors in rows:
            sentences = _sentences(spans)
            found[id_] = StoredChunk(
                id=id_,
                document_id=document_id,
                path=path,
                title=title,
                published=published,
                source=source,
                start=start,
                end=end,
                text=texts[document_id][start:end],
                sentences=sentences,
                sentence_vectors=_rows(vectors, np.dtype("<f2"), len(sentences)),
            )
        return [found[id_] for id_ in ids if id_ in found]

    def vectors(self, ids: Sequence[int] | NDArray[np.int64]) -> dict[int, NDArray[np.float32]]:
        """The vectors of chunks, live or not, by chunk id; unknown ids are left out."""
        found: dict[int, NDArray[np.float32]] = {}
        with self.reading() as db:
            for begin in range(0, len(ids), _READ_AT_ONCE):
                rows = db.execute(
                    "SELECT chunks.id, vector FROM chunks JOIN embeddings USING (key) "
                    "WHERE chunks.id IN (SELECT value FROM json_each(?))",
                    (_json(ids[begin : begin + _READ_AT_ONCE]),),
                )
                found.update((id_, np.frombuffer(vector, dtype="<f4")) for id_, vector in rows)
        return found

    def lexical_rows(self, document_ids: Iterable[int]) -> Iterator[LexicalRow]:
        """The chunks of documents (staged ones too) with their words, document by document."""
        with self.reading() as db:
            for document_id in document_ids:
                head = db.execute(
                    "SELECT title, text FROM documents JOIN texts ON document_id = id WHERE id = ?",
                    (document_id,),
                ).fetchone()
                if head is None:
                    continue
                title, text = head
                for id_, start, end in db.execute(
                    'SELECT id, "start", "end" FROM chunks WHERE document_id = ?', (document_id,)
                ).fetchall():
                    yield LexicalRow(id_, document_id, title, text[start:end])

    # -- writing: stage, embed, publish ------------------------------------------------------------------------------

    def stage(self, documents: Iterable[tuple[Document, FileState, Sequence[NewChunk]]]) -> None:
        """Write documents that no reader sees yet; one staged earlier for the same path is replaced."""
        with self.writing() as db:
            for document, file, chunks in documents:
                db.execute("DELETE FROM documents WHERE live = 0 AND path = ?", (document.path,))
                document_id = db.execute(
                    f"INSERT INTO documents (live, {_DOCUMENT_FIELDS}, characters, chunks, size, mtime_ns, ctime_ns, "
                    "read_ns) VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        document.path,
                        document.title,
                        document.sha256,
                        document.body_start,
                        document.published,
                        document.author,
                        document.source,
                        document.url,
                        len(document.text),
                        len(chunks),
                        file.size,
                        file.mtime_ns,
                        file.ctime_ns,
                        file.read_ns,
                    ),
                ).lastrowid
                db.execute("INSERT INTO texts VALUES (?, ?)", (document_id, document.text))
                db.executemany(
                    'INSERT INTO chunks (document_id, "start", "end", key, prefix, sentences) '
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (document_id, chunk.start, chunk.end, chunk.key, chunk.prefix, _blob(chunk.sentences))
                        for chunk in chunks
                    ],
                )

    def unstage(self, document_ids: Iterable[int]) -> None:
        """Drop staged documents that are no longer wanted; their embeddings stay until the next publish."""
        with self.writing() as db:
            db.execute(
                "DELETE FROM documents WHERE live = 0 AND id IN (SELECT value FROM json_each(?))",
                (_json(document_ids),),
            )

    def pending(self) -> list[int]:
        """One staged chunk id for each embedding that is still to be made."""
        with self.reading() as db:
            return [
                row[0]
                for row in db.execute(
                    "SELECT min(chunks.id) FROM documents JOIN chunks ON document_id = documents.id WHERE live = 0 "
                    "AND NOT EXISTS (SELECT 1 FROM embeddings WHERE embeddings.key = chunks.key) "
                    "GROUP BY chunks.key ORDER BY 1"
                )
            ]

    def pending_chunks(self, chunk_ids: Sequence[int]) -> list[PendingChunk]:
        """What to embed for these chunks, in the order of ids."""
        with self.reading() as db:
            rows = db.execute(
                'SELECT id, document_id, key, prefix, "start", "end", sentences FROM chunks '
                "WHERE id IN (SELECT value FROM json_each(?))",
                (_json(chunk_ids),),
            ).fetchall()
            texts = dict(
                db.execute(
                    "SELECT document_id, text FROM texts WHERE document_id IN (SELECT value FROM json_each(?))",
                    (_json({row[1] for row in rows}),),
                )
            )
        found: dict[int, PendingChunk] = {}
        for id_, document_id, key, prefix, start, end, spans in rows:
            sentences = tuple(Sentence(span.start - start, span.end - start) for span in _sentences(spans))
            found[id_] = PendingChunk(key, prefix, texts[document_id][start:end], sentences)
        return [found[id_] for id_ in chunk_ids]

    def store_embeddings(self, embeddings: Iterable[NewEmbedding]) -> None:
        """Keep embeddings, so that a sync that is cut off after this need not make them again."""
        with self.writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO embeddings (key, vector, sentence_vectors) VALUES (?, ?, ?)",
                [
                    (
                        embedding.key,
                        np.ascontiguousarray(embedding.vector, dtype="<f4").tobytes(),
                        np.ascontiguousarray(embedding.sentence_vectors, dtype="<f2").tobytes(),
                    )
                    for embedding in embeddings
                ],
            )

    def publish(self, removed: Iterable[int], values: Mapping[str, str]) -> None:
        """The one moment at which a sync takes effect: staged documents become live, removed ones go.

        Args:
            removed: ids of live documents that were deleted or have a staged replacement.
            values: manifest values to write in the same transaction.
        """
        with self.writing() as db:
            db.execute(
                "DELETE FROM documents WHERE id IN (SELECT value FROM json_each(?))", (_json(removed),)
            )
            db.execute("UPDATE documents SET live = 1 WHERE live = 0")
            db.execute(
                "DELETE FROM embeddings WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.key = embeddings.key)"
            )
            generation = db.execute("SELECT value FROM manifest WHERE key = 'generation'").fetchone()[0]
            _set_manifest(
                db, {**values, "generation": str(int(generation) + 1), "token": secrets.token_hex(8)}
            )

    def note_files(self, files: Iterable[tuple[int, FileState]]) -> None:
        """Remember how unchanged files look now, so that the next sync need not read them."""
        with self.writing() as db:
            db.executemany(
                "UPDATE documents SET size = ?, mtime_ns = ?, ctime_ns = ?, read_ns = ? WHERE id = ?",
                [(file.size, file.mtime_ns, file.ctime_ns, file.read_ns, id_) for id_, file in files],
            )


def _set_manifest(db: sqlite3.Connection, values: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO manifest VALUES (?, ?)", list(values.items()))


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:  # a full disk makes SQLite roll back by itself
        db.execute("ROLLBACK")


def _json(ids: Iterable[int] | NDArray[np.int64]) -> str:
    return json.dumps([int(id_) for id_ in ids])


def _blob(sentences: Sequence[Sentence]) -> bytes:
    pairs = [(sentence.start, sentence.end) for sentence in sentences]
    return np.array(pairs, dtype="<i4").tobytes()


def _sentences(blob: bytes) -> tuple[Sentence, ...]:
    values = np.frombuffer(blob, dtype="<i4").tolist()
    return tuple(Sentence(start, end) for start, end in zip(values[::2], values[1::2], strict=True))


def _rows(blob: bytes, dtype: np.dtype[np.float16], rows: int) -> NDArray[np.float16]:
    return np.frombuffer(blob, dtype=dtype).reshape(rows, -1) if rows else np.empty((0, 0), dtype=dtype)
