"""The catalog: what is stored in the one SQLite file that is the truth about an index (format: index/README.md).

A document row never changes its content: a changed article is a new row with a new id (ids are never used twice) that
replaces the old one in a single transaction. Rows with ``live = 0`` are staged: written and perhaps embedded, but no
reader sees them until :meth:`Catalog.publish`. So whoever knows which ids a derived structure holds knows all about it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexUnusableError
from rag.index import integrity
from rag.index.database import Database
from rag.index.records import (
    DocumentInfo,
    FileState,
    Known,
    LexicalRow,
    NewChunk,
    NewEmbedding,
    PendingChunk,
    StoredChunk,
)
from rag.types import Document, Sentence

_READ_AT_ONCE = 5000  # rows asked for per query when many are read
_DOCUMENT_FIELDS = "path, title, sha256, body_start, published, author, source, url"


class Catalog:
    """Reads and writes one catalog; from any number of threads.

    Args:
        file: the SQLite file.
        create: make an empty catalog when there is none.

    Raises:
        IndexUnusableError: when the file is damaged, is not a catalog, or cannot be opened.
        IndexMismatchError: when another version of this software made it.
    """

    def __init__(self, file: Path, *, create: bool) -> None:
        self.file = file
        self._database = Database(file, create=create)

    def snapshot(self) -> AbstractContextManager[None]:
        """Let this thread see one unchanging state for a block, whatever is published meanwhile."""
        return self._database.snapshot()

    def latest(self) -> AbstractContextManager[None]:
        """Let this thread see the latest state for a block, even inside :meth:`snapshot`."""
        return self._database.unpinned()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def damage(self, what: str) -> IndexUnusableError:
        """The error for a catalog that SQLite can read but that contradicts itself."""
        return IndexUnusableError(
            f"the catalog {self.file} is damaged ({what}); nothing was deleted; {self._database.mend()}"
        )

    # -- the manifest ------------------------------------------------------------------------------------------------

    def manifest(self) -> dict[str, str]:
        """All of the manifest."""
        with self._database.reading() as db:
            return dict(db.execute("SELECT key, value FROM manifest"))

    def state(self) -> tuple[int, str]:
        """The generation, and the random token of the transaction that made it."""
        with self._database.reading() as db:
            rows = dict(db.execute("SELECT key, value FROM manifest WHERE key IN ('generation', 'token')"))
        try:
            return int(rows["generation"]), rows["token"]
        except (KeyError, ValueError) as error:
            raise self.damage("no generation") from error

    def set_manifest(self, values: Mapping[str, str]) -> None:
        """Write manifest values that do not change what is found."""
        with self._database.writing() as db:
            _set_manifest(db, values)

    def adopt(self, values: Mapping[str, str]) -> None:
        """Give an index without documents to an encoder and chunker; what another one staged is dropped."""
        with self._database.writing() as db:
            db.execute("DELETE FROM documents WHERE live = 0")
            db.execute("DELETE FROM embeddings WHERE key NOT IN (SELECT key FROM chunks)")
            _set_manifest(db, values)

    # -- reading -----------------------------------------------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Live documents and chunks."""
        with self._database.reading() as db:
            row = db.execute(
                "SELECT count(*), coalesce(sum(chunks), 0) FROM documents WHERE live = 1"
            ).fetchone()
        return int(row[0]), int(row[1])

    def problems(self) -> list[str]:
        """See ``rag.index.integrity``."""
        return integrity.problems(self._database)

    def documents(self) -> list[DocumentInfo]:
        """All live documents by path."""
        with self._database.reading() as db:
            return [
                DocumentInfo(*row)
                for row in db.execute(
                    "SELECT id, path, title, published, source, sha256, characters FROM documents "
                    "WHERE live = 1 ORDER BY path"
                )
            ]

    def document(self, path: str) -> Document | None:
        """The live document at a path, with its text."""
        with self._database.reading() as db:
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
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT path, id, sha256, size, mtime_ns, ctime_ns, read_ns FROM documents WHERE live = ?",
                (live,),
            )
            return {path: Known(id_, sha256, FileState(*file)) for path, id_, sha256, *file in rows}

    def live_documents(self) -> set[int]:
        """Ids of all live documents."""
        with self._database.reading() as db:
            return {row[0] for row in db.execute("SELECT id FROM documents WHERE live = 1")}

    def live_chunks(self) -> list[int]:
        """Ids of all chunks of live documents."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT chunks.id FROM documents JOIN chunks ON document_id = documents.id WHERE live = 1"
            )
            return [row[0] for row in rows]

    def still_live(self, found: list[tuple[int, float]], token: str) -> list[tuple[int, float]]:
        """What a derived structure found, less what is not live in the state this thread sees.

        Args:
            found: (chunk id, score) pairs.
            token: of the state the structure shows; when it is the same, nothing needs looking up.
        """
        if self.state()[1] == token:
            return found
        live = self._live_among(id_ for id_, _ in found)
        return [pair for pair in found if pair[0] in live]

    def _live_among(self, chunk_ids: Iterable[int]) -> set[int]:
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id "
                "WHERE live = 1 AND chunks.id IN (SELECT value FROM json_each(?))",
                (_json(chunk_ids),),
            )
            return {row[0] for row in rows}

    def chunks_of(self, document_ids: Iterable[int]) -> NDArray[np.int64]:
        """Ids of the chunks of these documents."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT id FROM chunks WHERE document_id IN (SELECT value FROM json_each(?))",
                (_json(document_ids),),
            )
            return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """Live chunks in the order of ids; ids that are no longer live are left out."""
        with self._database.reading() as db:
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

    def vectors(self, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of chunks, live or not, by chunk id; unknown ids are left out."""
        found: dict[int, NDArray[np.float32]] = {}
        with self._database.reading() as db:
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
        with self._database.reading() as db:
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
        with self._database.writing() as db:
            dropped: list[bytes] = []
            for document, file, chunks in documents:
                earlier = db.execute(
                    "SELECT id FROM documents WHERE live = 0 AND path = ?", (document.path,)
                ).fetchall()
                dropped += _delete(db, [row[0] for row in earlier])
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
            _forget(db, dropped)

    def unstage(self, document_ids: Sequence[int]) -> None:
        """Drop staged documents that are no longer wanted."""
        with self._database.writing() as db:
            _forget(db, _delete(db, document_ids))

    def pending(self) -> list[int]:
        """One staged chunk id for each embedding that is still to be made."""
        with self._database.reading() as db:
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
        with self._database.reading() as db:
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
        with self._database.writing() as db:
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

    def publish(self, removed: Sequence[int], values: Mapping[str, str]) -> None:
        """The one moment at which a sync takes effect: staged documents become live, removed ones go.

        Args:
            removed: ids of live documents that were deleted or have a staged replacement.
            values: manifest values to write in the same transaction.
        """
        with self._database.writing() as db:
            dropped = _delete(db, removed)
            db.execute("UPDATE documents SET live = 1 WHERE live = 0")
            _forget(db, dropped)
            generation = db.execute("SELECT value FROM manifest WHERE key = 'generation'").fetchone()[0]
            _set_manifest(
                db, {**values, "generation": str(int(generation) + 1), "token": secrets.token_hex(8)}
            )

    def note_files(self, files: Iterable[tuple[int, FileState]]) -> None:
        """Remember how unchanged files look now, so that the next sync need not read them."""
        with self._database.writing() as db:
            db.executemany(
                "UPDATE documents SET size = ?, mtime_ns = ?, ctime_ns = ?, read_ns = ? WHERE id = ?",
                [(file.size, file.mtime_ns, file.ctime_ns, file.read_ns, id_) for id_, file in files],
            )


def _delete(db: sqlite3.Connection, document_ids: Sequence[int]) -> list[bytes]:
    """Delete documents with their texts and chunks; returns the keys of embeddings that may be needed no more."""
    ids = _json(document_ids)
    within = "IN (SELECT value FROM json_each(?))"
    keys = db.execute(f"SELECT DISTINCT key FROM chunks WHERE document_id {within}", (ids,)).fetchall()
    db.execute(f"DELETE FROM documents WHERE id {within}", (ids,))
    return [row[0] for row in keys]


def _forget(db: sqlite3.Connection, keys: Iterable[bytes]) -> None:
    """Delete embeddings that no chunk uses any more."""
    db.executemany(
        "DELETE FROM embeddings WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.key = ?1)",
        [(key,) for key in keys],
    )


def _set_manifest(db: sqlite3.Connection, values: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO manifest VALUES (?, ?)", list(values.items()))


def _json(ids: Iterable[int]) -> str:
    return json.dumps([int(id_) for id_ in ids])  # ids may be NumPy's


def _blob(sentences: Sequence[Sentence]) -> bytes:
    pairs = [(sentence.start, sentence.end) for sentence in sentences]
    return np.array(pairs, dtype="<i4").tobytes()


def _sentences(blob: bytes) -> tuple[Sentence, ...]:
    values = np.frombuffer(blob, dtype="<i4").tolist()
    return tuple(Sentence(start, end) for start, end in zip(values[::2], values[1::2], strict=True))


def _rows(blob: bytes, dtype: np.dtype[np.float16], rows: int) -> NDArray[np.float16]:
    return np.frombuffer(blob, dtype=dtype).reshape(rows, -1) if rows else np.empty((0, 0), dtype=dtype)
