"""Uploads become staged files: single files and zips, read in pieces with limits on size, number, time and ratio.

What comes in is hostile until proven otherwise. Nothing a zip says about itself is believed: sizes are counted as
bytes come out, and only members that are plain files, stored or deflated, not encrypted, are opened at all.
"""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from rag.apps.upload_names import checked_name, is_litter, shown
from rag.errors import InputError

MIB = 1 << 20
_PIECE = 1 << 16
_RATIO_FROM = 1 << 16  # bytes; below, a ratio says nothing: a page of spaces packs well too
_HEADER = 30  # bytes of a member's own header, at least
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits: password, strong encryption, masked headers
_UTF8 = 0x800
# All that zipfile raises on bytes that are no sound zip; a seek to nowhere is an OSError.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,  # NotImplementedError among them
    ValueError,
)
_BROKEN = "the zip is damaged; next step: make it again and check that it opens"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may bring in.

    Attributes:
        file_bytes: of one file.
        total_bytes: of all files of a call, unpacked; also of one packed zip.
        files: how many in a call.
        seconds: how long unpacking and parsing may take; embedding comes after and is not counted.
        ratio: unpacked to packed bytes, of a member and of a whole zip; more is a bomb.
    """

    file_bytes: int = 20 * MIB
    total_bytes: int = 200 * MIB
    files: int = 2_000
    seconds: float = 60.0
    ratio: int = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, or a zip of files (by its name), as bytes or as where it lies."""

    name: str
    data: bytes | Path


@dataclass(frozen=True, slots=True)
class Staged:
    """One file of an upload: staged at ``file``, or refused with the reason."""

    path: str
    file: Path | None
    reason: str = ""


