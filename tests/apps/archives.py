"""Zips as nobody should make them."""

from __future__ import annotations

import stat
import struct
import zipfile
from io import BytesIO


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An ordinary zip, whatever the names are."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(member(name, method), data)
    return out.getvalue()


def member(
    name: str, method: int = zipfile.ZIP_DEFLATED, mode: int = stat.S_IFREG | 0o644
) -> zipfile.ZipInfo:
    """An entry with exactly this name."""
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    info.compress_type = method
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def special(name: str, mode: int, data: bytes = b"/etc/passwd") -> bytes:
    """A zip with an article and one entry that is no plain file."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("good.txt", GOOD)
        archive.writestr(member(name, zipfile.ZIP_STORED, mode), data)
    return out.getvalue()


def flagged(data: bytes, bits: int) -> bytes:
    """The zip with flag bits set in every header: what encrypted members look like from outside."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(mark)
        while at >= 0:
            flags = struct.unpack_from("<H", changed, at + offset)[0]
            struct.pack_into("<H", changed, at + offset, flags | bits)
            at = changed.find(mark, at + 4)
    return bytes(changed)


def overlapping(copies: int, size: int) -> bytes:
    """A zip whose entries all share one packed member, so that little unpacks to much."""
    data = packed({"a0.txt": b"word " * (size // 5)})
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[directory:end]
    entries = b"".join(entry for _ in range(copies))
    tail = bytearray(data[end:])
    struct.pack_into("<HHL", tail, 8, copies, copies, len(entries))
    return data[:directory] + entries + bytes(tail)


def lying(data: bytes, size: int) -> bytes:
    """The zip with another unpacked size in its headers than is true."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", changed, changed.index(mark) + offset, size)
    return bytes(changed)


GOOD = b"Harbour opened\n\nThe harbour of the town was opened in 1901 by the mayor. It cost two million crowns.\n"
