"""Which names an uploaded file may have: plain paths inside the folder, the same on every system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from rag.documents.read import SUFFIXES
from rag.errors import InputError

LONGEST_PART = 200  # bytes; file systems take 255, and a copy's name may grow
LONGEST_PATH = 1_000  # bytes
DEEPEST = 20

_DRIVE = re.compile(r"[A-Za-z]:")
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # Windows takes none of them, and a folder may move there
# Names that are devices on Windows, with any ending and in any case; it reads ¹²³ as digits too.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_JOINERS = "\u200c\u200d"  # Persian and the Indic scripts are misspelt without them
_ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".jar"}
# What systems put into folders and archives by themselves; nobody asked for it, so nobody is told.
_LITTER = {".ds_store", "thumbs.db", "desktop.ini"}


def checked_name(name: str) -> str:
    """The relative path, with forward slashes and in Unicode's composed form, under which a file may be stored.

    Raises:
        InputError: with what is wrong and the next step; the name itself is not repeated.
    """
    _check_characters(name)
    if name.startswith(("/", "~")) or _DRIVE.match(name):
        raise InputError("an absolute path; next step: name the file relative to the folder of articles")
    if "\\" in name:
        raise InputError("a backslash in the name; next step: separate folders with / and use no backslash")
    name = unicodedata.normalize("NFC", name)
    if len(name.encode()) > LONGEST_PATH:
        raise InputError(f"the name is longer than {LONGEST_PATH} bytes; next step: shorten it")
    parts = name.split("/")
    if len(parts) > DEEPEST:
        raise InputError(f"more than {DEEPEST} folders deep; next step: put it less deep")
    for part in parts:
        _check_part(part)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _ARCHIVES:
        raise InputError("an archive inside an archive; next step: unpack it and add the files in it")
    if suffix not in SUFFIXES:
        kinds = ", ".join(sorted(SUFFIXES))
        raise InputError(f"not a kind of file that is read here; next step: save it as one of {kinds}")
    return name


def _check_characters(name: str) -> None:
    if not name:
        raise InputError("the name is empty; next step: give the file a name")
    for character in name:
        category = unicodedata.category(character)
        if category == "Cs":
            raise InputError("the name is not valid UTF-8; next step: rename it")
        if category in ("Cc", "Cf", "Zl", "Zp") and character not in _JOINERS:
            raise InputError(
                f"an invisible character (U+{ord(character):04X}) in the name; next step: rename it"
            )


def _check_part(part: str) -> None:
    if part in ("", ".", ".."):
        what = "an empty folder name" if not part else f"{part!r} as a folder"
        raise InputError(f"{what} in the path; next step: name the file relative to the folder of articles")
    if part.startswith("."):
        raise InputError("a hidden file or folder, which is never read; next step: rename it without the dot")
    if part != part.strip() or part.endswith("."):
        raise InputError("a name that starts or ends with a space, or ends with a dot; next step: rename it")
    if found := _FORBIDDEN.search(part):
        raise InputError(f"the character {found.group()} in the name; next step: rename it without")
    if _DEVICE.fullmatch(part):
        raise InputError("a name that is reserved for a device on Windows; next step: rename it")
    if len(part.encode()) > LONGEST_PART:
        raise InputError(f"a name of more than {LONGEST_PART} bytes; next step: shorten it")


def is_litter(name: str) -> bool:
    """Whether a file was left in an archive by a system rather than put there by a person."""
    parts = name.replace("\\", "/").lower().split("/")
    return "__macosx" in parts[:-1] or parts[-1] in _LITTER


def shown(name: str) -> str:
    """A name fit to be shown: nothing invisible, no half characters, not endless."""
    plain = "".join(
        character if character.isprintable() and unicodedata.category(character) != "Cf" else "\ufffd"
        for character in name[:300]
    )
    return plain if len(name) <= 300 else plain + "…"