class Budget:
    """What is left of the limits, for all uploads of one call."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.files = limits.files
        self._bytes = limits.total_bytes
        self._deadline = time.monotonic() + limits.seconds

    def check_time(self) -> None:
        """Raise an InputError when the time is over."""
        if time.monotonic() > self._deadline:
            raise InputError(
                f"unpacking took longer than {self.limits.seconds:g} s; next step: add fewer files at a time"
            )

    def take_file(self) -> None:
        """Count one more file."""
        if self.files < 1:
            raise InputError(f"more than {self.limits.files:,} files at once; next step: add it by itself")
        self.files -= 1

    def take_bytes(self, count: int, so_far: int) -> None:
        """Count bytes that came out; ``so_far`` is what their file has with them."""
        if so_far > self.limits.file_bytes:
            raise InputError(
                f"larger than {_size(self.limits.file_bytes)}; next step: split it into smaller files"
            )
        if count > self._bytes:
            raise InputError(
                f"more than {_size(self.limits.total_bytes)} at once; next step: add it by itself"
            )
        self._bytes -= count
        self.check_time()


def stage(upload: Upload, folder: Path, budget: Budget) -> Iterator[Staged]:
    """Write what an upload holds into a staging folder, one numbered file each, whatever the names are.

    Yields:
        every file with the path it is meant for, or with the reason why it is refused.
    """
    if upload.name.lower().endswith(".zip"):
        try:
            yield from _stage_zip(upload, folder, budget)
        except InputError as error:
            yield Staged(shown(upload.name), None, str(error))
        return
    yield stage_file(upload, folder, budget)


def stage_file(upload: Upload, folder: Path, budget: Budget) -> Staged:
    """Stage an upload as one file, whatever its name ends with."""
    try:
        name = checked_name(upload.name)
        budget.take_file()
        with _opened(upload.data) as source:
            return Staged(name, _copied(source, folder, budget))
    except InputError as error:
        return Staged(shown(upload.name), None, str(error))


def _stage_zip(upload: Upload, folder: Path, budget: Budget) -> Iterator[Staged]:
    with _opened(upload.data) as source:
        packed = source.seek(0, io.SEEK_END)
        if packed > budget.limits.total_bytes:
            raise InputError(
                f"the zip is larger than {_size(budget.limits.total_bytes)}; next step: split it into smaller ones"
            )
        try:
            # its table of contents is read at once, so it is bounded before it is believed
            bounded = _Bounded(source, most=max(1 << 17, budget.limits.files * 1024))
            with zipfile.ZipFile(bounded) as archive:
                members = [
                    member
                    for member in archive.infolist()
                    if not _is_folder(member) and not _is_litter(member)
                ]
                if len(members) > budget.files:
                    raise InputError(
                        f"the zip holds {len(members):,} files, and {budget.files:,} more may be added at once; "
                        "next step: split it into smaller ones"
                    )
                if not members:
                    raise InputError("the zip holds no files; next step: put articles into it")
                whole = _Ratio(packed, budget.limits.ratio)
                shared = _overlapping(members)
                for number, member in enumerate(members):
                    if number in shared:
                        reason = "it shares its bytes with another member, as bombs do; next step: add the file itself"
                        yield Staged(shown(_name(member)), None, reason)
                    else:
                        yield _stage_member(archive, member, folder, budget, whole)
        except _DAMAGE as error:
            raise InputError(_BROKEN) from error


def _stage_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, budget: Budget, whole: _Ratio
) -> Staged:
    name = _name(member)
    try:
        path = checked_name(name)
        _check_member(member, budget.limits)
        budget.take_file()
        budget.check_time()
        ratios = (whole, _Ratio(member.compress_size, budget.limits.ratio))
        with archive.open(member) as source:
            return Staged(path, _copied(source, folder, budget, ratios))
    except InputError as error:
        return Staged(shown(name), None, str(error))
    except _DAMAGE:
        return Staged(
            shown(name),
            None,
            "it is damaged inside the zip; next step: make the zip again, or add the file itself",
        )


def _check_member(member: zipfile.ZipInfo, limits: Limits) -> None:
    """What can be refused before a byte of it is read."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise InputError("a link, not a file; next step: put the file itself into the zip")
    if kind not in (0, stat.S_IFREG):
        raise InputError("a device or pipe, not a file; next step: leave it out")
    if member.flag_bits & _ENCRYPTED:
        raise InputError("encrypted; next step: make the zip without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError("packed in a way that is not read here; next step: make an ordinary zip (deflate)")
    if member.file_size > limits.file_bytes:
        raise InputError(f"larger than {_size(limits.file_bytes)}; next step: split it into smaller files")


def _overlapping(members: list[zipfile.ZipInfo]) -> set[int]:
    """Which members begin before another one ends."""
    found: set[int] = set()
    end = 0
    for number in sorted(range(len(members)), key=lambda n: members[n].header_offset):
        member = members[number]
        if member.header_offset < end:
            found.add(number)
        end = max(end, member.header_offset + _HEADER + member.compress_size)
    return found


class _Ratio:
    """Counts what comes out of so many packed bytes."""

    def __init__(self, packed: int, most: int) -> None:
        self._packed = max(1, packed)
        self._most = most
        self._out = 0

    def take(self, count: int) -> None:
        self._out += count
        if self._out > max(_RATIO_FROM, self._packed * self._most):
            raise InputError(
                f"it unpacks to more than {self._most} times its packed size, as bombs do; "
                "next step: add the file itself, unpacked"
            )


def _copied(source: IO[bytes], folder: Path, budget: Budget, ratios: tuple[_Ratio, ...] = ()) -> Path:
    """Copy to the next numbered file, piece by piece; nothing is left of what is refused on the way."""
    target = (
        folder / f"{budget.limits.files - budget.files}.txt"
    )  # a number of its own: each file was counted
    written = 0
    try:
        with target.open("xb") as staged:
            while piece := source.read(_PIECE):
                written += len(piece)
                for ratio in ratios:
                    ratio.take(len(piece))
                budget.take_bytes(len(piece), written)
                staged.write(piece)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise InputError(
            f"it cannot be written: {error.strerror or error}; next step: free some space, then add it again"
        ) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def _opened(data: bytes | Path) -> BinaryIO:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    try:
        if not data.is_file():
            raise InputError("the uploaded file is gone; next step: add it again")
        return data.open("rb")
    except OSError as error:
        raise InputError(
            f"the uploaded file cannot be read: {error.strerror}; next step: add it again"
        ) from error


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name as written; some tools write UTF-8 without saying so."""
    name = member.orig_filename
    if not member.flag_bits & _UTF8:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass  # really the old code page
    return name


def _is_folder(member: zipfile.ZipInfo) -> bool:
    # not is_dir(), which fails on the empty name that a damaged table of contents can hold
    return member.filename.endswith("/")


def _is_litter(member: zipfile.ZipInfo) -> bool:
    return is_litter(_name(member))


def _size(count: int) -> str:
    return f"{count / MIB:g} MB" if count >= MIB else f"{count:,} bytes"


class _Bounded(io.BufferedIOBase):
    """A file of which no single read gives, or makes room for, more than so many bytes."""

    def __init__(self, inner: BinaryIO, most: int) -> None:
        super().__init__()
        self._inner = inner
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = self._most
        if size > self._most:
            raise InputError("the zip lists too many files; next step: split it into smaller ones")
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
