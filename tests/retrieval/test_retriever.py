from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import InputError
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.types import Filters, Query

WIRE = (
    "The car maker said on Monday that it will cut 9,000 jobs around the world. It also lowered its forecast for the "
    "year, and the chief executive gives up half of his pay until the company is back on its feet.\n"
)
ARTICLES = {
    "2024/wire.txt": f"---\ntitle: Car maker cuts jobs\ndate: 2024-11-07\nsource: Reuters\n---\n{WIRE}",
    "2024/reprint.txt": f"---\ntitle: Thousands to lose work\ndate: 2024-11-08\nsource: AP\n---\n{WIRE}",
    "2023/bridge.txt": (
        "---\ntitle: Bridge opens\ndate: 2023-05-01\n---\nThe mayor opened the new bridge. It cost 40 million.\n"
    ),
    "undated.txt": "Fruit prices rise\n\nBananas became dearer. “Apples did not,” said a grocer.\n",
}


def test_hits_are_the_documents_own_characters(make_index: Callable[..., Index]) -> None:
    index = make_index(ARTICLES)
    hits = Retriever(index).retrieve("Who opened the bridge?")
    assert hits[0].path == "2023/bridge.txt"
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        text = index.document(hit.path).text
        assert text[hit.start : hit.end] == hit.text
        assert all(text[s.start : s.end] == s.text for s in hit.sentences)
        assert hit.scores.sentence == max(s.score for s in hit.sentences)
        assert -1 <= hit.scores.dense <= 1
        assert 0 <= hit.scores.lexical <= 1
    assert max(hits[0].sentences, key=lambda s: s.score).text == "The mayor opened the new bridge."
    assert (hits[0].title, hits[0].published, hits[0].source) == ("Bridge opens", "2023-05-01", None)


def test_a_story_printed_twice_is_one_hit(make_index: Callable[..., Index]) -> None:
    hits = Retriever(make_index(ARTICLES)).retrieve("How many jobs will be cut?")
    assert {hits[0].path, *(location.path for location in hits[0].also_in)} == {
        "2024/wire.txt",
        "2024/reprint.txt",
    }
    assert sum(hit.path.startswith("2024") for hit in hits) == 1
    (other,) = hits[0].also_in
    assert other.title in ("Car maker cuts jobs", "Thousands to lose work")


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        (Filters(before="2023-12-31"), {"2023/bridge.txt"}),
        (Filters(sources=("ap",)), {"2024/reprint.txt"}),
        (Filters(paths=("undated*", "2023/*")), {"undated.txt", "2023/bridge.txt"}),
        (Filters(after="2030-01-01"), set()),
    ],
    ids=str,
)
def test_filters_hold_before_the_search(
    make_index: Callable[..., Index], filters: Filters, paths: set[str]
) -> None:
    retriever = Retriever(
        make_index(ARTICLES, candidates=1)
    )  # so that a filter afterwards would find nothing
    found = retriever.retrieve("How many jobs will be cut?", k=4, filters=filters)
    assert {hit.path for hit in found} == paths
    query = Query("How many jobs will be cut?", "how many?", filters)
    assert retriever.retrieve(query, k=4) == found
    everything = {hit.path for hit in retriever.retrieve(query, k=4, filters=Filters())}
    assert "2023/bridge.txt" in everything and len(everything) == 3


def test_same_question_same_order(make_index: Callable[..., Index]) -> None:
    """Equal passages of equal score stand in order of their paths, however they were put in."""
    articles = {
        f"{name}.txt": f"Item {n}\n\nNothing of note happened here.\n" for n, name in enumerate("cab")
    }
    one, other = make_index(articles), make_index(dict(reversed(articles.items())))
    orders = [
        [(h.path, h.rank) for h in Retriever(i).retrieve("what about taxes?")] for i in (one, other, one)
    ]
    assert orders[0] == orders[1] == orders[2]


def test_k_and_the_vector(make_index: Callable[..., Index]) -> None:
    index = make_index(ARTICLES)
    retriever = Retriever(index, index.settings.model_copy(update={"k": 2}))
    assert len(retriever.retrieve("bridge")) == 2
    assert len(retriever.retrieve("bridge", k=1)) == 1
    assert len(retriever.retrieve("bridge", k=1000)) == 3
    hits, vector = retriever.retrieve_with_vector("bridge")
    np.testing.assert_array_equal(vector, index.encoder.encode_queries(["bridge"])[0])
    again, same = retriever.retrieve_with_vector("bridge", vector=vector)
    assert again == hits
    assert same is vector


@pytest.mark.parametrize("question", ["", "  \n", Query(" ", "why?")], ids=repr)
def test_an_empty_question_is_refused(make_index: Callable[..., Index], question: str | Query) -> None:
    with pytest.raises(InputError, match="the question is empty"):
        Retriever(make_index({})).retrieve(question)


def test_k_below_one_is_refused(make_index: Callable[..., Index]) -> None:
    with pytest.raises(InputError, match="k is 0"):
        Retriever(make_index({})).retrieve("why?", k=0)


def test_an_index_that_was_never_synced_has_no_hits(make_index: Callable[..., Index]) -> None:
    assert Retriever(make_index({})).retrieve("why?") == []


@pytest.mark.parametrize(
    "question",
    ['"unclosed (quote', "NOT AND OR", "🚗", "title:x^2~", "?!", "的", "word " * 600, "\ud800 half"],
)
def test_any_text_is_a_question(make_index: Callable[..., Index], question: str) -> None:
    hits = Retriever(make_index(ARTICLES)).retrieve(question)
    assert len(hits) == 3


def test_a_changed_article_is_seen_at_once(make_index: Callable[..., Index], tmp_path: Path) -> None:
    index = make_index(ARTICLES)
    retriever = Retriever(index)
    assert retriever.retrieve("Who opened the bridge?")[0].path == "2023/bridge.txt"
    (tmp_path / "articles0/2023/bridge.txt").unlink()
    (tmp_path / "articles0/undated.txt").write_text("Ferry\n\nThe governor opened the ferry line.\n")
    index.sync(tmp_path / "articles0")
    hits = retriever.retrieve("Who opened the bridge?")
    assert "2023/bridge.txt" not in {hit.path for hit in hits}
    assert hits[0].text.endswith("The governor opened the ferry line.")


def test_seeds(seeds_index: Index) -> None:
    """Over the shipped articles, each passage can be found by its own first sentence."""
    retriever = Retriever(seeds_index)
    for document in seeds_index.documents():
        text = seeds_index.document(document.path).text
        sentence = max(text.split("\n"), key=len).split(". ")[0]
        first = retriever.retrieve(sentence)[0]
        assert document.path in (first.path, *(location.path for location in first.also_in))
        assert replace(first, rank=2) != first
