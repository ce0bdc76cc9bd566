"""What a sync does, does not do again, and says about what it cannot do."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from index.word_encoder import WordEncoder, article, faults, texts_of, write_articles

import rag.index.sync
from rag.errors import IndexUnusableError, InputError, ModelError
from rag.index.index import Index
from rag.index.sync import SyncEvent
from rag.models.encoder import Encoded, Passage
from rag.settings import Settings
from rag.types import SyncReport


def _counts(report: SyncReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.removed, report.unchanged


def _settle(folder: Path) -> None:
    """Make the files look old enough for their time of change to be trusted, as they are in real life."""
    long_ago = time.time_ns() - 10 * rag.index.sync.RACY_NS
    for file in folder.rglob("*.txt"):
        os.utime(file, ns=(long_ago, long_ago))


def test_a_second_sync_does_nothing(synced: Index, folder: Path, words: WordEncoder) -> None:
    encoded, before = words.passages, synced.status()
    report = synced.sync(folder)
    assert _counts(report) == (0, 0, 0, 6)
    assert (report.documents, report.chunks) == (before.documents, before.chunks)
    assert words.passages == encoded
    assert synced.generation == 1


def test_changed_new_and_removed_files_show(synced: Index, folder: Path) -> None:
    write_articles(folder, [1, 7], edition=2)
    (folder / "a3.txt").unlink()
    report = synced.sync(folder)
    assert _counts(report) == (1, 1, 1, 4)
    assert synced.generation == 2
    assert synced.lexical("marker3", 5) == []
    assert synced.lexical("edition0n1", 5) == []
    assert faults(synced, texts_of(folder)) == []
    with synced._catalog._database.reading() as db:  # nothing of what went is kept
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (6,)
        assert db.execute("SELECT count(*) FROM embeddings").fetchone() == (report.chunks,)


def test_other_chunks_keep_their_ids(synced: Index, folder: Path, words: WordEncoder) -> None:
    query = words.encode_queries(["harbour"])[0]

    def ids_of(path: str) -> set[int]:
        document = next(info.id for info in synced.documents() if info.path == path)
        return {id_ for id_, _ in synced.dense(query, 1000, {document})}

    untouched, old = ids_of("a2.txt"), ids_of("a1.txt")
    write_articles(folder, [1], edition=1)
    synced.sync(folder)
    assert ids_of("a2.txt") == untouched
    assert not ids_of("a1.txt") & old


def test_an_edit_embeds_only_the_passages_it_touches(synced: Index, folder: Path, words: WordEncoder) -> None:
    encoded = words.passages
    write_articles(folder, [1], edition=1)
    synced.sync(folder)
    chunks = [chunk for chunk in synced.chunks(range(1, 1000)) if chunk.path == "a1.txt"]
    assert 0 < words.passages - encoded < len(chunks)


def test_renamed_moved_and_copied_files_are_not_embedded_again(
    synced: Index, folder: Path, words: WordEncoder
) -> None:
    encoded = words.passages
    (folder / "a1.txt").rename(folder / "b1.txt")
    (folder / "2024").mkdir()
    (folder / "a2.txt").rename(folder / "2024" / "a2.txt")
    shutil.copy(folder / "a3.txt", folder / "c3.txt")
    assert _counts(synced.sync(folder)) == (3, 0, 2, 4)
    assert words.passages == encoded
    assert faults(synced, texts_of(folder)) == []


def test_equal_files_are_embedded_once(index: Index, folder: Path, words: WordEncoder) -> None:
    for number in range(4):
        shutil.copy(folder / "a0.txt", folder / f"copy{number}.txt")
    index.sync(folder)
    unique = {chunk.text for chunk in index.chunks(range(1, 1000))}
    assert words.passages == len(unique) < index.status().chunks


def test_a_title_from_the_file_name_is_embedded_anew_when_it_changes(
    index: Index, tmp_path: Path, words: WordEncoder
) -> None:
    folder = tmp_path / "untitled"
    folder.mkdir()
    sentence = "the quiet river runs below the town and nobody knows how deep it is because "
    (folder / "river-notes.txt").write_text(sentence * 6 + "it was never measured.\n")
    index.sync(folder)
    title, encoded = index.documents()[0].title, words.passages
    (folder / "river-notes.txt").rename(folder / "water-notes.txt")
    index.sync(folder)
    if index.documents()[0].title == title:
        assert words.passages == encoded
    else:
        assert words.passages > encoded
    query = words.encode_queries([index.documents()[0].title])[0]
    assert index.dense(query, 1)


def test_a_touched_file_is_not_a_changed_one(synced: Index, folder: Path) -> None:
    os.utime(folder / "a1.txt", ns=(1_000_000_000, 1_000_000_000))
    assert _counts(synced.sync(folder)) == (0, 0, 0, 6)
    assert synced.generation == 1


def test_settled_files_are_not_read_again(
    synced: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.index.sync, "RACY_NS", 0)
    synced.sync(folder)  # notes the files' present state
    read: list[Path] = []
    summed = rag.index.sync._sha256

    def watch(file: Path) -> str:
        read.append(file)
        return summed(file)

    monkeypatch.setattr(rag.index.sync, "_sha256", watch)
    assert _counts(synced.sync(folder)) == (0, 0, 0, 6)
    assert read == []
    (folder / "a1.txt").write_text(article(1, 1))
    assert _counts(synced.sync(folder)) == (0, 1, 0, 5)
    assert read == [folder / "a1.txt"]


def test_a_change_that_keeps_size_and_time_is_seen(synced: Index, folder: Path) -> None:
    _settle(folder)
    synced.sync(folder)
    before = (folder / "a1.txt").stat()
    text = article(1).replace("marker1", "beacon1")
    (folder / "a1.txt").write_text(text)
    os.utime(folder / "a1.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (folder / "a1.txt").stat().st_size == before.st_size
    assert _counts(synced.sync(folder)) == (0, 1, 0, 5)
    assert synced.document("a1.txt").text == text


def test_what_cannot_be_read_is_reported_and_the_rest_goes_in(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 8)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "latin.txt").write_bytes("Caf\xe9 prices in town\n\nThey rose.\n".encode("latin-1"))
    (folder / "lost.txt").symlink_to(tmp_path / "nowhere.txt")
    (folder / os.fsdecode(b"name-\xff.txt")).write_text(article(8))
    report = index.sync(folder)
    assert report.added == 6
    assert [failure.path for failure in report.failed] == [
        "binary.txt",
        "empty.txt",
        "latin.txt",
        "lost.txt",
        "name-?.txt",
    ]
    for failure in report.failed:
        assert failure.path in failure.error
        assert "next step" in failure.error
    assert faults(index, {file.name: file.read_text() for file in folder.glob("a?.txt")}) == []
    assert [failure.path for failure in index.sync(folder).failed] == [one.path for one in report.failed]


def test_a_file_that_became_unreadable_keeps_its_old_version(synced: Index, folder: Path) -> None:
    expected = texts_of(folder)
    (folder / "a1.txt").write_bytes(b"\0\1\2\3" * 100)
    (folder / "a2.txt").unlink()
    (folder / "a2.txt").symlink_to(folder / "nowhere.txt")
    report = synced.sync(folder)
    assert _counts(report) == (0, 0, 0, 4)
    assert [failure.path for failure in report.failed] == ["a1.txt", "a2.txt"]
    assert all("stays in the index" in failure.error for failure in report.failed)
    assert faults(synced, expected) == []


def test_an_article_that_became_a_link_out_of_the_folder_goes(
    synced: Index, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    (folder / "a5.txt").rename(outside)
    (folder / "a5.txt").symlink_to(outside)
    (folder / "a6.txt").symlink_to("a4.txt")
    report = synced.sync(folder)
    assert [failure.path for failure in report.failed] == ["a5.txt"]
    assert "a link that leads out of the folder" in report.failed[0].error
    paths = {document.path for document in synced.documents()}
    assert "a5.txt" not in paths
    assert "a6.txt" in paths


def test_articles_below_a_folder_that_cannot_be_listed_stay(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_articles(folder / "locked", [7, 8])
    index.sync(folder)
    expected = texts_of(folder)
    listed = rag.index.sync.list_files

    def locked(top: Path) -> list[Path]:
        """As list_files answers when ``locked`` may not be listed; a superuser's tests cannot take that right away."""
        return [*(file for file in listed(top) if "locked" not in file.parts), top / "locked"]

    monkeypatch.setattr(rag.index.sync, "list_files", locked)
    report = index.sync(folder)
    assert _counts(report) == (0, 0, 0, 6)
    assert [failure.path for failure in report.failed] == ["locked"]
    assert faults(index, expected) == []


