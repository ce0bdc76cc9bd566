"""Read files into Documents: find them, decode them, normalise the text once, say clearly what cannot be used.

What is made here is what every offset and citation points into, so it is changed as little as possible: line
ends become ``\\n``, odd Unicode spaces become plain ones (one for one), invisible characters go. A UTF-8 file with
plain spaces and ``\\n`` is kept character for character.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from pathlib import Path

from rag.documents.metadata import find_dateline, parse_date, parse_front_matter
from rag.documents.title import find_title
from rag.errors import InputError
from rag.types import Document

SUFFIXES = {".txt", ".md"}

# Spaces that only differ in width: NBSP, ogham, en quad .. hair space, narrow NBSP, mathematical, ideographic.
_ODD_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# Zero-width space, word joiner, BOM, soft hyphen, direction marks. Not the zero-width (non-)joiners U+200C and U+200D:
# Persian, the Indic scripts and emoji are misspelt without them.
_INVISIBLE = "\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e"
_LINE_ENDS = "\r\u0085\u2028\u2029\u000b\u000c"

_ODD_SPACE_RE = re.compile(f"[{_ODD_SPACES}]")
_INVISIBLE_RE = re.compile(f"[{_INVISIBLE}]")
_LINE_END_RE = re.compile(f"\r\n|[{_LINE_ENDS}]")

# Longest first: the UTF-16 mark is the beginning of the UTF-32 one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\v\f\x1b")) + b"\x7f"
_SAMPLE_BYTES = 1 << 16
_MOST_CONTROL = 0.1  # of the sample; real text has none or next to none

_UNUSABLE_NEXT_STEP = "save it as UTF-8 text, or move it out of the folder"


def list_files(folder: Path) -> list[Path]:
    """List the files below a folder that can be read, sorted by path.

    Hidden files and folders are skipped. A link to a folder is not followed: what lies inside is found under its own
    name. Where it leads out of ``folder``, and where a sub-folder cannot be listed, it is returned itself, so that
    reading it reports that instead of its articles missing without a word.

    Raises:
        InputError: the folder does not exist, is not a folder, or cannot be listed.
    """
    if not folder.is_dir():
        cause = "is a file, not a folder" if folder.exists() else "does not exist"
        raise InputError(f"folder {str(folder)!r} {cause}; give the folder that holds the articles")
    found: list[Path] = []
    waiting = [folder]
    top = folder.resolve()
    while waiting:
        current = waiting.pop()
        try:
            entries = list(os.scandir(current))
        except OSError as error:
            if current == folder:
                raise InputError(
                    f"folder {str(folder)!r} cannot be listed: {error.strerror}; give yourself permission to read it"
                ) from error
            found.append(current)
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = current / entry.name
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link that leads to itself: reading it says so, the other files still go in
                is_folder, is_file = False, True
            if is_folder:
                if not entry.is_symlink():
                    waiting.append(path)
                elif not path.resolve().is_relative_to(top):
                    found.append(path)
            elif path.suffix.lower() in SUFFIXES and (is_file or _is_broken(entry, path)):
                found.append(path)  # never a pipe or a device, not by a link either: reading would not end
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def _is_broken(entry: os.DirEntry[str], path: Path) -> bool:
    """Whether a link leads nowhere; it is listed, so that reading it reports it."""
    return entry.is_symlink() and not path.exists()


def _decode(data: bytes, name: str) -> str:
    """Bytes to text: UTF-8, or UTF-16/32 where the file says so by its byte-order mark."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    sample = data[:_SAMPLE_BYTES]
    if encoding.startswith("utf-8"):
        if (offset := data.find(b"\0")) >= 0:
            raise InputError(
                f"{name}: not text: there is a NUL byte at offset {offset} (a binary file, or unmarked UTF-16); "
                f"next step: {_UNUSABLE_NEXT_STEP}"
            )
        controls = len(sample) - len(sample.translate(None, _CONTROL))
        if controls > _MOST_CONTROL * len(sample):
            raise InputError(
                f"{name}: not text: {controls} of its first {len(sample)} bytes are control characters; "
                f"next step: {_UNUSABLE_NEXT_STEP}"
            )
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        offset = error.start
        line = data.count(b"\n", 0, offset) + 1
        label = {"utf-8-sig": "UTF-8"}.get(encoding, encoding.upper())
        raise InputError(
            f"{name}: not {label}: byte 0x{data[offset]:02x} at offset {offset} (line {line}) cannot be decoded; "
            "next step: save it as UTF-8"
        ) from error


def normalise(text: str) -> str:
    """Line ends to ``\\n``, odd spaces to plain ones (one for one), invisible characters dropped; nothing else."""
    if text.isascii() and "\r" not in text and "\v" not in text and "\f" not in text:
        return text
    text = _LINE_END_RE.sub("\n", text)
    text = _ODD_SPACE_RE.sub(" ", text)
    return _INVISIBLE_RE.sub("", text)


def refuse_outside(file: Path, root: Path) -> None:
    """Raise an InputError where a link, the file's own or a folder's on the way, leads out of ``root``.

    Whoever can put a link into the folder, by an archive or a synchronised drive, could else have any file of this
    machine read and quoted.
    """
    # not Path.resolve, which raises where links go round in a circle: reading tells that
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root)):
        raise InputError(
            f"{file.relative_to(root).as_posix()}: a link that leads out of the folder; next step: put what it leads "
            "to in its place, or sync the folder in which that lies into an index of its own"
        )


def read_document(file: Path, root: Path) -> Document:
    """Read one file.

    Args:
        file: an entry of ``list_files(root)``.
        root: the folder that is synced; ``Document.path`` is relative to it.

    Raises:
        InputError: the file cannot be opened, lies outside ``root`` behind a link, is not text, is not UTF-8, or holds
            no article text. The message names the file, the cause and the next step.
    """
    name = file.relative_to(root).as_posix()
    refuse_outside(file, root)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read: {error.strerror}; next step: check that it exists and that you may read it"
        ) from error
    text = normalise(_decode(data, name))
    fields, body_start = parse_front_matter(text)
    if not text[body_start:].strip():
        cause = "there is no text after its front matter" if fields else "it is empty"
        raise InputError(f"{name}: {cause}; next step: put the article in it, or move it out of the folder")
    published = parse_date(fields["published"]) if "published" in fields else find_dateline(text, body_start)
    return Document(
        path=name,
        title=fields.get("title") or find_title(text, body_start, file.stem),
        text=text,
        sha256=hashlib.sha256(data).hexdigest(),
        body_start=body_start,
        published=published,
        author=fields.get("author"),
        source=fields.get("source"),
        url=fields.get("url"),
    )
