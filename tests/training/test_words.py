from __future__ import annotations

import random
import re

import pytest

from rag.training.examples import SUPPORTED
from rag.training.words import (
    Vocabulary,
    exchanged,
    from_sentences,
    names_inside,
    said_in,
    shortened,
    swapped_roles,
)

MILL = (
    "The mill at Ford was built by Ann Miller in 1874. It had the largest wheel of the county. "
    "A fire destroyed the roof one winter, but the walls stood firm. "
    "The owner sold the land to a farmer, who kept geese there."
)
SHIP = (
    "The captain of the vessel lost the anchor in a storm near Norway. The crew repaired the mast. "
    "Later the company sold the vessel to a merchant, who kept the anchor and the captain."
)
WORDS = Vocabulary.of([MILL, SHIP, MILL.replace("Ford", "York"), SHIP.replace("Norway", "Spain")])


def test_a_word_is_exchanged_for_one_of_its_form_that_the_passage_does_not_hold() -> None:
    claim = "The owner sold the land to a farmer."
    made = {
        exchanged(claim, said_in(MILL), frozenset(), WORDS, random.Random(seed)) for seed in range(30)
    } - {None}
    assert made
    for changed in made:
        assert changed is not None
        old, new = (set(re.findall(r"\w+", text)) for text in (claim, changed))
        assert len(new - old) == len(old - new) == 1
        assert not said_in(" ".join(new - old)) & said_in(MILL)


def test_a_word_of_a_passage_on_the_same_topic_comes_first() -> None:
    made = {
        exchanged("The owner sold the land.", said_in(MILL), said_in("anchor"), WORDS, random.Random(seed))
        for seed in range(20)
    }
    assert "The owner sold the anchor." in made


def test_nothing_to_exchange() -> None:
    assert exchanged("Ann Miller left.", frozenset(), frozenset(), WORDS, random.Random(0)) is None


@pytest.mark.parametrize(
    ("claim", "swapped"),
    [
        ("Renko bought Acme Ships in May.", None),  # the opening word may be no name
        ("In May, Renko quietly bought out Acme Ships.", "In May, Acme Ships quietly bought out Renko."),
        ("In May, Renko and the Acme Ships met.", None),
        ("He says Renko is the Acme Ships.", None),
        ("It fell.", None),
    ],
)
def test_two_names_change_places(claim: str, swapped: str | None) -> None:
    assert swapped_roles(claim, frozenset(), random.Random(0)) == swapped


def test_a_name_that_opens_the_sentence_counts_if_the_passage_knows_it() -> None:
    known = names_inside("Then Renko grew. Days passed, and Renko sold ships to Norway.")
    assert known == {"Renko", "Norway"}
    changed = swapped_roles("Renko sold ships to Norway.", known, random.Random(0))
    assert changed == "Norway sold ships to Renko."


def test_a_sentence_is_cut_at_a_comma_or_not() -> None:
    sentence = "A fire destroyed the old roof, but the walls stood firm."
    cuts = {shortened(sentence, random.Random(seed)) for seed in range(10)}
    assert cuts == {sentence, "A fire destroyed the old roof."}


def test_each_change_stands_beside_the_statement_as_it_was() -> None:
    made = list(from_sentences([MILL, SHIP] * 10, [[SHIP], [MILL]] * 10, random.Random(3)))
    assert {example.group for example in made} == {"support:words", "support:roles"}
    kept = [example for example in made if example.support == (SUPPORTED,)]
    assert 0 < len(kept) < len(made)
    for example in kept:
        assert example.first.rstrip(".") in MILL + SHIP
    for example in made:
        assert example.second in MILL or example.second in SHIP
        if example.support != (SUPPORTED,):
            copied = example.first.rstrip(".") in example.second
            assert not copied, example
