from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from apps.archives import GOOD, flagged, lying, overlapping, packed, special
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.apps.unpack import Budget, Limits, Staged, Upload, stage

MIB = 1 << 20


def staged(folder: Path, data: bytes, limits: Limits = Limits(), name: str = "a.zip") -> list[Staged]:  # noqa: B008
    return list(stage(Upload(name, data), folder, Budget(limits)))


def taken(found: list[Staged]) -> list[str]:
    return [one.path for one in found if one.file is not None]


def refused(found: list[Staged]) -> dict[str, str]:
    return {one.path: one.reason for one in found if one.file is None}


def test_a_zip_s_files_are_staged_under_names_of_our_own(tmp_path: Path) -> None:
    found = staged(tmp_path, packed({"a.txt": GOOD, "b/c.md": b"# C\n\nText.\n"}))
    assert taken(found) == ["a.txt", "b/c.md"]
    assert all(one.file is not None and one.file.parent == tmp_path for one in found)
    assert [one.file.read_bytes() for one in found if one.file] == [GOOD, b"# C\n\nText.\n"]


def test_a_zip_on_disk_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "some.zip").write_bytes(packed({"a.txt": GOOD}))
    (tmp_path / "in" / "file").write_bytes(GOOD)
    budget = Budget(Limits())
    assert taken(list(stage(Upload("some.ZIP", tmp_path / "in/some.zip"), tmp_path / "out", budget))) == [
        "a.txt"
    ]
    assert taken(list(stage(Upload("b.txt", tmp_path / "in/file"), tmp_path / "out", budget))) == ["b.txt"]
    gone = list(stage(Upload("c.txt", tmp_path / "in/none"), tmp_path / "out", budget))
    assert "add it again" in refused(gone)["c.txt"]


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("link.txt", stat.S_IFLNK | 0o777, "a link"),
        ("pipe.txt", stat.S_IFIFO | 0o644, "a device or pipe"),
        ("disk.txt", stat.S_IFBLK | 0o644, "a device or pipe"),
        ("door.txt", stat.S_IFSOCK | 0o644, "a device or pipe"),
        ("../evil.txt", stat.S_IFREG | 0o644, "'..' as a folder"),
        ("/etc/evil.txt", stat.S_IFREG | 0o644, "an absolute path"),
        ("C:/evil.txt", stat.S_IFREG | 0o644, "an absolute path"),
        ("..\\evil.txt", stat.S_IFREG | 0o644, "a backslash"),
        ("inner.zip", stat.S_IFREG | 0o644, "an archive inside an archive"),
        ("run.sh", stat.S_IFREG | 0o755, "not a kind of file"),
        ("good.txt\0.exe", stat.S_IFREG | 0o755, "an invisible character"),
    ],
    ids=ascii,
)
def test_what_is_no_article_is_refused_and_the_rest_goes_in(
    tmp_path: Path, name: str, mode: int, reason: str
) -> None:
    found = staged(tmp_path, special(name, mode))
    assert taken(found) == ["good.txt"]
    (said,) = refused(found).values()
    assert reason in said
    assert "next step" in said
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("bits", [0x1, 0x41, 0x2001], ids=["password", "strong", "masked"])
def test_encrypted(tmp_path: Path, bits: int) -> None:
    found = staged(tmp_path, flagged(packed({"a.txt": GOOD}), bits))
    assert "encrypted" in refused(found)["a.txt"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_rare_packings_are_not_opened(tmp_path: Path, method: int) -> None:
    """Their decoders give out without bound, or ask for as much memory as the file says."""
    found = staged(tmp_path, packed({"a.txt": b"0" * 10 * MIB, "b.txt": GOOD}, method))
    assert "packed in a way" in refused(found)["a.txt"]


def test_a_bomb_by_ratio(tmp_path: Path) -> None:
    found = staged(tmp_path, packed({"bomb.txt": b"0" * 10 * MIB, "good.txt": GOOD}))
    assert taken(found) == ["good.txt"]
    assert "200 times its packed size" in refused(found)["bomb.txt"]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == len(GOOD)


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    found = staged(tmp_path, lying(packed({"bomb.txt": b"0" * 30 * MIB}), 100))
    assert taken(found) == []
    assert list(tmp_path.iterdir()) == []
    found = staged(tmp_path, lying(packed({"small.txt": GOOD}), 4_000_000_000))
    assert "larger than 20 MB" in refused(found)["small.txt"]


def test_a_bomb_of_overlapping_members(tmp_path: Path) -> None:
    found = staged(tmp_path, overlapping(1_000, 1_000_000), Limits(ratio=1_000))
    assert taken(found) == ["a0.txt"]
    assert "shares its bytes" in found[1].reason
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 1_000_000


def test_many_members_of_a_fair_ratio_are_a_bomb_together(tmp_path: Path) -> None:
    """Whatever a member's header says of its packed size, the zip has only so many bytes."""
    data = packed({"a.txt": b"ab" * 40_000})
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 18), (b"PK\x01\x02", 20)):
        changed[changed.index(mark) + offset + 2] = 1  # 64 KiB more than is true
    found = staged(tmp_path, bytes(changed))
    assert taken(found) == []


