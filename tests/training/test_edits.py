from __future__ import annotations

import random

import pytest

from rag.training import edits


def test_names_leave_out_plain_openings() -> None:
    text = "When did Beyoncé leave New York City for the Bank of England?"
    assert [text[a:b] for a, b in edits.names(text)] == ["Beyoncé", "New York City", "Bank of England"]


def test_sentences_cover_the_text() -> None:
    text = 'He said "no." Then Ann left. "Why?" Nobody knew.'
    assert [text[a:b].strip('"') for a, b in edits.sentences(text)] == [
        'He said "no.',
        "Then Ann left.",
        "Why?",
        "Nobody knew.",
    ]


def test_swap_name_takes_another_of_its_length() -> None:
    rng = random.Random(0)
    swapped = edits.swap_name("When did John Smith move?", ["Mary Jones", "John Smith", "A B C D E"], rng)
    assert swapped == "When did Mary Jones move?"
    assert edits.swap_name("when did it move?", ["Mary Jones"], rng) is None


@pytest.mark.parametrize(
    "text", ["In what year, 1987 or later, was it?", "It cost $4,500.75 in all.", "all three brothers"]
)
def test_swap_number_changes_one_number(text: str) -> None:
    for seed in range(20):
        changed = edits.swap_number(text, random.Random(seed))
        assert changed is not None
        assert changed != text
        assert len(changed.split()) == len(text.split())
    assert edits.swap_number("no number here", random.Random(0)) is None


def test_swap_opposite_and_back() -> None:
    rng = random.Random(0)
    once = edits.swap_opposite("the largest town", rng)
    assert once == "the smallest town"
    assert edits.swap_opposite(once, rng) == "the largest town"
    assert edits.swap_opposite("the town", rng) is None


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("Who is the king?", {"Who isn't the king?", "Who is not the king?"}),
        ("Who can sing?", {"Who can't sing?", "Who can not sing?"}),
        ("He did not go.", {"He did go."}),
        ("He doesn't go.", {"He does go."}),
    ],
)
def test_negate_puts_in_or_takes_out(text: str, allowed: set[str]) -> None:
    assert {edits.negate(text, random.Random(seed)) for seed in range(12)} == allowed
    assert edits.negate("Nobody went.", random.Random(0)) is None
