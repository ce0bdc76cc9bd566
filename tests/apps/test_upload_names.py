from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.apps.upload_names import checked_name, is_litter, shown
from rag.documents.read import list_files
from rag.errors import InputError

HOSTILE = [
    "",
    ".",
    "..",
    "/",
    "../evil.txt",
    "../../etc/passwd.txt",
    "a/../../evil.txt",
    "a/../evil.txt",
    "a/./evil.txt",
    "./evil.txt",
    "a//evil.txt",
    "a/evil.txt/",
    "/etc/evil.txt",
    "//server/share/evil.txt",
    "\\\\server\\share\\evil.txt",
    "..\\evil.txt",
    "a\\..\\..\\evil.txt",
    "C:\\evil.txt",
    "C:/evil.txt",
    "c:evil.txt",
    "file:///etc/evil.txt",
    "~/evil.txt",
    "~root/evil.txt",
    "evil.txt:stream.txt",
    "evil.txt::$DATA",
    "CON.txt",
    "con",
    "aux.md",
    "a/NUL.txt",
    "prn.tar.txt",
    "COM1.txt",
    "lpt9.txt",
    "com¹.txt",
    "CONIN$.txt",
    "a/con/b.txt",
    "con .txt",
    ".hidden.txt",
    ".git/config.txt",
    "a/.ssh/keys.txt",
    ".upload-x/evil.txt",
    "...txt",
    " evil.txt",
    "evil.txt ",
    "evil.txt.",
    "a /evil.txt",
    "a./evil.txt",
    "evil\0.txt",
    "evil.txt\0.exe",
    "evil\n.txt",
    "evil\r\n.txt",
    "evil\t.txt",
    "evil\x1b[2J.txt",
    "evil\x7f.txt",
    "evil\x85.txt",
    "evil\u2028.txt",
    "evil\u202etxt.md",
    "evil\u200b.txt",
    "evil\ufeff.txt",
    "evil\ud800.txt",
    "<script>.txt",
    "<img src=x onerror=alert(1)>.txt",
    'a"b.txt',
    "a|b.txt",
    "what?.txt",
    "all*.txt",
    "a" * 201 + ".txt",
    "a/" * 21 + "b.txt",
    "abcd/" * 300 + "b.txt",
    "é" * 101 + ".txt",
    "evil",
    "evil.exe",
    "evil.txt.exe",
    "evil.html",
    "evil.svg",
    "evil.py",
    "evil.sqlite",
    "catalog.sqlite",
    "txt",
    "a.txt/b",
    "inner.zip",
    "inner.tar.gz",
    "inner.ZIP",
    "inner.7z",
    "rag.toml",
    "a.txt\u0000",
]
FINE = [
    "a.txt",
    "a.MD",
    "2024/11/a b (1).txt",
    "Ärger über Öl.txt",
    "会社.md",
    "نامه‌ها.txt",
    "a..b.txt",
    "a.b.c.txt",
    "$100 & 5%.txt",
    "what's new, (really) #1!.md",
    "console.txt",
    "comet.txt",
    "com.txt",
    "-rf.txt",
    "a~1.txt",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_refused_with_a_next_step(name: str) -> None:
    with pytest.raises(InputError, match="; next step: "):
        checked_name(name)


@pytest.mark.parametrize("name", FINE)
def test_ordinary_names_are_taken_as_they_are(name: str) -> None:
    assert checked_name(name) == name


def test_accents_are_composed() -> None:
    assert checked_name("Cafe\u0301.txt") == "Café.txt"


_parts = st.one_of(
    st.sampled_from(["..", ".", "", "con", "C:", "a", "b.txt", "~", "\\"]), st.text(max_size=8)
)


@given(st.lists(_parts, min_size=1, max_size=6).map("/".join), st.sampled_from(["", ".txt", ".md", ".zip"]))
@example("\u2025/\uff0e\uff0e/a", ".txt")  # look like dots, and are none
def test_a_name_that_is_taken_stays_inside_and_is_found_again(stem: str, suffix: str) -> None:
    try:
        path = checked_name(stem + suffix)
    except InputError as error:
        assert "next step" in str(error)
        return
    assert PurePosixPath(path).as_posix() == path
    assert not PureWindowsPath(path).is_absolute()
    assert PureWindowsPath(path).drive == ""
    assert path.encode()
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        file = root / path
        assert file.resolve().is_relative_to(root)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
        assert list_files(root) == [file]


@given(st.text())
def test_what_is_shown_can_be_shown(name: str) -> None:
    assert all(character.isprintable() for character in shown(name))
    assert len(shown(name).encode()) >= min(len(name), 300)


def test_a_long_name_is_cut_to_be_shown() -> None:
    assert len(shown("a" * 10_000)) == 301


def test_litter() -> None:
    assert is_litter("__MACOSX/._a.txt")
    assert is_litter("a/.DS_Store")
    assert not is_litter("a/__MACOSX")
    assert not is_litter("a.txt")
