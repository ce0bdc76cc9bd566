"""The conversations and conflicts that ship, held against the articles they are about."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from places import SEEDS

from rag.documents.read import list_files, read_document
from rag.evaluation.formats import load_questions
from rag.evaluation.metrics import holds, is_source

SETS = Path(__file__).resolve().parents[2] / "eval" / "questions"
CONFLICTS: list[dict[str, Any]] = [
    json.loads(line) for line in (SETS / "conflicts.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def articles() -> dict[str, str]:
    return {file.name: read_document(file, SEEDS).text for file in list_files(SEEDS)}


def test_conversations_are_many_short_and_in_two_halves() -> None:
    turns = load_questions(SETS / "conversations.jsonl")
    length = Counter(turn.id.split("/")[0] for turn in turns)
    assert len(length) >= 60
    assert set(length.values()) == {2, 3, 4}
    assert all((turn.follows is None) == turn.id.endswith("/1") for turn in turns)
    halves = Counter(turn.split for turn in turns if turn.follows is None)
    assert abs(halves["dev"] - halves["test"]) <= 1 and None not in halves
    assert sum(turn.answerable is False for turn in turns) >= 10
    assert all(turn.sources for turn in turns if turn.answerable)


@pytest.mark.parametrize(
    "name",
    [
        "conversations",
        "conversations-more",
        "conversations-hard",
        "conversations-standalone",
        "conversations-more-standalone",
        "conversations-hard-standalone",
    ],
)
def test_every_expected_fact_of_a_conversation_stands_in_a_source(
    name: str, articles: dict[str, str]
) -> None:
    absent = [
        (turn.id, fact)
        for turn in load_questions(SETS / f"{name}.jsonl")
        for fact in turn.expected
        if not any(
            holds(text, fact)
            for file, text in articles.items()
            if any(is_source(file, source) for source in turn.sources)
        )
    ]
    assert absent == []


def test_every_quote_of_a_conflict_stands_in_its_article(articles: dict[str, str]) -> None:
    for pair in CONFLICTS:
        assert set(pair) == {"id", "split", "about", "conflict", "a", "b", "why"}, pair["id"]
        for side in (pair["a"], pair["b"]):
            assert set(side) == {"source", "quote", "value"} and side["value"], pair["id"]
            if side["source"] is not None:
                texts = [text for name, text in articles.items() if is_source(name, side["source"])]
                assert len(texts) == 1 and side["quote"] in texts[0], pair["id"]
        assert pair["a"]["quote"] != pair["b"]["quote"]


def test_conflicts_are_enough_and_half_of_them_look_alikes() -> None:
    assert len(CONFLICTS) >= 40
    real = sum(pair["conflict"] for pair in CONFLICTS)
    assert 0.4 <= real / len(CONFLICTS) <= 0.6
    assert len({pair["id"] for pair in CONFLICTS}) == len(CONFLICTS)
    halves = Counter(pair["split"] for pair in CONFLICTS)
    assert abs(halves["dev"] - halves["test"]) <= 1


def test_the_varied_pairs_are_whole() -> None:
    pairs = [json.loads(line) for line in (SETS / "conflicts-varied.jsonl").read_text("utf-8").splitlines()]
    assert len(pairs) == len({pair["id"] for pair in pairs}) == 260
    assert sum(pair["conflict"] for pair in pairs) == 130
    assert Counter(pair["split"] for pair in pairs) == {"dev": 130, "test": 130}
    assert all(side["value"] in side["quote"] for pair in pairs for side in (pair["a"], pair["b"]))


def test_the_news_questions_are_of_other_articles_in_each_half() -> None:
    asked = load_questions(SETS / "news.jsonl")
    assert len(asked) == 492
    sources = {
        half: {source for one in asked if one.split == half for source in one.sources}
        for half in ("dev", "test")
    }
    assert all(sources.values()) and not sources["dev"] & sources["test"]
    assert all(bool(one.sources) == bool(one.answerable) for one in asked)


def test_the_readme_tells_the_counts() -> None:
    readme = " ".join((SETS.parent / "README.md").read_text("utf-8").split())
    turns = load_questions(SETS / "conversations.jsonl")
    talks = len({turn.id.split("/")[0] for turn in turns})
    refusals = sum(turn.answerable is False for turn in turns)
    assert (
        f"{talks} conversations over `seeds/` of two to four turns, {len(turns)} questions, {refusals} of"
        in readme
    )
    real = sum(pair["conflict"] for pair in CONFLICTS)
    assert f"{len(CONFLICTS)} pairs of statements, {real} that contradict each other" in readme
    from_articles = sum(pair["b"]["source"] is not None for pair in CONFLICTS)
    assert f"{from_articles} pairs take both sides from articles" in readme
