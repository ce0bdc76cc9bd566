"""The articles behind an index, as a person keeps them: listed, added, replaced, removed.

The folder that was synced is the truth; this writes into it and syncs. Nothing outside it is ever written, whatever a
file or a zip is called, and every file lands whole or not at all: it is staged in a hidden folder beside the articles,
read once as a sync would read it, and only then moved to its name. What cannot be used is refused file by file, with
the reason and the next step; the others go in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from rag.apps.unpack import Budget, Limits, Staged, Upload, stage, stage_file
from rag.apps.upload_names import shown
from rag.documents.read import list_files, read_document
from rag.errors import InputError
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

_STAGING = ".upload-"  # hidden, so that a sync meanwhile does not see it
_STALE_SECONDS = 3600
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
                with _Changes(root) as changes:
                    changes.remove(target)
                    self.index.sync(root)
                    changes.keep()
            except OSError as error:
                return FileResult(shown(path), "refused", f"it cannot be removed: {_told(error)}")
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
                changes = _Changes(root)
            except InputError as error:
                return [FileResult(shown(upload.name), "refused", str(error)) for upload in uploads]
            except OSError as error:
                reason = f"the folder of articles cannot be written: {_told(error)}"
                return [FileResult(shown(upload.name), "refused", reason) for upload in uploads]
            with changes:
                budget = Budget(self.limits)
                shelf = _Shelf(root, self.index.path.absolute().resolve())
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

    def _place(self, staged: Staged, changes: _Changes, shelf: _Shelf, budget: Budget) -> FileResult:
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
            return FileResult(staged.path, "refused", f"it cannot be written: {_told(error)}")
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
            lock.acquire()
            try:
                yield
            finally:
                lock.release()


class _Shelf:
    """Says where in the folder a checked name may be written."""

    def __init__(self, root: Path, index_folder: Path) -> None:
        self.root = root
        self._index_folder = index_folder
        self._listed: dict[Path, dict[str, set[str]]] = {}  # folder -> folded name -> names
        self._taken: set[Path] = set()

    def place_for(self, path: str) -> Path:
        """The file to write.

        Raises:
            InputError: another file of this upload, or one in the folder, is in the way.
        """
        current = self.root
        *folders, last = path.split("/")
        for part in folders:
            current = current / self._spelt(current, part)
            if current.is_symlink() or (current.exists() and not current.is_dir()):
                raise InputError(
                    f"{part} is a link or a file, not a folder; next step: choose another folder"
                )
        target = current / self._spelt(current, last)
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise InputError("a link or a folder has this name; next step: choose another name")
        if target.is_relative_to(self._index_folder):
            raise InputError("the index itself lies there; next step: choose another folder")
        if target in self._taken:
            raise InputError("another file of the same upload has this name; next step: rename one of them")
        self._taken.add(target)
        for place in (target, *target.parents):
            if place == self.root:
                break
            self._names(place.parent).setdefault(_folded(place.name), set()).add(place.name)
        return target

    def _spelt(self, folder: Path, name: str) -> str:
        """The name as the folder spells it, if it has it: accents may be written in two ways.

        Names that differ in capitals too are one file on some systems, and two on others: refused.
        """
        others = self._names(folder).get(_folded(name), set())
        if not others or name in others:
            return name
        for other in others:
            if unicodedata.normalize("NFC", other) == name:
                return other
        raise InputError(
            f"{shown(min(others))} is already there and is the same name on some systems; "
            "next step: use that spelling"
        )

    def _names(self, folder: Path) -> dict[str, set[str]]:
        if folder not in self._listed:
            listed: dict[str, set[str]] = {}
            if folder.is_dir():
                for entry in os.scandir(folder):
                    listed.setdefault(_folded(entry.name), set()).add(entry.name)
            self._listed[folder] = listed
        return self._listed[folder]


class _Changes:
    """What was done to the folder, undone again unless it is kept."""

    def __init__(self, root: Path) -> None:
        _sweep(root)
        self.staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=root))
        self._root = root
        self._saved: dict[
            Path, Path | None
        ] = {}  # file -> the copy of what it was; None when there was nothing
        self._made: list[Path] = []  # folders, outermost first
        self._kept = False

    def put(self, staged: Path, target: Path) -> None:
        """Give a staged file its name, replacing what has it; a reader sees the old or the new, never a part."""
        missing = [folder for folder in target.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)
        if not target.parent.resolve().is_relative_to(self._root):
            raise InputError("it would lie outside the folder; next step: choose another folder")
        self._save(target)
        if self._saved[target] is not None:
            shutil.copymode(target, staged)
        _flushed(staged)
        staged.replace(target)

    def remove(self, target: Path) -> None:
        """Remove a file."""
        self._save(target)
        target.unlink(missing_ok=True)

    def undo(self, target: Path) -> None:
        """Bring one file back to what it was."""
        saved = self._saved.pop(target, None)
        if saved is None:
            target.unlink(missing_ok=True)
        else:
            saved.replace(target)

    def keep(self) -> None:
        """Let what was done stand."""
        self._kept = True

    def _save(self, target: Path) -> None:
        copy = None
        if target.is_symlink() or target.exists():
            copy = self.staging / f"{len(self._saved)}.before"
            try:
                os.link(target, copy, follow_symlinks=False)
            except (OSError, NotImplementedError):  # a file system without hard links, or Windows
                shutil.copy2(target, copy, follow_symlinks=False)
        self._saved[target] = copy

    def __enter__(self) -> _Changes:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self._kept:
                for target in list(self._saved):
                    self.undo(target)
            for folder in reversed(self._made):
                if not any(folder.iterdir()):
                    folder.rmdir()
        finally:
            shutil.rmtree(self.staging, ignore_errors=True)


def _settled(result: FileResult, failed: Mapping[str, str], root: Path, changes: _Changes) -> FileResult:
    """The result after the sync, which may have found something wrong that reading did not."""
    if result.outcome == "refused" or result.path not in failed:
        return result
    if result.outcome != "unchanged":
        changes.undo(root / result.path)
    return FileResult(result.path, "refused", failed[result.path])


def _sweep(root: Path) -> None:
    """Remove what killed uploads left; a fresh one may be another index's."""
    for left in root.glob(f"{_STAGING}*"):
        try:
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        except FileNotFoundError:  # another one was quicker
            continue


def _flushed(file: Path) -> None:
    """See that the content is on the disk before the name is: a power cut must not leave an empty article."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


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


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _told(error: OSError) -> str:
    return f"{error.strerror or error}; next step: check the folder's permissions and its disk's free space"