def test_limits_of_size_number_and_time(tmp_path: Path) -> None:
    files = {f"{n}.txt": GOOD for n in range(5)}
    assert "5 files, and 4 more" in refused(staged(tmp_path, packed(files), Limits(files=4)))["a.zip"]
    assert "larger than 50 bytes" in refused(staged(tmp_path, packed(files), Limits(file_bytes=50)))["0.txt"]
    found = staged(
        tmp_path, packed(files, zipfile.ZIP_STORED), Limits(total_bytes=len(GOOD) * 3, ratio=1_000)
    )
    assert "the zip is larger" in refused(found)["a.zip"]
    found = staged(tmp_path, packed(dict.fromkeys(files, GOOD * 20)), Limits(total_bytes=len(GOOD) * 50))
    assert taken(found) == ["0.txt", "1.txt"]
    assert "at once; next step: add it by itself" in refused(found)["4.txt"]
    found = staged(tmp_path, packed(files), Limits(seconds=0.0))
    assert taken(found) == []
    assert "longer than 0 s" in refused(found)["3.txt"]


def test_the_limits_are_of_all_uploads_together(tmp_path: Path) -> None:
    budget = Budget(Limits(files=2))
    found = [one for n in range(3) for one in stage(Upload(f"{n}.txt", GOOD), tmp_path, budget)]
    assert taken(found) == ["0.txt", "1.txt"]
    assert "more than 2 files" in refused(found)["2.txt"]


def test_a_table_of_contents_without_end_is_not_read(tmp_path: Path) -> None:
    names = {f"{'a' * 180}{n}.txt": b"" for n in range(3_000)}
    found = staged(tmp_path, packed(names), Limits(files=200))
    assert "lists too many files" in refused(found)["a.zip"]


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + b"\0" * 17, b"PK\x05\x06" + b"\xff" * 18],
    ids=["empty", "two bytes", "text", "short end", "nonsense end"],
)
def test_what_is_no_zip(tmp_path: Path, data: bytes) -> None:
    (reason,) = refused(staged(tmp_path, data)).values()
    assert "next step" in reason


def test_an_empty_zip_and_one_of_folders_and_litter(tmp_path: Path) -> None:
    assert "holds no files" in refused(staged(tmp_path, packed({})))["a.zip"]
    found = staged(tmp_path, packed({"a/": b"", "__MACOSX/a/._b.txt": b"x", "a/.DS_Store": b"x"}))
    assert "holds no files" in refused(found)["a.zip"]


def test_names_in_utf8_that_do_not_say_so(tmp_path: Path) -> None:
    data = packed({"x\u00fc.txt": GOOD}).replace(b"x\xc3\xbc.txt", "\u00e9t.txt".encode())
    found = staged(tmp_path, flagged_off(data))
    assert taken(found) == ["ét.txt"]


def flagged_off(data: bytes) -> bytes:
    """The zip without its flag for UTF-8 names."""
    changed = bytearray(data)
    changed[changed.index(b"PK\x03\x04") + 7] &= ~0x08
    changed[changed.index(b"PK\x01\x02") + 9] &= ~0x08
    return bytes(changed)


def test_a_member_without_a_name_is_refused_and_the_rest_goes_in(tmp_path: Path) -> None:
    data = packed({"a.txt": GOOD, "\0.txt": GOOD})  # zipfile ends a name at its first zero byte
    found = staged(tmp_path, data)
    assert taken(found) == ["a.txt"]
    assert len(refused(found)) == 1


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_damaged_zips_never_raise_nor_write_elsewhere(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "staging"
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    whole = bytearray(packed({"a.txt": GOOD, "b/c.txt": GOOD * 3}))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    for one in staged(folder, bytes(whole[:cut])):
        assert (one.file is None) == bool(one.reason)
        assert one.file is None or one.file.parent == folder
    assert [file.name for file in tmp_path.iterdir()] == ["staging"]
