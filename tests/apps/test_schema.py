"""What programs read has the same keys always; a language model's notes come as further ones."""

from __future__ import annotations

from rag.apps.schema import answer_json
from rag.types import Answer, Citation, Conflict, Position, Unverified

KEYS = "question query verdict text short_answer statements sources generator timings_ms".split()


def test_an_extractive_answer_has_these_keys() -> None:
    assert list(answer_json(Answer("q", "q", "not_found", "Not in these articles."))) == KEYS


def test_what_became_of_a_models_words_is_told_where_there_is_something_to_tell() -> None:
    dropped = Unverified("It sold 12 cars.", ("“12” is not in the cited text",))
    told = answer_json(Answer("q", "q", "answered", "t", note="the model broke off", unverified=(dropped,)))
    assert list(told) == [*KEYS, "note", "unverified"]
    assert told["note"] == "the model broke off"
    assert told["unverified"] == [{"text": "It sold 12 cars.", "reasons": ["“12” is not in the cited text"]}]


def test_where_articles_disagree_it_is_told_who_says_what() -> None:
    cited = Citation(1, "a.txt", "A", 0, 14, "Twelve people.", 1.0)
    sides = (Position("Twelve people.", (cited,), "2026-05-02"), Position("Ten people.", (cited,)))
    told = answer_json(Answer("q", "q", "answered", "t", conflicts=(Conflict("q", sides),)))
    assert list(told) == [*KEYS, "conflicts"]
    (conflict,) = told["conflicts"]
    assert conflict["about"] == "q"
    assert [side["text"] for side in conflict["positions"]] == ["Twelve people.", "Ten people."]
    assert [side["published"] for side in conflict["positions"]] == ["2026-05-02", None]
    assert conflict["positions"][0]["citations"][0]["path"] == "a.txt"
