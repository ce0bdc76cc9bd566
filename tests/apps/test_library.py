from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from apps.archives import GOOD, packed
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from index.word_encoder import WordEncoder, texts_of

from rag.apps.library import FileResult, Library, Limits, Upload
from rag.errors import IndexUnusableError, InputError
from rag.index.index import Index
from rag.index.lock import WriterLock
from rag.index.sync import SyncEvent
from rag.settings import Settings


def text(word: str, title: str = "Harbour", date: str = "", source: str = "") -> bytes:
    lines = [f"title: {title}", f"date: {date}" if date else "", f"source: {source}" if source else ""]
    head = "\n".join(line for line in lines if line)
    return f"---\n{head}\n---\nThe harbour has a sign that says {word}. It is old and green.\n".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "world" / "articles"
    folder.mkdir(parents=True)
    (folder / "one.txt").write_bytes(text("first", "Beta", "2024-03-01", "The Times"))
    (folder / "two.txt").write_bytes(text("second", "alpha", "2024-05-01", "Reuters"))
    (folder / "three.txt").write_bytes(text("third", "Gamma"))
    return folder


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> Iterator[Library]:
    settings = Settings(index=tmp_path / "index")
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as index:
        index.sync(folder)
        yield Library(index)


def outside(folder: Path) -> dict[str, bytes | None]:
    """Everything beside the folder of articles."""
    world = folder.parent
    return {
        str(path.relative_to(world)): path.read_bytes() if path.is_file() else None
        for path in sorted(world.rglob("*"))
        if not path.is_relative_to(folder)
    }


def assert_in_step(library: Library, folder: Path) -> None:
    documents = [library.index.document(info.path) for info in library.index.documents()]
    assert {document.path: document.text for document in documents} == texts_of(folder)
    assert library.index.status().chunks == len(
        library.index.dense(WordEncoder().encode_queries(["x"])[0], 1000)
    )
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


# -- listing -------------------------------------------------------------------------------------------------


def titles(library: Library, **wanted: object) -> list[str]:
    return [article.title for article in library.articles(**wanted)]  # type: ignore[arg-type]


def test_articles_are_listed_sorted_and_filtered(library: Library) -> None:
    assert titles(library) == ["alpha", "Beta", "Gamma"]
    assert titles(library, sort="date") == ["alpha", "Beta", "Gamma"]
    assert titles(library, sort="path") == ["Beta", "Gamma", "alpha"]
    assert titles(library, sort="cited", cited={"three.txt": 4, "one.txt": 1}) == ["Gamma", "Beta", "alpha"]
    assert titles(library, search="TIMES") == ["Beta"]
    assert titles(library, search="a two") == ["alpha"]
    assert titles(library, search="nowhere") == []
    assert titles(library, source="reuters") == ["alpha"]
    assert titles(library, after="2024-04-01") == ["alpha"]
    assert titles(library, before="2024-04-01") == ["Beta"]
    assert library.sources() == ["Reuters", "The Times"]
    first = library.articles(sort="path", cited={"one.txt": 7})[0]
    assert (first.path, first.published, first.source, first.cited) == (
        "one.txt",
        "2024-03-01",
        "The Times",
        7,
    )
    assert len(first.sha256) == 64
    assert first.characters > 50


def test_a_filter_that_is_no_date_is_an_error(library: Library) -> None:
    with pytest.raises(InputError, match="write it as YYYY-MM-DD"):
        library.articles(after="yesterday")


# -- adding --------------------------------------------------------------------------------------------------


