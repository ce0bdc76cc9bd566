"""A run with nothing scripted: the shipped questions, the real index and the real engine, kept in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.evaluation.answers import Options, evaluate
from rag.evaluation.report import to_json
from rag.evaluation.runner import Run
from rag.index.index import Index

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "eval" / "questions" / "seeds.jsonl"


@pytest.fixture(scope="module")
def done(seeds_index: Index, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Every third question of the dev half: enough of each kind, and seconds instead of a minute."""
    folder = tmp_path_factory.mktemp("eval")
    dev = [line for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if '"split": "dev"' in line]
    (folder / "third.jsonl").write_text("\n".join(dev[::3]), encoding="utf-8")
    options = Options(folder=folder / "run", progress=False)
    return evaluate(folder / "third.jsonl", seeds_index, options), folder


def test_the_questions_are_asked_and_mostly_answered(done: tuple[Run, Path]) -> None:
    """Floors well under what is reached: they catch a broken part, the bars are watched by `rag eval check`."""
    run, _ = done
    assert len(run.records) == run.planned > 30
    shares = {name: metric["value"] for name, metric in to_json(run)["metrics"].items()}
    assert shares["evidence_recall@1"] <= shares["evidence_recall@3"] <= shares["evidence_recall@5"]
    assert shares["evidence_recall@5"] > 0.85
    assert shares["right"] > 0.5
    assert shares["source_cited"] > 0.9
    assert shares["citation_recall"] > 0.8
    assert shares["supported"] == 1.0  # extractive: what is stated is what is quoted
    assert shares["refusal_recall"] > 0.5
    assert shares["wrongly_refused"] < 0.2
    assert shares["f1"] is None  # this set has no short answers


def test_it_is_surer_of_what_can_be_answered(done: tuple[Run, Path]) -> None:
    confidence = to_json(done[0])["confidence"]
    assert confidence["auroc_answerable"] > 0.6
    assert confidence["coverage_risk"][-1]["coverage"] > 0.5


def test_every_recorded_citation_points_at_its_words(done: tuple[Run, Path], seeds_index: Index) -> None:
    run, folder = done
    file = folder / "run" / "answers.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == [record.question.id for record in run.records]
    statements = [one for line in lines for one in line["answer"]["statements"]]
    citations = [cited for one in statements for cited in one["citations"]]
    assert len(citations) > 15
    for citation in citations:
        text = seeds_index.document(citation["path"]).text
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_the_folder_says_what_made_the_run(done: tuple[Run, Path]) -> None:
    folder = done[1] / "run"
    about = json.loads((folder / "run.json").read_text("utf-8"))
    assert about["corpus"]["documents"] == 5
    assert about["settings"]["chunk_tokens"] and "index" not in about["settings"]
    assert about["software"]["python"] and about["machine"]["cores"] >= 1
    assert len(about["git"]["commit"]) == 40
    assert (folder / "summary.md").read_text("utf-8").startswith("# third.jsonl")
    assert json.loads((folder / "summary.json").read_text("utf-8")) == to_json(done[0])
    assert (folder / "report.html").read_text("utf-8").count("<details") == len(done[0].records)


def test_a_finished_run_resumed_asks_nothing_and_says_the_same(
    done: tuple[Run, Path], seeds_index: Index
) -> None:
    run, folder = done
    again = evaluate(
        folder / "third.jsonl", seeds_index, Options(folder=folder / "run", resume=True, progress=False)
    )
    assert again.records == run.records
    assert again.summary == run.summary
    with pytest.raises(InputError, match="its questions had count"):
        evaluate(
            folder / "third.jsonl",
            seeds_index,
            Options(folder=folder / "run", resume=True, limit=3, progress=False),
        )
