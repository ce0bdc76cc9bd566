"""The stamp of a derived structure: which state of the catalog it shows, and how its files looked when written.

A stamp is written last, to a temporary name and then renamed over the old one, so that its existence means that what it
describes was written completely. It carries the catalog's random token and not only the generation number, because
after a power cut the catalog may fall back by a transaction and reach the same number again with other content.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileMark:
    """Size, time of change, and a checksum (None where rebuilding is cheaper than summing)."""

    size: int
    mtime_ns: int
    crc32: int | None


@dataclass(frozen=True, slots=True)
class Stamp:
    """The catalog's state a derived structure shows; files by their path relative to the stamp's folder."""

    token: str
    format: int
    files: dict[str, FileMark]


def _crc32(file: Path) -> int:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def write(
    stamp_file: Path, token: str, format_version: int, files: Iterable[Path], *, checksums: bool
) -> None:
    """Stamp files that have just been written."""
    marks: dict[str, list[int | None]] = {}
    for file in files:
        state = file.stat()
        name = file.relative_to(stamp_file.parent).as_posix()
        marks[name] = [state.st_size, state.st_mtime_ns, _crc32(file) if checksums else None]
    replace(stamp_file, json.dumps({"token": token, "format": format_version, "files": marks}).encode())


def replace(file: Path, content: bytes) -> None:
    """Write a small file so that at every instant either the old or the new content is there in full."""
    temporary = file.with_name(file.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(file)


def read(stamp_file: Path) -> Stamp | None:
    """The stamp, or None when it is missing or not a stamp."""
    try:
        values = json.loads(stamp_file.read_bytes())
        files = {str(name): FileMark(*mark) for name, mark in values["files"].items()}
        return Stamp(str(values["token"]), int(values["format"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def intact(stamp_file: Path, stamp: Stamp) -> bool:
    """Whether every stamped file is still as it was."""
    return all(_unchanged(stamp_file.parent / name, mark) for name, mark in stamp.files.items())


def outgrown(stamp_file: Path, stamp: Stamp, rewritten: str) -> bool:
    """Whether the files look as after a change that was cut off before its stamp.

    Files may have gone and come, and one may be rewritten; those that stayed are still as they were.

    Args:
        stamp_file: where the stamp lies.
        stamp: the last one.
        rewritten: name of the file that every change rewrites.
    """
    return all(
        name == rewritten
        or not (stamp_file.parent / name).exists()
        or _unchanged(stamp_file.parent / name, mark)
        for name, mark in stamp.files.items()
    )


def _unchanged(file: Path, mark: FileMark) -> bool:
    """A file of the same size with another time of change (the index was copied) is judged by its checksum, if any."""
    try:
        state = file.stat()
        if state.st_size != mark.size:
            return False
        return state.st_mtime_ns == mark.mtime_ns or (mark.crc32 is not None and _crc32(file) == mark.crc32)
    except OSError:
        return False
