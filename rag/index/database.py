"""The catalog's SQLite file: its tables, its connections, and its errors in words for the person who owns it."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import IndexMismatchError, IndexUnusableError

SCHEMA_VERSION = 1
APPLICATION_ID = 0x52414749  # "RAGI", so that another program's database is recognised as such
BUSY_SECONDS = 30.0

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


class Database:
    """Connections to one catalog file, lent to any number of threads for the length of a block.

    SQLite's write-ahead log lets every reader see one consistent state, however long a writer in this or another
    process is at work.

    Args:
        file: the SQLite file, absolute.
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

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"file:{urllib.parse.quote(str(self.file))}?mode={mode}"
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
                            db.execute(
                                "INSERT INTO manifest VALUES ('generation', '0'), ('token', ?)",
                                (secrets.token_hex(8),),
                            )
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
                f"{self.file} is not the catalog of an index, or is empty; nothing was changed; {self.mend()}"
            )
        if version != SCHEMA_VERSION:
            raise IndexMismatchError(
                f"the index {self.file.parent} has format {version}, this version of rag reads format "
                f"{SCHEMA_VERSION}; next step: use the version that made it, or build another: "
                "rag sync FOLDER --index other/path"
            )

    def mend(self) -> str:
        """The next step for an index that cannot be trusted any more."""
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
                f"the catalog {self.file} is damaged ({error}); nothing was deleted; {self.mend()}"
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
    def unpinned(self) -> Iterator[None]:
        """Let this thread see the latest state for a block, even inside :meth:`snapshot`."""
        pinned, self._pinned.connection = getattr(self._pinned, "connection", None), None
        try:
            yield
        finally:
            self._pinned.connection = pinned

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


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:  # a full disk makes SQLite roll back by itself
        db.execute("ROLLBACK")
