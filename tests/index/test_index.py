"""Opening, reading and refusing an index."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from index.word_encoder import WordEncoder, faults, texts_of, write_articles

from rag.errors import IndexMismatchError, IndexUnusableError, InputError
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.settings import Settings


def test_a_synced_index_holds_every_article_and_character(synced: Index, folder: Path) -> None:
    assert faults(synced, texts_of(folder)) == []
    assert len(synced.documents()) == 6
    assert synced.status().chunks > 6


def test_with_the_real_encoder_the_right_passage_comes_first(
    encoder: Encoder, folder: Path, tmp_path: Path
) -> None:
    (folder / "cats.txt").write_text("A cat asleep\n\nA cat slept all day on the warm window sill.\n")
    with Index.open(tmp_path / "real", settings=Settings(), encoder=encoder) as index:
        index.sync(folder)
        vector = encoder.encode_queries(["Where did the kitten nap?"])[0]
        [(chunk_id, score)] = index.dense(vector, 1)
        [chunk] = index.chunks([chunk_id])
        assert chunk.path == "cats.txt"
        assert score == pytest.approx(float(vector @ index.chunk_vectors([chunk_id])[0]), abs=1e-5)
        assert index.sync(folder).unchanged == 7


def test_chunks_and_vectors_come_in_the_order_asked(synced: Index, words: WordEncoder) -> None:
    ids = [id_ for id_, _ in synced.dense(words.encode_queries(["pilots"])[0], 5)]
    assert [chunk.id for chunk in synced.chunks(ids)] == ids
    assert [chunk.id for chunk in synced.chunks(ids[::-1])] == ids[::-1]
    np.testing.assert_array_equal(synced.chunk_vectors(ids)[::-1], synced.chunk_vectors(ids[::-1]))
    np.testing.assert_allclose(np.linalg.norm(synced.chunk_vectors(ids), axis=1), 1, atol=1e-5)


def test_dense_scores_are_cosines_best_first(synced: Index, words: WordEncoder) -> None:
    query = words.encode_queries(["ships carry timber"])[0]
    found = synced.dense(query, 1000)
    expected = synced.chunk_vectors([id_ for id_, _ in found]) @ query
    np.testing.assert_allclose([score for _, score in found], expected, atol=1e-5)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert synced.dense(query, 3) == found[:3]


@pytest.mark.parametrize("search", ["dense", "lexical"])
def test_only_allowed_documents_are_found(synced: Index, words: WordEncoder, search: str) -> None:
    allowed = {info.id for info in synced.documents() if info.path in ("a1.txt", "a4.txt")}
    query = words.encode_queries(["harbour"])[0]

    def found(allowed: set[int] | None) -> list[tuple[int, float]]:
        return (
            synced.dense(query, 100, allowed)
            if search == "dense"
            else synced.lexical("harbour", 100, allowed)
        )

    assert {chunk.path for chunk in synced.chunks([id_ for id_, _ in found(allowed)])} == {"a1.txt", "a4.txt"}
    assert found(set()) == []
    everywhere = dict(found(None))
    assert found(allowed) == [(id_, pytest.approx(everywhere[id_], abs=1e-5)) for id_, _ in found(allowed)]


def test_a_document_is_read_back_as_it_was(synced: Index, folder: Path) -> None:
    document = synced.document("a2.txt")
    assert document.text == (folder / "a2.txt").read_text()
    assert document.title == "Report 2 on the harbour"
    with pytest.raises(InputError, match=r"no article 'nowhere\.txt'"):
        synced.document("nowhere.txt")


def test_status_says_what_is_there(synced: Index, folder: Path, settings: Settings) -> None:
    status = synced.status()
    assert (status.documents, status.generation, status.encoder) == (6, 1, "words")
    assert (status.fingerprint, status.folder) == ("words-1", str(folder))
    assert status.synced_at is not None
    assert status.size_bytes >= (settings.index / "catalog.sqlite").stat().st_size


def test_an_empty_index_finds_nothing(index: Index, words: WordEncoder) -> None:
    assert index.generation == 0
    assert index.documents() == []
    assert index.dense(words.encode_queries(["harbour"])[0], 5) == []
    assert index.lexical("harbour", 5) == []
    assert index.status().synced_at is None


def test_a_missing_index_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no index at .*rag sync FOLDER"):
        Index.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_an_index_is_not_made_among_other_files(folder: Path, words: WordEncoder) -> None:
    with pytest.raises(InputError, match=r"holds other files \(a0\.txt, a1\.txt, a2\.txt\)"):
        Index.open(folder, encoder=words)
    with pytest.raises(InputError, match="is a file"):
        Index.open(folder / "a0.txt", encoder=words)


def test_another_encoder_is_refused_by_name(synced: Index, settings: Settings) -> None:
    with pytest.raises(IndexMismatchError, match=r"encoder words \(words-1\).*words \(words-2\).*--index"):
        Index.open(settings.index, settings=settings, encoder=WordEncoder("words-2"))


def test_another_chunking_is_refused_by_its_numbers(
    synced: Index, settings: Settings, words: WordEncoder
) -> None:
    other = settings.model_copy(update={"chunk_tokens": 99})
    with pytest.raises(IndexMismatchError, match=r"24 tokens.*99 tokens.*next step"):
        Index.open(settings.index, settings=other, encoder=words)


def test_another_format_is_refused(synced: Index, settings: Settings, words: WordEncoder) -> None:
    synced.close()
    db = sqlite3.connect(settings.index / "catalog.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(IndexMismatchError, match="format 99"):
        Index.open(settings.index, settings=settings, encoder=words)


def test_an_index_without_articles_takes_any_encoder(
    folder: Path, settings: Settings, words: WordEncoder
) -> None:
    with Index.open(settings.index, settings=settings, encoder=words) as index:
        index._catalog.adopt(
            {"encoder": "words", "fingerprint": "words-1", "dimension": "32", "chunker": "?"}
        )
    with Index.open(settings.index, settings=settings, encoder=WordEncoder("words-2", 16)) as index:
        index.sync(folder)
        assert index.status().fingerprint == "words-2"
        assert index.chunk_vectors([1]).shape == (1, 16)


def _garble(file: Path) -> None:
    file.write_bytes(b"not a database, " * 4096)


def _garble_the_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)


def _truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [_garble, _garble_the_middle, _truncate, _empty])
def test_a_damaged_catalog_is_named_and_left_alone(
    synced: Index, folder: Path, settings: Settings, words: WordEncoder, damage: object
) -> None:
    synced.close()
    file = settings.index / "catalog.sqlite"
    assert callable(damage)
    damage(file)
    broken = file.read_bytes()
    with pytest.raises(
        IndexUnusableError, match=r"catalog\.sqlite.*move .* aside and build it again with rag sync"
    ):
        Index.open(settings.index, settings=settings, encoder=words)
    assert file.read_bytes() == broken
    # the next step that the message names does mend it
    shutil.move(settings.index, settings.index.with_name("aside"))
    with Index.open(settings.index, settings=settings, encoder=words) as again:
        assert again.sync(folder).added == 6


def test_damage_met_later_is_named_too(
    synced: Index, folder: Path, settings: Settings, words: WordEncoder
) -> None:
    synced.close()
    file = settings.index / "catalog.sqlite"
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * len(content[len(content) // 2 :])
    file.write_bytes(content)
    with (
        pytest.raises(IndexUnusableError, match=r"catalog\.sqlite.*next step"),
        Index.open(settings.index, settings=settings, encoder=words) as index,
    ):
        write_articles(folder, range(6), edition=1)
        index.sync(folder)
        for info in index.documents():
            index.document(info.path)


def test_a_lost_catalog_is_not_replaced_by_an_empty_one(
    synced: Index, settings: Settings, words: WordEncoder
) -> None:
    synced.close()
    (settings.index / "catalog.sqlite").unlink()
    with pytest.raises(IndexUnusableError, match="lost its catalog"):
        Index.open(settings.index, settings=settings, encoder=words)


def test_a_database_of_another_program_is_refused(tmp_path: Path, words: WordEncoder) -> None:
    db = sqlite3.connect(tmp_path / "catalog.sqlite")
    db.execute("CREATE TABLE photos (id)")
    db.close()
    with pytest.raises(IndexUnusableError, match="not the catalog of an index"):
        Index.open(tmp_path, encoder=words)


def test_an_index_stays_the_same_when_the_working_folder_changes(
    synced: Index, folder: Path, settings: Settings, words: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.index.parent)
    with Index.open("index", settings=settings, encoder=words) as index:
        (settings.index.parent / "elsewhere").mkdir()
        monkeypatch.chdir("elsewhere")
        write_articles(folder, [1, 8], edition=1)
        index.sync(folder)
        assert index.status().path == "index"
        assert index.status().size_bytes > 0
        assert faults(index, texts_of(folder)) == []


def test_a_closed_index_says_so(synced: Index) -> None:
    synced.close()
    with pytest.raises(IndexUnusableError, match="was closed"):
        synced.documents()


def test_another_open_index_shows_the_next_generation(
    synced: Index, folder: Path, settings: Settings, words: WordEncoder
) -> None:
    with Index.open(settings.index, settings=settings, encoder=words) as reader:
        assert faults(reader, texts_of(folder)) == []
        write_articles(folder, [2, 9], edition=1)
        (folder / "a5.txt").unlink()
        synced.sync(folder)
        assert reader.generation == 2
        assert faults(reader, texts_of(folder)) == []


def test_a_snapshot_keeps_one_state(
    synced: Index, folder: Path, settings: Settings, words: WordEncoder
) -> None:
    before = texts_of(folder)
    query = words.encode_queries(["harbour"])[0]
    with Index.open(settings.index, settings=settings, encoder=words) as writer, synced.snapshot():
        ids = [id_ for id_, _ in synced.dense(query, 1000)]
        write_articles(folder, [2, 9], edition=1)
        writer.sync(folder)
        assert {chunk.path: synced.document(chunk.path).text for chunk in synced.chunks(ids)} == before
        assert synced.generation == 1
        assert {id_ for id_, _ in synced.dense(query, 1000)} == set(ids)
        assert synced.lexical("edition0n2", 1)
        assert synced.lexical("edition1n9", 5) == []
        assert synced.chunk_vectors(ids).shape == (len(ids), 32)
    assert faults(synced, texts_of(folder)) == []
    gone = [id_ for id_ in ids if not synced.chunks([id_])]
    assert gone
    with pytest.raises(IndexUnusableError, match="ask again"):
        synced.chunk_vectors(gone)


def test_threads_read_while_one_syncs(synced: Index, folder: Path, words: WordEncoder) -> None:
    stop = threading.Event()
    problems: list[str] = []
    query = words.encode_queries(["harbour"])[0]

    def read() -> None:
        while not stop.wait(0.001):  # a moment for the one that syncs
            with synced.snapshot():
                ids = [id_ for id_, _ in [*synced.dense(query, 50), *synced.lexical("harbour ships", 50)]]
                chunks = synced.chunks(ids)
                if len(chunks) != len(ids):
                    problems.append(f"{len(ids)} ids, {len(chunks)} chunks")
                for chunk in chunks:
                    if synced.document(chunk.path).text[chunk.start : chunk.end] != chunk.text:
                        problems.append(f"chunk {chunk.id} is not where it says")

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for edition in range(1, 5):
            write_articles(folder, range(6), edition)
            synced.sync(folder)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert faults(synced, texts_of(folder)) == []


def test_several_processes_may_make_the_same_index(tmp_path: Path) -> None:
    script = "import sys; from rag.index.catalog import Catalog; from pathlib import Path; "
    script += "print(Catalog(Path(sys.argv[1]), create=True).state()[0])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "catalog.sqlite")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["0\n"] * 4


def test_opening_and_lexical_search_load_no_model_and_no_vectors(synced: Index, settings: Settings) -> None:
    script = """
import sys
from pathlib import Path
from rag.index.index import Index
from rag.settings import Settings
class Cheap:
    name, fingerprint, dimension, window = "words", "words-1", 32, 256
settings = Settings(index=Path(sys.argv[1]), chunk_tokens=24, chunk_overlap=1)
with Index.open(settings.index, settings=settings, encoder=Cheap()) as index:
    assert index.lexical("harbour", 3)
print([name for name in ("faiss", "torch", "onnxruntime", "tokenizers", "sentencex") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(settings.index)], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
