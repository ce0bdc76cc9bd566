"""The articles behind an index, as a person keeps them: listed, added, replaced, removed.

The folder that was synced is the truth; this writes into it and syncs. Nothing outside it is ever written, whatever a
file or a zip is called, and every file lands whole or not at all: it is staged in a hidden folder beside the articles,
read once as a sync would read it, and only then moved to its name. What cannot be used is refused file by file, with
the reason and the next step; the others go in.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from rag.apps.library_folder import Changes, Shelf, told
from rag.apps.unpack import Budget, Limits, Staged, Upload, stage, stage_file
from rag.apps.upload_names import shown
from rag.documents.read import list_files, read_document
from rag.errors import IndexUnusableError, InputError
from rag.index.lock import WriterLock
from rag.retrieval.filters import allowed_documents
from rag.types import Filters

if TYPE_CHECKING:
    from rag.index.index import Index
    from rag.index.records import DocumentInfo
    from rag.index.sync import SyncEvent

__all__ = ["Article", "FileResult", "Library", "Limits", "Outcome", "Sort", "Upload"]

Outcome: TypeAlias = Literal["added", "replaced", "unchanged", "removed", "refused"]
Sort: TypeAlias = Literal["title", "date", "cited", "path"]
Progress: TypeAlias = "Callable[[SyncEvent], None]"

_LOCK = "uploads.lock"

_locks: dict[Path, threading.Lock] = {}  # one per index folder: several libraries may stand over one index
_locks_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file; for ``refused``, ``reason`` says what was wrong and the next step."""

    path: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """A document as a list shows it; ``cited`` is how often answers have cited it, as far as the caller knows."""

    path: str
    title: str
    source: str | None
    published: str | None
    characters: int
    sha256: str
    cited: int = 0


