from __future__ import annotations

import pytest

from rag.answering.roles import exchanged


@pytest.mark.parametrize(
    ("statement", "cited"),
    [
        ("Bolt bought Acme in 2019.", "Acme bought Bolt in 2019."),
        ("Bolt owns 34% of Acme.", "Acme owns 34% of Bolt."),
        ("Acme was bought by Bolt in 2019.", "Bolt was bought by Acme in 2019."),
        ("The line runs from Oslo to Bergen.", "The line runs from Bergen to Oslo."),
        ("Acme's chief executive Ann Miller met Bolt.", "Bolt met Acme's chief executive Ann Miller."),
    ],
)
def test_two_names_in_each_others_place(statement: str, cited: str) -> None:
    assert "each other's place" in (exchanged(statement, [cited]) or "")


@pytest.mark.parametrize(
    ("statement", "cited"),
    [
        ("Acme bought Bolt in 2019.", "Acme bought Bolt in 2019."),
        ("Bolt was bought by Acme in 2019.", "Acme bought Bolt in 2019."),
        ("Acme bought Bolt in 2019.", "In 2019, Bolt was bought by the Norwegian maker Acme."),
        ("In Norway Acme sells ships.", "Acme sells ships in Norway."),
        ("Bolt fell after Acme rose.", "After Acme rose, Bolt fell."),
        ("Bolt and Acme make ships.", "Acme and Bolt make ships."),
        ("Ann Miller is the chief executive of Acme.", "Acme's chief executive is Ann Miller."),
        ("Ann Miller said that Acme will sell ships.", "“Acme will sell ships,” said Ann Miller."),
        ("Bolt bought Acme.", "Acme makes ships for Norway, and Bolt makes engines for the navy."),
    ],
)
def test_what_english_moves_about_is_left_alone(statement: str, cited: str) -> None:
    assert exchanged(statement, [cited]) is None


def test_it_is_held_against_the_sentence_that_says_most_of_it() -> None:
    assert (
        exchanged("Bolt bought Acme in May.", ["Acme bought Bolt in May.", "In May Bolt bought Acme."])
        is None
    )
    assert exchanged("Bolt bought Acme in May.", ["Acme bought Bolt in May.", "Bolt makes ships."])