def test_files_and_zips_go_in_with_a_result_each(library: Library, folder: Path) -> None:
    events: list[SyncEvent] = []
    results = library.add(
        [
            Upload("new.txt", text("fourth")),
            Upload(
                "some.zip", packed({"2024/five.md": text("fifth"), "one.txt": text("sixth"), "x.exe": b"MZ"})
            ),
            Upload("two.txt", (folder / "two.txt").read_bytes()),
            Upload("empty.txt", b""),
            Upload("binary.txt", b"\0\1\2"),
            Upload("../evil.txt", text("evil")),
        ],
        events.append,
    )
    assert [(one.path, one.outcome) for one in results] == [
        ("new.txt", "added"),
        ("2024/five.md", "added"),
        ("one.txt", "replaced"),
        ("x.exe", "refused"),
        ("two.txt", "unchanged"),
        ("empty.txt", "refused"),
        ("binary.txt", "refused"),
        ("../evil.txt", "refused"),
    ]
    assert all(("next step" in one.reason) == (one.outcome == "refused") for one in results)
    assert results[5].reason.startswith("it is empty")
    assert events[-1].stage == "writing"
    assert sorted(info.path for info in library.index.documents()) == [
        "2024/five.md",
        "new.txt",
        "one.txt",
        "three.txt",
        "two.txt",
    ]
    assert "sixth" in library.index.document("one.txt").text
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_put_and_replace(library: Library, folder: Path) -> None:
    assert library.put("a/b.txt", text("deep")) == FileResult("a/b.txt", "added")
    assert library.put("a/b.txt", text("deep")) == FileResult("a/b.txt", "unchanged")
    (folder / "a/b.txt").chmod(0o640)
    assert library.put("a/b.txt", text("deeper")) == FileResult("a/b.txt", "replaced")
    assert (folder / "a/b.txt").stat().st_mode & 0o777 == 0o640
    assert_in_step(library, folder)
    refused = library.put("a.zip", packed({"a.txt": GOOD}))
    assert refused.outcome == "refused"


def test_what_cannot_be_read_never_replaces_what_can(library: Library, folder: Path) -> None:
    before = (folder / "one.txt").read_bytes()
    assert library.put("one.txt", b"\xff\xfe\xfa").outcome == "refused"
    assert library.put("one.txt", b"---\ntitle: x\n---\n").outcome == "refused"
    assert (folder / "one.txt").read_bytes() == before
    assert_in_step(library, folder)


def test_an_empty_call_does_nothing(library: Library) -> None:
    before = library.index.status()
    assert library.add([]) == []
    assert library.index.status() == before


ESCAPES = [
    "../evil.txt",
    "../articles2/evil.txt",
    "a/../../evil.txt",
    "/tmp/evil.txt",
    "C:\\evil.txt",
    "..\\evil.txt",
    "out/evil.txt",
    "out/deep/evil.txt",
    "in/evil.txt",
    "link.txt",
    "broken.txt",
    "one.txt/evil.txt",
    "..",
    "",
    "CON.txt",
    "\ud800.txt",
]


@pytest.mark.parametrize("name", ESCAPES, ids=ascii)
def test_nothing_outside_the_folder_is_written_nor_through_a_link(
    library: Library, folder: Path, name: str
) -> None:
    elsewhere = folder.parent / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "secret.txt").write_text("secret")
    (folder / "real").mkdir()
    (folder / "out").symlink_to(elsewhere)
    (folder / "in").symlink_to(folder / "real")
    (folder / "link.txt").symlink_to(elsewhere / "secret.txt")
    (folder / "broken.txt").symlink_to(elsewhere / "none.txt")
    before = outside(folder)
    result = library.put(name, text("evil"))
    assert result.outcome == "refused"
    assert "next step" in result.reason
    zipped = library.add([Upload("a.zip", packed({name or " ": text("evil")}))]) if name.isprintable() else []
    assert all(one.outcome == "refused" for one in zipped)
    assert library.remove(name).outcome == "refused"
    assert outside(folder) == before
    assert list((folder / "real").iterdir()) == []
    assert (folder / "link.txt").is_symlink()