class Library:
    """The articles of one index. Safe to use from several threads: one writes at a time, readers go on meanwhile.

    Args:
        index: what is kept in step.
        limits: what one call may bring in.
        folder: where the articles lie; by default the folder that was synced. Needed before the first sync, and made
            with the first file.
        read_only: every change is refused.
    """

    def __init__(
        self,
        index: Index,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        folder: Path | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        self.index = index
        self.limits = limits
        self._given = folder
        self._read_only = read_only

    # -- reading -----------------------------------------------------------------------------------------------------

    def articles(
        self,
        search: str = "",
        source: str | None = None,
        after: str | None = None,
        before: str | None = None,
        sort: Sort = "title",
        cited: Mapping[str, int] | None = None,
    ) -> list[Article]:
        """The articles that match, in order.

        Args:
            search: words that must all occur in title, path or source, in any case.
            source: only this source (outlet), in any case.
            after: published on this ISO day or later; undated articles fail.
            before: published on this ISO day or earlier.
            sort: by title, by date (newest first, undated last), by how often cited (most first), or by path.
            cited: how often each path was cited.

        Raises:
            InputError: a date that is not one, or a span that ends before it starts.
        """
        filters = Filters(after=after, before=before, sources=(source,) if source else ())
        documents = self.index.documents()
        if filters:
            allowed = allowed_documents(filters, documents)
            documents = [document for document in documents if document.id in allowed]
        words = search.casefold().split()
        counts = cited or {}
        found = [
            _article(document, counts.get(document.path, 0))
            for document in documents
            if all(word in _searched(document) for word in words)
        ]
        found.sort(key=lambda article: (article.title.casefold(), article.path))
        if sort == "path":
            found.sort(key=lambda article: article.path)
        elif sort == "date":
            found.sort(key=lambda article: article.published or "", reverse=True)
        elif sort == "cited":
            found.sort(key=lambda article: article.cited, reverse=True)
        return found

    def sources(self) -> list[str]:
        """The sources (outlets) that articles name, sorted."""
        return sorted(
            {document.source for document in self.index.documents() if document.source}, key=str.casefold
        )

    # -- writing -----------------------------------------------------------------------------------------------------

    def add(self, uploads: Sequence[Upload], progress: Progress | None = None) -> list[FileResult]:
        """Put files, and the files of zips, into the folder and sync.

        Args:
            uploads: what was dropped; a name may hold folders (``2024/a.txt``), a zip's name is not part of a path.
            progress: told how far the sync is.

        Returns:
            one result a file, in order; files that systems leave in zips (``__MACOSX``) are passed over.

        Raises:
            IndexUnusableError: another process is writing, or the index cannot be written. The folder is as before.
            InputError: ``folder`` is not the one this index belongs to. Nothing of a file's own is an exception.
        """
        return self._take(uploads, progress, stage)

    def put(self, path: str, data: bytes) -> FileResult:
        """Store one article under a path and sync. Bad input is an outcome, ``refused``, and never an exception.

        Raises:
            IndexUnusableError: another process is writing, or the index cannot be written. The folder is as before.
        """
        return self._take([Upload(path, data)], None, lambda *args: iter([stage_file(*args)]))[0]

    def remove(self, path: str) -> FileResult:
        """Remove an article's file and sync. Only what the index holds can be removed.

        Raises:
            IndexUnusableError: another process is writing, or the index cannot be written. The file is still there.
        """
        with self._writing():
            try:
                root = self._root()
                target = self._removable(root, path)
            except InputError as error:
                return FileResult(shown(path), "refused", str(error))
            try:
                with Changes(root) as changes:
                    changes.remove(target)
                    self.index.sync(root)
                    changes.keep()
            except OSError as error:
                return FileResult(shown(path), "refused", f"it cannot be removed: {told(error)}")
            return FileResult(path, "removed")

    def _take(
        self,
        uploads: Sequence[Upload],
        progress: Progress | None,
        stager: Callable[[Upload, Path, Budget], Iterator[Staged]],
    ) -> list[FileResult]:
        if not uploads:
            return []
        with self._writing():
            try:
                root = self._root()
                changes = Changes(root)
            except InputError as error:
                return [FileResult(shown(upload.name), "refused", str(error)) for upload in uploads]
            except OSError as error:
                reason = f"the folder of articles cannot be written: {told(error)}"
                return [FileResult(shown(upload.name), "refused", reason) for upload in uploads]
            with changes:
                budget = Budget(self.limits)
                shelf = Shelf(root, self.index.path.absolute().resolve())
                results = [
                    self._place(staged, changes, shelf, budget)
                    for upload in uploads
                    for staged in stager(upload, changes.staging, budget)
                ]
                if any(result.outcome != "refused" for result in results):
                    report = self.index.sync(root, progress)
                    failed = {failure.path: failure.error for failure in report.failed}
                    results = [_settled(result, failed, root, changes) for result in results]
                changes.keep()
            return results

    def _place(self, staged: Staged, changes: Changes, shelf: Shelf, budget: Budget) -> FileResult:
        """Move a staged file to its name, if it can be read and its name is free or its own."""
        if staged.file is None:
            return FileResult(staged.path, "refused", staged.reason)
        try:
            budget.check_time()
            try:
                read_document(staged.file, changes.staging)
            except InputError as error:
                raise InputError(str(error).removeprefix(f"{staged.file.name}: ")) from error
            target = shelf.place_for(staged.path)
            path = target.relative_to(shelf.root).as_posix()  # as the folder spells it
            before = target.read_bytes() if target.exists() else None
            if before is not None and _digest(before) == _digest(staged.file.read_bytes()):
                return FileResult(path, "unchanged")
            changes.put(staged.file, target)
        except InputError as error:
            return FileResult(staged.path, "refused", str(error))
        except OSError as error:
            return FileResult(staged.path, "refused", f"it cannot be written: {told(error)}")
        return FileResult(path, "added" if before is None else "replaced")

    def _root(self) -> Path:
        """The folder of articles, resolved.

        Raises:
            InputError: there is none, and none was named that could be made; or nothing may be changed.
        """
        if self._read_only:
            raise InputError("articles cannot be changed here (serve_read_only)")
        recorded = self.index.status().folder
        folder = self._given or (Path(recorded) if recorded is not None else None)
        if folder is None:
            raise InputError(
                "the index belongs to no folder of articles yet; next step: rag sync FOLDER, with an article in it"
            )
        if self._given is not None:
            folder.mkdir(parents=True, exist_ok=True)
        elif not folder.is_dir():
            raise InputError(
                f"the folder of articles, {folder}, is not there; next step: bring it back, or sync another"
            )
        return folder.resolve()

    def _removable(self, root: Path, path: str) -> Path:
        if path not in {document.path for document in self.index.documents()}:
            raise InputError("there is no such article in the index; next step: look at the list of articles")
        target = root / path
        if not target.parent.resolve().is_relative_to(root):
            raise InputError("it lies behind a link, outside the folder; next step: remove it where it lies")
        if not any(file != target for file in list_files(root)):
            raise InputError(
                "it is the last article, and an index has at least one; next step: add another first"
            )
        return target

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time: in this process by waiting, across processes by refusing after a moment."""
        place = self.index.path.absolute().resolve()
        with _locks_guard:
            guard = _locks.setdefault(place, threading.Lock())
        with guard:
            lock = WriterLock(place / _LOCK)
            try:
                lock.acquire()
            except OSError as error:
                raise IndexUnusableError(
                    f"the index {self.index.path} cannot be written: {told(error)}"
                ) from error
            try:
                yield
            finally:
                lock.release()


def _settled(result: FileResult, failed: Mapping[str, str], root: Path, changes: Changes) -> FileResult:
    """The result after the sync, which may have found something wrong that reading did not."""
    if result.outcome == "refused" or result.path not in failed:
        return result
    if result.outcome != "unchanged":
        changes.undo(root / result.path)
    return FileResult(result.path, "refused", failed[result.path])


def _article(document: DocumentInfo, cited: int) -> Article:
    return Article(
        document.path,
        document.title,
        document.source,
        document.published,
        document.characters,
        document.sha256,
        cited,
    )


def _searched(document: DocumentInfo) -> str:
    return f"{document.title}\n{document.path}\n{document.source or ''}".casefold()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
