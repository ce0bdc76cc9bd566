from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import pytrec_eval

from rag.errors import InputError
from rag.evaluation import run_folder
from rag.evaluation.datasets import Dataset, load_dataset, read_qrels, read_run, write_qrels, write_run
from rag.evaluation.retrieval import (
    document_scores,
    index_dataset,
    judged,
    save,
    score,
    search,
    to_json,
)
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

TREC = {"nDCG@10": "ndcg_cut_10", "R@10": "recall_10", "R@100": "recall_100", "AP": "map", "RR": "recip_rank"}


def test_the_same_numbers_as_trec_eval_over_the_same_files(tmp_path: Path) -> None:
    """Graded judgements, ties, questions without a hit and unjudged documents, through files and back."""
    drawn = random.Random(3)
    qrels = {
        f"q{q}": {f"d{d}": drawn.choice([0, 0, 1, 2, 3]) for d in drawn.sample(range(400), 30)}
        for q in range(60)
    }
    run = {
        f"q{q}": {f"d{d}": round(drawn.random(), 1 + q % 3) for d in drawn.sample(range(400), 150)}
        for q in range(55)
    }
    write_qrels(tmp_path / "qrels", qrels)
    write_run(tmp_path / "run", run)
    ours = score(read_qrels(tmp_path / "qrels"), read_run(tmp_path / "run"), " ".join(TREC))
    theirs = pytrec_eval.RelevanceEvaluator(qrels, set(TREC.values())).evaluate(run)
    for measure, name in TREC.items():
        for query in qrels:
            expected = theirs[query][name] if query in theirs else 0.0  # what trec_eval -c counts
            assert ours[measure][query] == pytest.approx(expected, abs=5e-5), (measure, query)
    assert sum(value > 0 for value in ours["AP"].values()) > 40


def test_the_mean_counts_questions_without_a_hit() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"b": 1}}
    done = judged("x", qrels, {"q1": {"a": 1.0}}, "Success@1 RR@10")
    assert done.shares["Success@1"].value == 0.5
    assert (done.shares["RR@10"].low, done.shares["RR@10"].high) == (0.0, 1.0)


def test_questions_that_need_several_documents_count_when_all_are_there() -> None:
    qrels = {"q1": {"a": 1, "b": 1}, "q2": {"c": 1, "d": 1}}
    run = {"q1": {"a": 2.0, "b": 1.0}, "q2": {"c": 2.0, "x": 1.0}}
    done = judged("x", qrels, run, "R@2")
    assert (done.shares["R@2"].value, done.shares["All@2"].value) == (0.75, 0.5)
    assert "All@2" not in judged("x", {"q1": {"a": 1}}, run, "R@2").shares


def test_an_unknown_measure_is_named() -> None:
    with pytest.raises(InputError, match="allowed: those of ir-measures"):
        score({"q": {"d": 1}}, {"q": {"d": 1.0}}, "nDGC@10")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("data") / "tiny"
    folder.mkdir()
    documents = [
        ("a/1", "Bread", "Bread is baked from flour and water in a hot oven."),
        ("b 2", "", "The president of Honda is Toshihiro Mibe."),
        ("c", "Zebras", "A zebra weighs up to 450 kilograms and lives in Africa."),
    ]
    (folder / "corpus.jsonl").write_text(
        "\n".join(json.dumps({"_id": i, "title": t, "text": x}) for i, t, x in documents), "utf-8"
    )
    asked = {"q1": "How heavy is a zebra?", "q2": "Who leads Honda?", "q3": "What is bread made of?"}
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": i, "text": x}) for i, x in asked.items()), "utf-8"
    )
    (folder / "qrels.tsv").write_text("q1\tc\t1\nq2\tb 2\t1\nq3\ta/1\t1\n")
    return load_dataset(folder)


def test_a_collection_is_indexed_searched_and_scored(
    dataset: Dataset, encoder: Encoder, tmp_path: Path
) -> None:
    with index_dataset(dataset, tmp_path, Settings(index=tmp_path / "unused"), encoder=encoder) as index:
        retriever = Retriever(index)
        about = {"kind": "retrieval", "questions": {}, "corpus": {}, "settings": {}}
        folder = run_folder.start(tmp_path / "run", about)
        found, times = search(
            dataset.queries, lambda text: document_scores(retriever, text), folder, progress=False
        )
    assert list(found) == list(times) == ["q1", "q2", "q3"]
    done = judged("tiny", dataset.qrels, found, milliseconds=times)
    assert done.shares["Success@1"].value == 1.0
    save(done, folder, dataset.qrels, found)
    assert {path.name for path in folder.path.iterdir()} >= {"run.trec", "summary.json", "summary.md"}
    again = score(read_qrels(folder.path / "qrels.trec"), read_run(folder.path / "run.trec"), "nDCG@10")
    assert again["nDCG@10"] == done.values["nDCG@10"]  # an id with a space in it included

    with index_dataset(dataset, tmp_path, Settings(index=tmp_path / "unused"), encoder=encoder) as index:
        assert index.generation == 1  # nothing was done twice


def test_ctrl_c_keeps_what_is_done_and_the_rest_is_searched_later(tmp_path: Path) -> None:
    folder = run_folder.start(tmp_path / "run", {})
    asked: list[str] = []

    def find(text: str) -> dict[str, float]:
        if text == "two" and "two" not in asked:
            asked.append(text)
            raise KeyboardInterrupt
        asked.append(text)
        return {"d": 1.0}

    queries = {"1": "one", "2": "two", "3": "three"}
    found, _ = search(queries, find, folder, progress=False)
    done = judged("x", {query: {"d": 1} for query in found}, found, "RR", planned=3)
    assert (list(found), done.interrupted, to_json(done)["questions"]) == (["1"], True, 1)
    with (folder.path / "ranked.jsonl").open("a") as file:
        file.write('{"id": "2", "m')
    found, times = search(queries, find, folder, progress=False)
    assert asked == ["one", "two", "two", "three"]
    assert list(found) == list(times) == ["1", "2", "3"]