def test_a_document_behind_a_link_is_neither_read_nor_removed(library: Library, folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "far.txt").write_bytes(text("far"))
    (folder / "out").symlink_to(elsewhere)
    (folder / "link.txt").symlink_to(elsewhere / "far.txt")
    report = library.index.sync(folder)
    assert [failure.path for failure in report.failed] == ["link.txt", "out"]
    assert all("leads out of the folder; next step" in failure.error for failure in report.failed)
    for path in ("out/far.txt", "link.txt"):
        assert library.remove(path).outcome == "refused"
    assert not [one.path for one in library.articles() if one.path.startswith(("out", "link"))]
    assert (elsewhere / "far.txt").exists()


_names = st.one_of(
    st.text(max_size=12),
    st.lists(st.sampled_from(["..", ".", "a", "out", "b.txt", "", "one.txt", "~", "C:"]), max_size=5).map(
        "/".join
    ),
)


@hypothesis_settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(name=_names, suffix=st.sampled_from(["", ".txt", "/x.md"]))
def test_any_name_at_all(library: Library, folder: Path, name: str, suffix: str) -> None:
    if not (folder / "out").is_symlink():
        (folder.parent / "elsewhere").mkdir()
        (folder / "out").symlink_to(folder.parent / "elsewhere")
    before = outside(folder)
    result = library.put(name + suffix, text("any"))
    assert outside(folder) == before
    if result.outcome != "refused":
        assert (folder / result.path).read_bytes() == text("any")
        assert library.index.document(result.path)


