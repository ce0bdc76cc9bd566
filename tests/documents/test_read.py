"""Reading files: exact text, one clear error per unusable file, the folder walked safely."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from rag.documents.read import list_files, normalise, read_document
from rag.errors import InputError


def write(folder: Path, name: str, data: bytes | str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def read(folder: Path, data: bytes | str, name: str = "a.txt") -> str:
    return read_document(write(folder, name, data), folder).text


def test_plain_utf8_is_kept_character_for_character(tmp_path: Path) -> None:
    content = "\n  Nissan — “Japan’s” maker \t \n\n\n  1. One.\n  2. Two.  \n\n"
    document = read_document(write(tmp_path, "news/a.txt", content), tmp_path)
    assert document.text == content
    assert document.path == "news/a.txt"
    assert document.sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert document.body_start == 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"\xef\xbb\xbfAn article.", "An article.", id="utf8-mark"),
        pytest.param("Är det så?".encode("utf-16"), "Är det så?", id="utf16-little-endian"),
        pytest.param(b"\xfe\xff" + "Är det så?".encode("utf-16-be"), "Är det så?", id="utf16-big-endian"),
        pytest.param("Är det så?".encode("utf-32"), "Är det så?", id="utf32"),
        pytest.param(b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n", id="line-ends"),
        pytest.param("3\u00a0pct\u202fup\u3000now".encode(), "3 pct up now", id="odd-spaces-one-for-one"),
        pytest.param("auto\u00admobile\u200b mak\u2060er".encode(), "automobile maker", id="invisible"),
        pytest.param("می‌خواهم 👨‍👩‍👧".encode(), "می‌خواهم 👨‍👩‍👧", id="joiners-that-spell-are-kept"),
    ],
)
def test_decoding(tmp_path: Path, data: bytes, expected: str) -> None:
    assert read(tmp_path, data) == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", ["it is empty", "next step"], id="no-bytes"),
        pytest.param(b" \n\t\r\n\xc2\xa0 ", ["it is empty", "next step"], id="only-white-space"),
        pytest.param(b"\xef\xbb\xbf", ["it is empty"], id="only-a-mark"),
        pytest.param(b"---\ntitle: A\n---\n\n", ["no text after its front matter"], id="only-front-matter"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["NUL byte at offset 8", "UTF-8"], id="png"),
        pytest.param(b"\x01\x02\x03\x04 text \x05\x06" * 9, ["control characters", "UTF-8"], id="controls"),
        pytest.param(
            b"Line one\nle caf\xe9 noir", ["0xe9 at offset 15", "line 2", "save it as UTF-8"], id="latin-1"
        ),
        pytest.param(b"\xff\xfeA", ["not UTF-16", "offset 2", "save it as UTF-8"], id="half-a-utf16-unit"),
    ],
)
def test_unusable_file_is_named_with_cause_and_next_step(
    tmp_path: Path, data: bytes, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data, "deep/file.txt")
    message = str(caught.value)
    assert message.startswith("deep/file.txt: ")
    for word in words:
        assert word in message


def test_missing_file_and_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^gone\.txt: cannot be read: No such file"):
        read_document(tmp_path / "gone.txt", tmp_path)
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(InputError, match=r"^folder\.txt: cannot be read: Is a directory"):
        read_document(tmp_path / "folder.txt", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_and_folder(tmp_path: Path) -> None:
    file = write(tmp_path, "closed.txt", "text")
    file.chmod(0)
    with pytest.raises(InputError, match=r"closed\.txt: cannot be read: Permission denied"):
        read_document(file, tmp_path)
    inner = write(tmp_path, "locked/inner.txt", "text").parent
    inner.chmod(0)
    try:
        assert inner in list_files(tmp_path)  # reported when read, rather than its articles silently gone
    finally:
        inner.chmod(0o700)


def test_front_matter_fills_the_document(tmp_path: Path) -> None:
    text = (
        '---\ntitle: "Honda: in talks"\ndate: 12 August 2024\nauthor: Jane Doe\noutlet: The Daily\nurl: '
        "https://example.com/a\n---\n# Another\n\nBody.\n"
    )
    document = read_document(write(tmp_path, "a.md", text), tmp_path)
    assert (document.title, document.published) == ("Honda: in talks", "2024-08-12")
    assert (document.author, document.source) == ("Jane Doe", "The Daily")
    assert document.url == "https://example.com/a"
    assert document.text == text
    assert document.text[document.body_start :] == "# Another\n\nBody.\n"


def test_list_files_is_sorted_and_skips_what_is_hidden_or_of_another_kind(tmp_path: Path) -> None:
    for name in ("b/z.txt", "b/a.MD", "a.txt", "c.pdf", ".hidden.txt", ".git/x.txt", "d/.e/f.txt", "B.txt"):
        write(tmp_path, name, "text")
    os.mkfifo(tmp_path / "pipe.txt")
    found = [file.relative_to(tmp_path).as_posix() for file in list_files(tmp_path)]
    assert found == ["B.txt", "a.txt", "b/a.MD", "b/z.txt"]


def test_links_end_and_are_neither_read_twice_nor_followed_out(tmp_path: Path) -> None:
    folder, outside = tmp_path / "articles", tmp_path / "outside"
    write(folder, "a/one.txt", "text")
    write(outside, "two.txt", "text")
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "again").symlink_to(folder / "a")
    (folder / "linked").symlink_to(outside)
    (outside / "back").symlink_to(outside)
    (folder / "parent").symlink_to(tmp_path)
    (folder / "broken.txt").symlink_to("nowhere.txt")
    (folder / "inside.txt").symlink_to("a/one.txt")
    (folder / "out.txt").symlink_to(outside / "two.txt")
    (folder / "out-and-gone.txt").symlink_to(outside / "nowhere.txt")
    found = [file.relative_to(folder).as_posix() for file in list_files(folder)]
    leading_out = ["linked", "out-and-gone.txt", "out.txt", "parent"]
    assert found == sorted(["a/one.txt", "broken.txt", "inside.txt", *leading_out])
    with pytest.raises(InputError, match=r"broken\.txt: cannot be read"):
        read_document(folder / "broken.txt", folder)
    assert read_document(folder / "inside.txt", folder).text == "text"
    for name in (*leading_out, "linked/two.txt"):  # what is there and what is not is told alike
        with pytest.raises(
            InputError, match=rf"^{name}: a link that leads out of the folder; next step: put what it leads"
        ):
            read_document(folder / name, folder)
    itself = tmp_path / "link-to-the-folder"
    itself.symlink_to(folder)
    assert read_document(itself / "a" / "one.txt", itself).text == "text"


def test_links_to_themselves_and_to_devices_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, "one.txt", "text")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "round.txt").symlink_to("round.txt")
    (tmp_path / "endless.txt").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "piped.txt").symlink_to("pipe")
    assert [file.name for file in list_files(tmp_path)] == ["one.txt", "round.txt"]
    with pytest.raises(InputError, match=r"round\.txt: cannot be read: Too many levels"):
        read_document(tmp_path / "round.txt", tmp_path)


def test_list_files_of_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        list_files(tmp_path / "gone")
    with pytest.raises(InputError, match="is a file"):
        list_files(write(tmp_path, "a.txt", "text"))


def test_fifty_megabytes_in_one_line_are_read_in_linear_time(tmp_path: Path) -> None:
    line = "Nissan\u00a0and Honda " * 3_000_000
    file = write(tmp_path, "long.txt", line)
    started = time.perf_counter()
    document = read_document(file, tmp_path)
    assert len(document.text) == len(line)
    assert document.title.startswith("Nissan and Honda")
    assert len(document.title) < 200
    assert time.perf_counter() - started < 20  # about 1.5 s alone on one core


def test_normalise_changes_no_length_but_for_line_ends_and_invisible_characters() -> None:
    text = "a\u2009b\u2028c\td\u00a0e"
    assert normalise(text) == "a b\nc\td e"
