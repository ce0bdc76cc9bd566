"""The reader's evidence moves the first passages among themselves, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from rag.index.index import Index
from rag.models.reader import Reader, Reading, load_reader
from rag.retrieval.rerank import READ, read_hits, rerank
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Hit, ScoredSentence, Scores


def hit(rank: int, score: float) -> Hit:
    text = f"Passage {rank}."
    return Hit(
        rank,
        score,
        f"{rank}.txt",
        "",
        10,
        10 + len(text),
        text,
        Scores(score, 0.0, 0.0),
        (ScoredSentence(10, 10 + len(text), text, score),),
    )


def reading(evidence: float) -> Reading:
    return Reading(0, 0, 0.0, 0.0, 0.5, evidence, (0.0,))


def paths(hits: Sequence[Hit]) -> list[str]:
    return [found.path for found in hits]


def test_strong_evidence_overtakes_a_near_neighbour_only() -> None:
    hits = [hit(1, 0.9), hit(2, 0.85), hit(3, 0.2)]
    ranked, readings = rerank(hits, [reading(-4.0), reading(4.0), reading(9.0)])
    assert paths(ranked) == ["2.txt", "1.txt", "3.txt"]
    assert [found.rank for found in ranked] == [1, 2, 3]
    assert [r.evidence for r in readings] == [4.0, -4.0, 9.0]
    assert all(0 <= found.score <= 1 for found in ranked)
    assert ranked[0].scores.evidence == pytest.approx(0.982, abs=1e-3)


def test_equal_evidence_changes_no_order() -> None:
    hits = [hit(1, 0.5), hit(2, 0.5), hit(3, 0.4)]
    assert paths(rerank(hits, [reading(1.0)] * 3)[0]) == paths(hits)


def test_hits_that_were_not_read_stay_behind_in_order() -> None:
    hits = [hit(1, 0.9), hit(2, 0.8), hit(3, 0.8), hit(4, 0.1)]
    ranked, _ = rerank(hits, [reading(float("-inf")), reading(-30.0)])
    assert paths(ranked) == ["1.txt", "2.txt", "3.txt", "4.txt"]
    scores = [found.score for found in ranked]
    assert scores == sorted(scores, reverse=True)
    assert ranked[2].scores.evidence is None


def test_support_counts_where_evidence_is_equal() -> None:
    hits = [hit(1, 0.9), hit(2, 0.88)]
    supported = replace(reading(0.0), supported=0.9)
    assert paths(rerank(hits, [reading(0.0), supported])[0]) == ["2.txt", "1.txt"]


def test_no_hits() -> None:
    assert rerank([], []) == ([], [])


def test_sentences_are_read_relative_to_their_passage() -> None:
    reader = load_reader("auto")
    assert reader is not None
    [found] = read_hits(reader, "Which passage is it?", [hit(1, 0.5)])
    assert len(found.sentence_evidence) == 1
    assert 0 <= found.start <= found.end <= len("Passage 1.")


def test_the_passage_that_answers_comes_first(make_index: Callable[..., Index]) -> None:
    """Two passages speak of the bridge in nearly the same words; one says when it opened."""
    index = make_index(
        {
            "plans.txt": "When the bridge opens\n\nNobody knows when the bridge to the harbour will be opened again.",
            "fact.txt": "The bridge\n\nThe harbour bridge was opened by the mayor in May 1932.",
        }
    )
    question = "When was the harbour bridge opened?"
    without = Retriever(index, Settings(index=index.settings.index, reader="none")).retrieve(question)
    assert all(found.scores.evidence is None for found in without)
    read = Retriever(index).retrieve(question)
    assert read[0].path == "fact.txt"
    assert {found.path: found.scores.evidence or 0.0 for found in read}["fact.txt"] > 0.5


def test_the_first_hits_do_not_depend_on_how_many_are_asked_for(make_index: Callable[..., Index]) -> None:
    index = make_index(
        {f"{n}.txt": f"Report {n}\n\nShip {n} reached the harbour on day {n}." for n in range(30)}
    )
    retriever = Retriever(index)
    many = retriever.retrieve("Which ship reached the harbour on day 7?", k=25)
    for k in (1, 5, READ + 3):
        assert paths(retriever.retrieve("Which ship reached the harbour on day 7?", k=k)) == paths(many)[:k]


def test_a_reader_of_ones_own_is_asked(make_index: Callable[..., Index]) -> None:
    asked: list[str] = []

    class Backwards:
        fingerprint = "backwards"

        def read(
            self, question: str, passages: Sequence[str], sentences: Sequence[Sequence[object]] | None = None
        ) -> list[Reading]:
            asked.extend(passages)
            return [reading(4.0 if "Second" in passage else -4.0) for passage in passages]

        def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
            return [(0.0, 0.0, 1.0)] * len(pairs)

    own: Reader = Backwards()
    index = make_index(
        {"a.txt": "First\n\nFirst ship in the harbour.", "b.txt": "Second\n\nSecond ship there."}
    )
    hits = Retriever(index, reader=own).retrieve("which ship?")
    assert len(asked) == 2
    assert {found.path: found.scores.evidence or 0.0 for found in hits}["b.txt"] > 0.9
