"""What programs read has the same keys always; a language model's notes come as further ones."""

from __future__ import annotations

from rag.apps.schema import answer_json
from rag.types import Answer, Unverified

KEYS = "question query verdict text short_answer statements sources generator timings_ms".split()


def test_an_extractive_answer_has_these_keys() -> None:
    assert list(answer_json(Answer("q", "q", "not_found", "Not in these articles."))) == KEYS


def test_what_became_of_a_models_words_is_told_where_there_is_something_to_tell() -> None:
    dropped = Unverified("It sold 12 cars.", ("“12” is not in the cited text",))
    told = answer_json(Answer("q", "q", "answered", "t", note="the model broke off", unverified=(dropped,)))
    assert list(told) == [*KEYS, "note", "unverified"]
    assert told["note"] == "the model broke off"
    assert told["unverified"] == [{"text": "It sold 12 cars.", "reasons": ["“12” is not in the cited text"]}]
