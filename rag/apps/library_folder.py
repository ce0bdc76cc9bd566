"""A folder of articles as it is written: where a file may stand, and changes that are kept or undone as one.

A file is staged in a hidden folder beside the articles and moved to its name when it is whole; nothing is written
through a link, nor outside the folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import unicodedata
from pathlib import Path

from rag.apps.upload_names import shown
from rag.errors import InputError

_STAGING = ".upload-"  # hidden, so that a sync meanwhile does not see it
_STALE_SECONDS = 86_400  # embedding what was added may take hours


class Shelf:
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


class Changes:
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

    def __enter__(self) -> Changes:
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


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def told(error: OSError) -> str:
    """What the system said, with the next step."""
    return f"{error.strerror or error}; next step: check its permissions and the disk's free space"
