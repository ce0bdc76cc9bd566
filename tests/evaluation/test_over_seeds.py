"""The runner with nothing scripted: the shipped questions, the real index and the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.answering.engine import AnswerEngine
from rag.evaluation import runner
from rag.evaluation.report import to_json
from rag.index.index import Index
from rag.retrieval.retriever import Retriever

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "eval" / "questions" / "seeds.jsonl"


@pytest.fixture(scope="module")
def done(seeds_index: Index, tmp_path_factory: pytest.TempPathFactory) -> tuple[runner.Run, Path]:
    """Every third question of the dev half: enough of each kind, and seconds instead of a minute."""
    folder = tmp_path_factory.mktemp("eval")
    dev = [line for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if '"split": "dev"' in line]
    (folder / "third.jsonl").write_text("\n".join(dev[::3]), encoding="utf-8")
    out = folder / "out.jsonl"
    return runner.run(folder / "third.jsonl", AnswerEngine(Retriever(seeds_index)), out=out), out


def test_the_questions_are_asked_and_mostly_answered(done: tuple[runner.Run, Path]) -> None:
    """Floors well under what is reached: they catch a broken part, the bars are watched by `rag eval`."""
    run, _ = done
    assert len(run.outcomes) == run.planned > 30
    shares = {name: metric["value"] for name, metric in to_json(run)["metrics"].items()}
    assert shares["evidence_recall@1"] <= shares["evidence_recall@3"] <= shares["evidence_recall@5"]
    assert shares["evidence_recall@5"] > 0.85
    assert shares["right"] > 0.5
    assert shares["source_cited"] > 0.9
    assert shares["refusal_recall"] > 0.5
    assert shares["wrongly_refused"] < 0.2


def test_every_recorded_citation_points_at_its_words(
    done: tuple[runner.Run, Path], seeds_index: Index
) -> None:
    lines = [json.loads(line) for line in done[1].read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == [outcome.question.id for outcome in done[0].outcomes]
    citations = [citation for line in lines for citation in line["citations"]]
    assert len(citations) > 15
    for citation in citations:
        text = seeds_index.document(citation["path"]).text
        assert text[citation["start"] : citation["end"]] == citation["quote"]
