"""Lexical search: any text is safe, and the folder it lives in is only a copy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from index.word_encoder import WordEncoder, faults, texts_of, write_articles

from rag.index.index import Index
from rag.settings import Settings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t",
        "?!",
        'title:"unbalanced AND (OR NOT',
        "text:harbour^9 [a TO b} ~2 \\",
        "/harbour.*/",
        "harbour\x00\x1b[0m",
        "harbour \ud800 \udfff",
        "港 مرفأ гавань 🚢",
        "the of and",
        "harbour " * 20_000,
        "h" * 200_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_any_text_is_safe(synced: Index, text: str) -> None:
    found = synced.lexical(text, 5)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    assert bool(found) == ("harbour" in text or text == "the of and")


def test_rare_words_and_titles_count_more(synced: Index) -> None:
    [(best, _), *_] = synced.lexical("What does marker4 say about the harbour?", 5)
    assert synced.chunks([best])[0].path == "a4.txt"
    [(by_title, _), *_] = synced.lexical("report 3", 5)
    assert synced.chunks([by_title])[0].path == "a3.txt"
    everywhere = synced.chunks([id_ for id_, _ in synced.lexical("report", 100)])  # a word of titles only
    assert {chunk.path for chunk in everywhere} == {document.path for document in synced.documents()}
    assert not any("report" in chunk.text.lower() for chunk in everywhere if chunk.start > 0)


def test_words_are_matched_by_stem_case_and_accent(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "cars"
    folder.mkdir()
    (folder / "c.txt").write_text("Citroën in 1919\n\nCitroën FOUNDED several joint-ventures there.\n")
    (folder / "d.txt").write_text("Bread prices\n\nBread costs more than last year.\n")
    index.sync(folder)
    for text in ("citroen", "CITROËN", "founding", "venture", "joint ventures"):
        assert [chunk.path for chunk in index.chunks([id_ for id_, _ in index.lexical(text, 5)])] == [
            "c.txt"
        ], text


def test_stopwords_are_left_out_unless_they_are_all(synced: Index) -> None:
    assert synced.lexical("who was the mayor", 50) == synced.lexical("mayor", 50)
    assert synced.lexical("the", 50) == synced.lexical("the", 50, stopwords=())
    assert len(synced.lexical("the mayor", 50, stopwords=())) > len(synced.lexical("the mayor", 50))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)


def _garble_meta(folder: Path) -> None:
    (folder / "meta.json").write_text("nonsense")


def _lose_a_segment(folder: Path) -> None:
    next(folder.glob("*.idx")).unlink()


def _truncate_all(folder: Path) -> None:
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip_a_bit(folder: Path) -> None:
    file = next(folder.glob("*.term"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)


def _lose_the_stamp(folder: Path) -> None:
    folder.with_name("lexical.stamp").unlink()


def _garble_the_stamp(folder: Path) -> None:
    folder.with_name("lexical.stamp").write_text('{"token": 1}')


@pytest.mark.parametrize(
    "damage",
    [_remove, _garble_meta, _lose_a_segment, _truncate_all, _flip_a_bit, _lose_the_stamp, _garble_the_stamp],
)
@pytest.mark.parametrize("repaired_by", ["search", "sync"])
def test_what_is_damaged_is_built_again_without_embedding(
    synced: Index, folder: Path, settings: Settings, damage: Callable[[Path], None], repaired_by: str
) -> None:
    expected = synced.lexical("harbour ships marker2", 100)
    synced.close()
    damage(settings.index / "lexical")
    words = WordEncoder()
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        if repaired_by == "sync":
            index.sync(folder)
        assert index.lexical("harbour ships marker2", 100) == expected
        assert faults(index, texts_of(folder)) == []
    assert words.passages == 0
    stamp = (settings.index / "lexical.stamp").read_bytes()
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        assert index.lexical("harbour ships marker2", 100) == expected
    assert (settings.index / "lexical.stamp").read_bytes() == stamp


def test_an_older_folder_is_brought_in_step(synced: Index, folder: Path, settings: Settings) -> None:
    """As after a kill between publishing and stamping, or a restored backup."""
    older = settings.index.with_name("older")
    shutil.copytree(settings.index / "lexical", older)
    stamp = (settings.index / "lexical.stamp").read_bytes()
    write_articles(folder, [1, 8], edition=1)
    (folder / "a5.txt").unlink()
    synced.sync(folder)
    synced.close()
    shutil.rmtree(settings.index / "lexical")
    shutil.copytree(older, settings.index / "lexical")
    (settings.index / "lexical.stamp").write_bytes(stamp)
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as index:
        assert faults(index, texts_of(folder)) == []


def test_a_copied_index_is_used_as_it_is(
    synced: Index, folder: Path, settings: Settings, tmp_path: Path
) -> None:
    synced.close()
    shutil.copytree(settings.index, tmp_path / "copy", copy_function=shutil.copy)  # new times of change
    meta = (tmp_path / "copy" / "lexical" / "meta.json").stat().st_ino
    with Index.open(tmp_path / "copy", settings=settings, encoder=WordEncoder()) as index:
        assert faults(index, texts_of(folder)) == []
    assert (tmp_path / "copy" / "lexical" / "meta.json").stat().st_ino == meta


def test_while_another_process_writes_the_latest_words_are_used(
    synced: Index, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that has published and not yet committed its words is waited for once, then answered without."""
    monkeypatch.setattr("rag.index.lexical._WRITER_WAIT_SECONDS", 0.2)
    with Index.open(settings.index, settings=settings, encoder=WordEncoder()) as reader:
        assert reader.lexical("marker1", 5)
        (folder / "a1.txt").unlink()
        write_articles(folder, [9])

        def hang(*arguments: object) -> None:
            raise KeyboardInterrupt  # the words are committed but not stamped

        monkeypatch.setattr("rag.index.lexical.Lexical._stamp", hang)
        with pytest.raises(KeyboardInterrupt):
            synced.sync(folder)
        assert synced._lock.try_acquire()
        try:
            assert reader.lexical("marker1", 5) == []  # no longer live, though the searcher knows it
            started = time.perf_counter()
            assert reader.lexical("marker2", 5)
            assert time.perf_counter() - started < 0.2
        finally:
            synced._lock.release()
        monkeypatch.undo()
        assert faults(reader, texts_of(folder)) == []