def test_a_folder_that_cannot_be_listed_keeps_only_its_own(
    synced: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sub", "sub-way", "sub0"):
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text(article(9))
    synced.sync(folder)
    for name in ("sub", "sub-way", "sub0"):
        shutil.rmtree(folder / name)
    (folder / "sub").mkdir()
    listed = rag.index.sync.list_files
    monkeypatch.setattr(rag.index.sync, "list_files", lambda top: [*listed(top), folder / "sub"])
    report = synced.sync(folder)
    assert [failure.path for failure in report.failed] == ["sub"]
    assert "what was indexed from it before stays" in report.failed[0].error
    paths = [document.path for document in synced.documents()]
    assert [path for path in paths if path.startswith("sub")] == ["sub/x.txt"]


def test_an_endless_line_goes_in_beside_the_rest(index: Index, folder: Path) -> None:
    (folder / "long.txt").write_text("An endless line\n\n" + "word and more " * 20_000)
    report = index.sync(folder)
    assert report.added == 7
    assert faults(index, texts_of(folder)) == []


@pytest.mark.parametrize("name", ["missing", "a0.txt"])
def test_a_folder_that_is_none_is_refused(synced: Index, folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"(does not exist|is a file).*next step"):
        synced.sync(folder / name)
    assert faults(synced, texts_of(folder)) == []


def test_an_empty_folder_is_refused(index: Index, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no articles \(\*\.md or \*\.txt\); next step"):
        index.sync(tmp_path / "empty")


def test_a_folder_that_became_empty_loses_nothing(synced: Index, folder: Path) -> None:
    expected = texts_of(folder)
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"the index has 6 from it; nothing was changed"):
        synced.sync(folder)
    assert faults(synced, expected) == []


def test_an_index_belongs_to_one_folder(synced: Index, folder: Path, tmp_path: Path) -> None:
    write_articles(tmp_path / "other", [1])
    with pytest.raises(InputError, match=rf"{folder}.*{tmp_path / 'other'}.*--index other/path"):
        synced.sync(tmp_path / "other")
    assert faults(synced, texts_of(folder)) == []


def test_a_project_moved_as_a_whole_keeps_working(tmp_path: Path, words: WordEncoder) -> None:
    write_articles(tmp_path / "here" / "articles", range(3))
    settings = Settings(chunk_tokens=24)
    with Index.open(tmp_path / "here" / "index", settings=settings, encoder=words) as index:
        index.sync(tmp_path / "here" / "articles")
    (tmp_path / "here").rename(tmp_path / "there")
    encoded = words.passages
    with Index.open(tmp_path / "there" / "index", settings=settings, encoder=words) as index:
        assert _counts(index.sync(tmp_path / "there" / "articles")) == (0, 0, 0, 3)
        assert index.status().folder == str(tmp_path / "there" / "articles")
    assert words.passages == encoded


class _Stopping(WordEncoder):
    """Raises when it has been asked for so many batches."""

    def __init__(self, batches: int, error: type[BaseException]) -> None:
        super().__init__()
        self._batches = batches
        self._error = error

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        if self._batches == 0:
            raise self._error("stopped by the test")
        self._batches -= 1
        return super().encode_passages(passages, progress)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ModelError])
