from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rag.index.index import Index
from rag.retrieval.candidates import _asks, _fed_back, find_candidates, min_max
from rag.settings import Settings


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([], []), ([2, 4, 3], [0, 1, 0.5]), ([-1, 1], [0, 1]), ([3, 3], [1, 1]), ([0, 0], [0, 0]), ([-2], [0])],
    ids=str,
)
def test_min_max(scores: list[float], expected: list[float]) -> None:
    assert min_max(np.array(scores, dtype=np.float32)).tolist() == expected


ARTICLES = {
    "bridge.txt": "Bridge opens\n\nThe mayor opened the new bridge over the river. It cost 40 million euros.",
    "fruit.txt": "Fruit prices rise\n\nBananas became dearer in May. Apples did not.",
    "game.txt": "Late goal\n\nThe home team won by a late goal. The keeper was praised.",
}


def test_every_score_is_there_whoever_found_the_passage(make_index: Callable[..., Index]) -> None:
    index = make_index(ARTICLES)
    vector = index.encoder.encode_queries(["Who opened the crossing?"])[0]
    found = find_candidates(index, "Who opened the crossing?", vector, index.settings, 5, None)
    assert {chunk.path for chunk in found.chunks} == set(ARTICLES)
    by_path = dict(zip([chunk.path for chunk in found.chunks], range(3), strict=True))
    assert found.lexical[by_path["bridge.txt"]] == 1
    assert found.lexical[by_path["fruit.txt"]] == 0
    assert found.scores.argmax() == by_path["bridge.txt"]
    assert (found.scores >= 0).all() and (found.scores <= 1 + 1e-6).all()
    np.testing.assert_allclose(found.dense, found.vectors @ vector, rtol=1e-6)
    for chunk, cosines in zip(found.chunks, found.cosines, strict=True):
        np.testing.assert_allclose(cosines, chunk.sentence_vectors.astype(np.float32) @ vector, rtol=1e-5)


def test_a_passage_lexical_search_alone_proposes_has_its_cosine(make_index: Callable[..., Index]) -> None:
    """With one candidate each, and words that point elsewhere than the meaning does."""
    index = make_index(ARTICLES, candidates=1)
    text = "dearer dearer football match keeper striker"
    vector = index.encoder.encode_queries(["football match"])[0]
    found = find_candidates(index, "dearer", vector, index.settings, 1, None)
    assert {chunk.path for chunk in found.chunks} == {"fruit.txt", "game.txt"}, text
    assert all(
        dense == pytest.approx(v @ vector) for dense, v in zip(found.dense, found.vectors, strict=True)
    )


def test_the_order_does_not_depend_on_how_many_are_asked_for(
    make_index: Callable[..., Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.retrieval.candidates._COMPARED", 2)
    index = make_index(ARTICLES)
    vector = index.encoder.encode_queries(["bananas"])[0]
    two = find_candidates(index, "bananas", vector, index.settings, 1, None)
    three = find_candidates(index, "bananas", vector, index.settings, 3, None)
    assert (len(two.chunks), len(three.chunks)) == (2, 3)
    assert [chunk.id for chunk in three.chunks[:2]] == [chunk.id for chunk in two.chunks]
    np.testing.assert_array_equal(three.scores[:2], two.scores)
    assert three.scores[2] <= three.scores[:2].min()


def test_weights_choose_the_kind_of_score(make_index: Callable[..., Index]) -> None:
    index = make_index(ARTICLES)
    vector = index.encoder.encode_queries(["football match"])[0]
    for weights, best in (((1, 0, 0), "game.txt"), ((0, 1, 0), "fruit.txt"), ((0, 0, 0), None)):
        dense, lexical, sentence = weights
        settings = Settings(weight_dense=dense, weight_lexical=lexical, weight_sentence=sentence)
        found = find_candidates(index, "dearer bananas", vector, settings, 3, None)
        if best is None:
            assert not found.scores.any()
        else:
            assert found.chunks[int(found.scores.argmax())].path == best


def test_a_claim_is_looked_for_again_with_what_the_first_passages_share(
    make_index: Callable[..., Index],
) -> None:
    index = make_index(ARTICLES)
    vector = index.encoder.encode_queries(["fruit became dearer"])[0]
    claim = find_candidates(index, "fruit became dearer", vector, index.settings, 5, None)
    question = find_candidates(index, "fruit became dearer?", vector, index.settings, 5, None)
    places = [chunk.path for chunk in claim.chunks]
    order = [[chunk.path for chunk in question.chunks].index(path) for path in places]
    np.testing.assert_allclose(claim.dense, question.dense[order], rtol=1e-6)  # shown is the question's own
    np.testing.assert_allclose(claim.lexical, question.lexical[order], rtol=1e-6)
    assert not np.allclose(claim.scores, question.scores[order])
    assert places[int(claim.scores.argmax())] == "fruit.txt"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("And in which year", True),
        ("Is it so", True),
        ("Aspirin thins blood.", False),
        ("share of Nissan", False),
    ],
)
def test_what_is_put_as_a_question(text: str, expected: bool) -> None:
    assert _asks(text) is expected


def test_feedback_moves_towards_the_best_passages() -> None:
    vectors = np.eye(5, dtype=np.float32)
    moved = _fed_back(vectors[0], vectors, np.array([0.2, 0.5, 0.4, 0.9, 0], dtype=np.float32))
    assert np.linalg.norm(moved) == pytest.approx(1)
    assert moved[0] > moved[3] > moved[1] > moved[2] > moved[4] == 0
