from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.evaluation.datasets import (
    file_name,
    load_dataset,
    read_qrels,
    read_run,
    write_qrels,
    write_run,
)


def beir(folder: Path) -> Path:
    """A collection as BEIR lays it out: two splits, a question without judgement, one judged as worthless."""
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d/{n}", "title": "T\n t", "text": f"Text {n}."} for n in range(3)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)), "utf-8")
    queries = [{"_id": f"q{n}", "text": f"Question {n}?", "metadata": {}} for n in range(4)]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), "utf-8")
    heading = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "test.tsv").write_text(heading + "q0\td/0\t2\nq0\td/1\t0\nq1\td/1\t0\nq9\td/0\t1\n")
    (folder / "qrels" / "train.tsv").write_text(heading + "q2\td/2\t1\n")
    return folder


def test_a_beir_folder(tmp_path: Path) -> None:
    dataset = load_dataset(beir(tmp_path / "tiny"))
    assert (dataset.name, dataset.split) == ("tiny", "test")
    assert dataset.queries == {"q0": "Question 0?"}
    assert dataset.qrels == {"q0": {"d/0": 2, "d/1": 0}}
    assert next(dataset.documents()) == ("d/0", "T t", "Text 0.")
    assert load_dataset(tmp_path / "tiny", "train").qrels == {"q2": {"d/2": 1}}
    with pytest.raises(InputError, match="no judgements for the split 'dev'"):
        load_dataset(tmp_path / "tiny", "dev")


def test_json_lines_zipped_with_a_file_per_split(tmp_path: Path) -> None:
    def write(name: str, *rows: dict[str, object]) -> None:
        (tmp_path / name).write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))

    write("corpus.jsonl.gz", {"_id": "a", "title": "", "text": "x"})
    write("queries_dev.jsonl.gz", {"id": "q", "question": "Which?"})
    write("qrels_dev.jsonl.gz", {"query": "q", "doc": "a", "score": 1})
    dataset = load_dataset(tmp_path)
    assert (dataset.split, dataset.queries, dataset.qrels) == ("dev", {"q": "Which?"}, {"q": {"a": 1}})


def test_questions_that_name_their_own_document(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "x"}')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "Which?", "context_id": "a"}')
    assert load_dataset(tmp_path).qrels == {"q": {"a": 1}}


def test_trec_files_go_round(tmp_path: Path) -> None:
    qrels = {"q1": {"d1": 1, "d2": 0}, "q2": {"d1": 2}}
    run = {"q1": {"d2": 0.1 + 0.2, "d1": 0.5}, "q2": {"d9": -1.5}}
    write_qrels(tmp_path / "qrels", qrels)
    write_run(tmp_path / "run", run)
    assert read_qrels(tmp_path / "qrels") == qrels
    assert read_run(tmp_path / "run") == run
    assert (tmp_path / "run").read_text().splitlines()[0] == "q1 Q0 d1 1 0.5 rag"


def test_any_id_makes_one_safe_file_name() -> None:
    assert file_name("a/../b c") == "a%2F..%2Fb%20c.txt"
    assert file_name("Normans#0") == "Normans#0.txt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("q1 0 d1\n", "line 1: no judgement"),
        ("q1 0 d1 1\nq2 d2\n", "line 2: no judgement"),
        ("query-id\tcorpus-id\tscore\n", "holds no judgements"),
        ('{"query": "q"}\n', "line 1: no judgement"),
        ("{broken\n", "line 1: not JSON"),
    ],
)
def test_bad_judgements_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "qrels"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_qrels(file)


def test_bad_rankings_and_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("q1 Q0 d1 1 high x\n")
    with pytest.raises(InputError, match="line 1: not a line of a run"):
        read_run(tmp_path / "run")
    with pytest.raises(InputError, match="is no folder"):
        load_dataset(tmp_path / "run")
    with pytest.raises(InputError, match=r"has none of corpus\.jsonl"):
        load_dataset(tmp_path)
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a"}')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "Which?"}')
    with pytest.raises(InputError, match="has no judgements"):
        load_dataset(tmp_path)
    (tmp_path / "qrels.tsv").write_text("other\ta\t1\n")
    with pytest.raises(InputError, match="belongs to a question"):
        load_dataset(tmp_path)
    (tmp_path / "qrels.tsv").write_text("q\ta\t1\n")
    with pytest.raises(InputError, match="line 1: key 'text' is missing"):
        list(load_dataset(tmp_path).documents())