def test_a_sync_that_is_cut_off_changes_nothing_and_loses_little(
    synced: Index,
    folder: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    monkeypatch.setattr(rag.index.sync, "EMBED_AT_ONCE", 4)
    before = texts_of(folder)
    write_articles(folder, range(10, 20))
    write_articles(folder, [1], edition=1)
    (folder / "a5.txt").unlink()
    stopping = _Stopping(3, error)
    with (
        Index.open(settings.index, settings=settings, encoder=stopping) as index,
        pytest.raises(error, match="stopped by the test"),
    ):
        index.sync(folder)
    assert stopping.passages == 12
    assert faults(synced, before) == []
    assert synced.generation == 1

    words = WordEncoder()
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        assert _counts(index.sync(folder)) == (10, 1, 1, 4)
        staged_again = index.status().chunks
        assert faults(index, texts_of(folder)) == []
    assert 0 < words.passages <= staged_again - 12


def test_what_was_staged_for_a_file_that_changed_again_goes(
    synced: Index, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.index.sync, "EMBED_AT_ONCE", 4)
    write_articles(folder, [10, 11, 12])
    with (
        Index.open(settings.index, settings=settings, encoder=_Stopping(1, KeyboardInterrupt)) as index,
        pytest.raises(KeyboardInterrupt),
    ):
        index.sync(folder)
    write_articles(folder, [10], edition=1)
    (folder / "a11.txt").unlink()
    assert _counts(synced.sync(folder)) == (2, 0, 0, 6)
    assert faults(synced, texts_of(folder)) == []
    assert synced._catalog.known(live=False) == {}


def test_a_vector_that_is_no_number_stops_the_sync(index: Index, folder: Path, settings: Settings) -> None:
    class Broken(WordEncoder):
        def encode_passages(
            self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
        ) -> list[Encoded]:
            return [
                Encoded(one.vector * float("nan"), one.sentence_vectors)
                for one in super().encode_passages(passages, progress)
            ]

    with (
        Index.open(settings.index, settings=settings, encoder=Broken()) as broken,
        pytest.raises(ModelError, match="no usable vector"),
    ):
        broken.sync(folder)
    assert index.documents() == []


def test_progress_tells_every_stage_to_its_end(index: Index, folder: Path) -> None:
    events: list[SyncEvent] = []
    report = index.sync(folder, events.append)
    last = {event.stage: event for event in events}
    assert list(last) == ["reading", "embedding", "writing"]
    assert last["reading"] == SyncEvent("reading", 6, 6)
    assert last["embedding"] == SyncEvent("embedding", report.chunks, report.chunks)
    assert last["writing"] == SyncEvent("writing", 1, 1)


def test_progress_comes_at_most_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("rag.index.sync.time.monotonic", lambda: now)
    events: list[SyncEvent] = []
    report = rag.index.sync.Reporter(events.append)
    for done in range(1, 1001):
        now += 0.001
        report("reading", done, 1000)
    assert len(events) <= 11
    assert events[-1] == SyncEvent("reading", 1000, 1000)


def test_a_progress_display_that_fails_harms_nothing(index: Index, folder: Path) -> None:
    def fail(event: SyncEvent) -> None:
        raise BrokenPipeError("the terminal is gone")

    with pytest.raises(BrokenPipeError):
        index.sync(folder, fail)
    assert index.documents() == []
    assert index.sync(folder).added == 6


def test_two_syncs_at_once_are_refused_by_name(synced: Index, folder: Path, settings: Settings) -> None:
    def sync_again(event: SyncEvent) -> None:
        with (
            Index.open(settings.index, settings=settings, encoder=WordEncoder()) as other,
            pytest.raises(IndexUnusableError, match=r"being written by this same process; next step: wait"),
        ):
            other.sync(folder)
        refused.append(event.stage)

    refused: list[str] = []
    synced.sync(folder, lambda event: None if refused else sync_again(event))
    assert refused == ["reading"]
