from __future__ import annotations

import pytest

from rag.answering.lexicon import numbers, same_term, terms, words, written_as_names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the U.S. and the US and America", ["america", "america", "america"]),
        ("CEOs of EVs", ["chief", "execut", "ev"]),
        ("standardising standardization", ["standard", "standard"]),
        ("34% of 1,200 cars", ["34", "%", "1200", "car"]),
        ("Nissan's Nissan’s", ["nissan", "nissan"]),
        ("who is it?", []),
    ],
)
def test_terms_bring_spellings_of_one_thing_together(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_words_keep_their_spans() -> None:
    text = "On Nov. 4, e-Axles “cost” $3.5 billion."
    assert [text[word.start : word.end] for word in words(text)] == [word.text for word in words(text)]
    assert "3.5" in [word.text for word in words(text)]


def test_numbers_meet_in_one_spelling() -> None:
    assert numbers("three of 1,200 on the 21st") == {"3", "1200", "21"}


def test_names_are_what_is_capitalised_inside_sentences() -> None:
    text = "The maker of Dayz met Honda. Partnership talks began with a Rocky Mountain Automotive Press man."
    names, plain = written_as_names(text, words(text))
    assert names == {"dayz", "honda"}
    assert {"maker", "talk", "man"} <= plain


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("mitsubshi", "mitsubishi", True),
        ("nisasn", "nissan", True),
        ("honda", "hondo", True),
        ("2024", "2025", False),
        ("ford", "fort", False),
        ("toyota", "nissan", False),
    ],
)
def test_one_slip_in_a_long_word_is_forgiven_never_in_a_number(a: str, b: str, same: bool) -> None:
    assert same_term(a, b) is same
    assert same_term(b, a) is same