def test_the_index_s_own_folder_is_no_place_for_articles(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_bytes(text("a"))
    settings = Settings(index=folder / "index")
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as index:
        index.sync(folder)
        assert "the index itself" in Library(index).put("index/lexical/a.txt", text("b")).reason
        assert not (folder / "index/lexical/a.txt").exists()


def test_names_that_are_one_file_elsewhere(library: Library, folder: Path) -> None:
    assert "use that spelling" in library.put("ONE.txt", text("x")).reason
    results = library.add(
        [Upload("z.zip", packed({"a/x.txt": text("x"), "A/y.txt": text("y"), "a/x.TXT": text("z")}))]
    )
    assert [one.outcome for one in results] == ["added", "refused", "refused"]
    twice = library.add([Upload("x.txt", text("x")), Upload("x.txt", text("y"))])
    assert [one.outcome for one in twice] == ["added", "refused"]
    (folder / "Cafe\u0301.txt").write_bytes(text("decomposed"))
    result = library.put("Caf\u00e9.txt", text("composed"))
    assert result == FileResult("Cafe\u0301.txt", "replaced")
    assert_in_step(library, folder)


def test_limits_hold_for_the_whole_call(library: Library) -> None:
    small = Library(library.index, Limits(files=2, file_bytes=1_000))
    results = small.add([Upload(f"{n}.txt", text(str(n))) for n in range(3)])
    assert [one.outcome for one in results] == ["added", "added", "refused"]
    assert small.put("big.txt", b"word " * 201).reason.startswith("larger than 1,000 bytes")
    slow = Library(library.index, Limits(seconds=0))
    assert "longer than 0 s" in slow.put("late.txt", text("late")).reason


# -- removing ------------------------------------------------------------------------------------------------


def test_remove(library: Library, folder: Path) -> None:
    assert library.remove("one.txt") == FileResult("one.txt", "removed")
    assert not (folder / "one.txt").exists()
    assert "no such article" in library.remove("one.txt").reason
    (folder / "two.txt").unlink()
    assert library.remove("two.txt") == FileResult("two.txt", "removed")
    assert_in_step(library, folder)
    assert "the last article" in library.remove("three.txt").reason
    assert_in_step(library, folder)


# -- failures ------------------------------------------------------------------------------------------------


def test_while_another_process_writes_nothing_happens(library: Library, folder: Path) -> None:
    other = WriterLock(library.index.path / "writer.lock")
    assert other.try_acquire()
    before = texts_of(folder)
    with pytest.raises(IndexUnusableError, match="being written"):
        library.put("new.txt", text("new"))
    with pytest.raises(IndexUnusableError, match="being written"):
        library.put("one.txt", text("changed"))
    with pytest.raises(IndexUnusableError, match="being written"):
        library.remove("one.txt")
    with pytest.raises(IndexUnusableError, match="being written"):
        library.add([Upload("deep/er/new.txt", text("new"))])
    assert texts_of(folder) == before
    assert not (folder / "deep").exists()
    other.release()
    assert library.put("new.txt", text("new")).outcome == "added"
    assert_in_step(library, folder)


def test_a_file_the_sync_cannot_take_is_taken_back(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a text has no sentence in it: reading is content, cutting it is not."""
    from rag.index import sync

    cut = sync.chunk_document
    monkeypatch.setattr(
        sync,
        "chunk_document",
        lambda document, *rest: [] if "nosentence" in document.text else cut(document, *rest),
    )
    results = library.add(
        [Upload("one.txt", text("nosentence")), Upload("n.txt", text("nosentence")), Upload("m.txt", GOOD)]
    )
    assert [one.outcome for one in results] == ["refused", "refused", "added"]
    assert "holds no text to index" in results[0].reason
    assert b"first" in (folder / "one.txt").read_bytes()
    assert_in_step(library, folder)


def test_a_full_disk_leaves_everything_as_it_was(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = texts_of(folder)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target == folder / "two.txt":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    results = library.add([Upload("two.txt", text("x")), Upload("four.txt", text("y"))])
    assert [one.outcome for one in results] == ["refused", "added"]
    assert "No space left" in results[0].reason
    assert texts_of(folder) == {**before, "four.txt": text("y").decode()}
    assert_in_step(library, folder)


def test_an_index_on_a_medium_that_cannot_be_written(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(self: WriterLock) -> None:
        raise OSError(30, "Read-only file system")

    before = texts_of(folder)
    monkeypatch.setattr(WriterLock, "acquire", read_only)
    with pytest.raises(IndexUnusableError, match="Read-only file system; next step"):
        library.put("new.txt", text("new"))
    assert texts_of(folder) == before


def test_a_folder_that_is_not_the_index_s_is_an_error(library: Library, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with pytest.raises(InputError, match="belongs to the folder"):
        Library(library.index, folder=other).put("a.txt", text("a"))
    assert list(other.iterdir()) == []


def test_an_index_without_a_folder(tmp_path: Path) -> None:
    settings = Settings(index=tmp_path / "index")
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as index:
        assert "rag sync FOLDER" in Library(index).put("a.txt", text("a")).reason
        assert Library(index).articles() == []
        library = Library(index, folder=tmp_path / "new" / "articles")
        assert library.add([Upload("a.txt", b"")])[0].outcome == "refused"
        assert library.put("a.txt", text("a")) == FileResult("a.txt", "added")
        assert Library(index).put("b.txt", text("b")) == FileResult("b.txt", "added")
        shutil.rmtree(tmp_path / "new")
        assert "is not there" in Library(index).put("c.txt", text("c")).reason
        assert "is not there" in Library(index).remove("a.txt").reason


def test_what_a_killed_upload_left_is_swept(library: Library, folder: Path) -> None:
    old, fresh = folder / ".upload-old", folder / ".upload-fresh"
    for left in (old, fresh):
        left.mkdir()
        (left / "1.txt").write_bytes(GOOD)
    os.utime(old, (0, 0))
    library.put("a.txt", text("a"))
    assert not old.exists()
    assert fresh.exists()


def test_many_threads_add_and_read_at_once(library: Library, folder: Path) -> None:
    problems: list[str] = []
    done = threading.Event()

    def write(number: int) -> None:
        mine = Library(library.index)
        for n in range(3):
            result = mine.put(f"{number}/{n}.txt", text(f"word{number}x{n}"))
            if result.outcome != "added":
                problems.append(result.reason)
        mine.remove(f"{number}/0.txt")

    def read() -> None:
        while not done.is_set():
            if len(library.articles()) < 3:
                problems.append("articles vanished")

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert problems == []
    assert len(library.articles()) == 3 + 4 * 2
    assert_in_step(library, folder)
