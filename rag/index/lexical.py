"""Lexical search: BM25 over titles and chunk texts in a Tantivy index, kept in step with the catalog.

The user's words are cut by the same analyser as the articles and looked up term by term, so there is no query syntax
that they could violate: quotes, colons and brackets are only separators.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.index import stamps
from rag.index.catalog import Catalog
from rag.index.lock import WriterLock
from rag.index.records import LexicalRow

if TYPE_CHECKING:
    import tantivy

FORMAT = 2  # raise it when the fields or the analyser change: older lexical indexes are then made anew
FOLDER = "lexical"
STAMP = "lexical.stamp"
_ANALYSER = "article"
_META = "meta.json"  # the file by which Tantivy commits
_MANAGED = ".managed.json"  # its list of files
_HEAP_BYTES = 64_000_000
_WRITER_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.02
_LONGEST_WORD = 60
# What Tantivy raises: ValueError for its own errors (a full disk and a damaged file among them), RuntimeError for a
# writer that one of these has ended, OSError for a few file operations.
_TANTIVY_ERRORS = (ValueError, RuntimeError, OSError)

_QUESTION_WORDS = (
    "a an and are as at be been but by did do does for from had has have how if in into is it its of on or s that the "
    "their then there these they this to was were what when where which who whom whose why will with"
)
STOPWORDS = frozenset(
    _QUESTION_WORDS.split()
)  # they stand in most questions and say nothing about the article


class Lexical:
    """The Tantivy index of one index folder, brought up to date with the catalog whenever it is asked.

    Args:
        folder: the index's folder.
        catalog: the truth.
        lock: taken for a moment, if it is free, to repair what is missing, stale or damaged.
    """

    def __init__(self, folder: Path, catalog: Catalog, lock: WriterLock) -> None:
        self._folder = folder / FOLDER
        self._stamp_file = folder / STAMP
        self._catalog = catalog
        self._lock = lock
        self._guard = threading.Lock()  # among readers; the writer's lock is what guards the folder
        self._analyser_: tantivy.TextAnalyzer | None = None
        self._schema_: tantivy.Schema | None = None
        # What searches use: a searcher never changes, unlike its index; before it, the catalog's token it shows.
        self._shown: tuple[str, tantivy.Searcher] | None = None
        self._waited_for: str | None = None

    # -- searching ---------------------------------------------------------------------------------------------------

    def search(
        self,
        searcher: tantivy.Searcher,
        text: str,
        k: int,
        allowed: Collection[int] | None,
        *,
        stopwords: Collection[str] = STOPWORDS,
    ) -> list[tuple[int, float]]:
        """The k best chunks by BM25.

        Args:
            searcher: of :meth:`current`.
            text: any text at all.
            k: how many at most.
            allowed: document ids to search in; None for all.
            stopwords: lower-case words to leave out, unless the text has no others.

        Returns:
            (chunk id, score) pairs, best first; only chunks that share a word with the text.
        """
        if k <= 0 or (allowed is not None and not allowed):
            return []
        import tantivy

        terms = self._terms(text, stopwords)
        if not terms or not searcher.num_docs:
            return []
        should = tantivy.Occur.Should
        query = tantivy.Query.boolean_query(
            [(should, tantivy.Query.term_query(self._schema(), "text", term, "freq")) for term in terms]
        )
        if allowed is not None:
            within = tantivy.Query.term_set_query(self._schema(), "document", sorted(allowed))
            must = tantivy.Occur.Must
            query = tantivy.Query.boolean_query(
                [(must, query), (must, tantivy.Query.const_score_query(within, 0.0))]
            )
        hits = searcher.search(query, limit=min(k, searcher.num_docs), count=False).hits
        ids = searcher.fast_field_values("chunk", [address for _, address in hits])
        found = [
            (int(id_), float(score)) for id_, (score, _) in zip(ids, hits, strict=True) if id_ is not None
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))  # equal scores in a fixed order

    def _terms(self, text: str, stopwords: Collection[str]) -> list[str]:
        """The distinct terms of a text in its order; a repeated word is not counted twice."""
        words = self._analyser().analyze(text.encode("utf-8", "replace").decode())  # lone surrogates go
        dull = set(self._analyser().analyze(" ".join(stopwords))) if stopwords else set()
        telling = [word for word in words if word not in dull]
        return list(dict.fromkeys(telling or words))

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def current(self) -> tuple[str, tantivy.Searcher]:
        """The searcher to use, after the token of the state it shows: the catalog's, unless a writer is at it.

        Needs no right to write: what cannot be saved is used from memory.

        Raises:
            IndexUnusableError: when the catalog cannot be read.
        """
        with self._catalog.latest():
            shown = self._shown
            if shown is not None and shown[0] == self._catalog.state()[1]:
                return shown
            with self._guard:
                return self._refreshed()

    def _refreshed(self) -> tuple[str, tantivy.Searcher]:
        deadline = time.monotonic() + _WRITER_WAIT_SECONDS
        while True:
            token = self._catalog.state()[1]
            up_to_date = self._shown is not None and self._shown[0] == token
            if up_to_date or self._open_stamped(token) or self._repair_if_free(token):
                break
            # Another process has published and is about to commit its words, or it is repairing. It is waited for
            # once; the next question does not wait for it again.
            if token == self._waited_for or time.monotonic() > deadline:
                self._waited_for = token
                if self._shown is None:
                    self._use(self._build_in_memory(), token)
                break
            time.sleep(_POLL_SECONDS)
        assert self._shown is not None
        return self._shown

    def _open_stamped(self, token: str) -> bool:
        """Use the folder if it is whole and shows the catalog's state."""
        stamp = stamps.read(self._stamp_file)
        if stamp is None or stamp.token != token or stamp.format != FORMAT:
            return False
        index = self._open() if stamps.intact(self._stamp_file, stamp) else None
        if index is None or not stamps.intact(self._stamp_file, stamp):  # a writer committed just now
            return False
        self._shown = token, index.searcher()
        return True

    def _open(self) -> tantivy.Index | None:
        """The folder's index, or None when it is not a usable one."""
        import tantivy

        try:
            index = tantivy.Index.open(str(self._folder))
            self._prepare(index)
            index.reload()
        except _TANTIVY_ERRORS:
            return None
        return index

    def _prepare(self, index: tantivy.Index) -> None:
        index.register_tokenizer(_ANALYSER, self._analyser())
        index.config_reader("manual")  # no thread that watches the folder: the catalog says when to look

    def _use(self, index: tantivy.Index, token: str) -> None:
        index.reload()
        self._shown = token, index.searcher()

    def _repair_if_free(self, token: str) -> bool:
        """Bring the folder in step if no one is writing; on a read-only or full medium, build in memory."""
        try:
            if not self._lock.try_acquire():
                return False
            try:
                if self._catalog.state()[1] != token:
                    return False
                self.repair()
            finally:
                self._lock.release()
        except OSError:
            self._use(self._build_in_memory(), token)
        return True

    def repair(self) -> None:
        """Bring the folder in step with the catalog; the caller holds the writer's lock.

        What differs is added and removed; a damaged folder is made anew.

        Raises:
            OSError: when it cannot be written.
        """
        token = self._catalog.state()[1]
        if self._open_stamped(token):
            return
        index = self._caught_up() or self._made_anew()
        self._stamp(token)
        self._use(index, token)

    def _caught_up(self) -> tantivy.Index | None:
        """The folder's index with what differs from the catalog added and removed, or None when it is damaged."""
        stamp = stamps.read(self._stamp_file)
        if stamp is None or stamp.format != FORMAT or not stamps.outgrown(self._stamp_file, stamp, _META):
            return None
        index = self._open()
        if index is None:
            return None
        try:
            self._clear_leftovers()
            held, live = _held_documents(index), self._catalog.live_documents()
            if held & live:
                with _tantivy_errors(self._folder):
                    self._write(index, held - live, self._catalog.lexical_rows(sorted(live - held)))
                return index
        except OSError:  # whatever it is, making it anew either mends it or says why not
            pass
        return None

    def _made_anew(self) -> tantivy.Index:
        """An index made in a folder beside, which then takes the old one's place: a full disk costs nothing."""
        import tantivy

        beside = self._folder.with_name(FOLDER + ".new")
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir()
        try:
            with _tantivy_errors(beside):
                index = tantivy.Index(self._schema(), path=str(beside))
                self._prepare(index)
                self._write(index, (), self._catalog.lexical_rows(sorted(self._catalog.live_documents())))
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        self._stamp_file.unlink(missing_ok=True)
        if self._folder.exists():
            shutil.rmtree(self._folder)
        beside.rename(self._folder)
        made = self._open()
        if made is None:
            raise OSError(f"{self._folder} cannot be opened after it was written")
        return made

    @contextmanager
    def change(self, removed: Iterable[int], added: Iterable[int]) -> Iterator[None]:
        """Index staged documents while the old ones are still searched, and switch over when the block is done.

        The block publishes the same change in the catalog. The slow part is before it, so that readers wait for
        little more than a commit. The caller holds the writer's lock and has called :meth:`repair`.

        Raises:
            OSError: when the folder cannot be written. If the block was done, the catalog has changed: the folder is
                then behind, and repaired when it is next asked.
        """
        index = self._open()
        if index is None:
            raise OSError(f"{self._folder} cannot be opened")
        self._clear_leftovers()
        with _tantivy_errors(self._folder):
            writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
            try:
                self._put(writer, removed, self._catalog.lexical_rows(added))
            except BaseException:
                writer.rollback()
                raise
        try:
            yield
        except BaseException:
            writer.rollback()
            raise
        with _tantivy_errors(self._folder):
            writer.commit()
            writer.wait_merging_threads()
            token = self._catalog.state()[1]
            self._stamp(token)
            self._use(index, token)

    def _write(self, index: tantivy.Index, removed: Iterable[int], rows: Iterable[LexicalRow]) -> None:
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        self._put(writer, removed, rows)
        writer.commit()
        writer.wait_merging_threads()  # so that the files a stamp describes are the files that stay

    def _put(self, writer: tantivy.IndexWriter, removed: Iterable[int], rows: Iterable[LexicalRow]) -> None:
        import tantivy

        gone = sorted(removed)
        if gone:  # by query: deleting by term compares numbers with their sign, and would find none here
            writer.delete_documents_by_query(tantivy.Query.term_set_query(self._schema(), "document", gone))
        for row in rows:
            document = tantivy.Document()
            document.add_text("text", _with_title(row))
            document.add_unsigned("chunk", row.chunk_id)
            document.add_unsigned("document", row.document_id)
            writer.add_document(document)

    def _stamp(self, token: str) -> None:
        committed = self._committed()
        files = [file for file in self._folder.iterdir() if file.name == _META or committed(file.name)]
        for name in (_META, _MANAGED):  # Tantivy makes them for their owner's eyes only
            (self._folder / name).chmod(self._catalog.file.stat().st_mode)
        stamps.write(self._stamp_file, token, FORMAT, sorted(files), checksums=True)

    def _clear_leftovers(self) -> None:
        """Remove files of a commit that was killed: Tantivy would give the next one the same names, and fail."""
        committed = self._committed()
        for file in self._folder.iterdir():
            if file.name != _META and not file.name.startswith(".") and not committed(file.name):
                file.unlink()

    def _committed(self) -> Callable[[str], bool]:
        """A test of whether a file belongs to the last commit: segments, and the deletions in force."""
        try:
            segments = json.loads((self._folder / _META).read_bytes())["segments"]
            names = {one["segment_id"].replace("-", ""): one.get("deletes") or {} for one in segments}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OSError(f"{self._folder / _META} is not what Tantivy writes: {error!r}") from error

        def test(name: str) -> bool:
            segment, _, kind = name.partition(".")
            if not kind.endswith("del"):
                return segment in names
            return segment in names and kind == f"{names[segment].get('opstamp')}.del"

        return test

    def _build_in_memory(self) -> tantivy.Index:
        import tantivy

        index = tantivy.Index(self._schema())
        self._prepare(index)
        self._write(index, (), self._catalog.lexical_rows(sorted(self._catalog.live_documents())))
        return index

    def _schema(self) -> tantivy.Schema:
        if self._schema_ is None:
            import tantivy

            builder = tantivy.SchemaBuilder()
            builder.add_text_field("text", tokenizer_name=_ANALYSER)
            builder.add_unsigned_field("chunk", fast=True, indexed=True)
            builder.add_unsigned_field("document", fast=True, indexed=True)
            self._schema_ = builder.build()
        return self._schema_

    def _analyser(self) -> tantivy.TextAnalyzer:
        """Words, lower case, accents folded, English stems: Tantivy's ``en_stem`` plus the accents."""
        if self._analyser_ is None:
            import tantivy

            self._analyser_ = (
                tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
                .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
                .filter(tantivy.Filter.lowercase())
                .filter(tantivy.Filter.ascii_fold())
                .filter(tantivy.Filter.stemmer("english"))
                .build()
            )
        return self._analyser_


def _with_title(row: LexicalRow) -> str:
    """A chunk's text with its article's title before it, said once.

    In one field the two share their word counts: on scifact (train) this ranked better than a field of its own for the
    title at any weight (hybrid nDCG@10 .746 to .740).
    """
    return row.text if row.text.lstrip("# ").startswith(row.title) else f"{row.title}\n{row.text}"


@contextmanager
def _tantivy_errors(folder: Path) -> Iterator[None]:
    """Tantivy reports a full disk as ValueError or RuntimeError; here it becomes the OSError it is."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise OSError(f"{folder} cannot be written: {error}") from error


def _held_documents(index: tantivy.Index) -> set[int]:
    """The ids of the documents that have chunks in the index."""
    import tantivy

    searcher = index.searcher()
    if not searcher.num_docs:
        return set()
    hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
    values = searcher.fast_field_values("document", [address for _, address in hits])
    return {int(value) for value in values if value is not None}
