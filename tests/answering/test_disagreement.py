"""What counts as a contradiction by rules alone; what the reader adds is measured in eval/."""

from __future__ import annotations

import pytest

from rag.answering.disagreement import Said, difference
from rag.answering.question import analyse


def said(text: str, answer: str = "", answerable: float = 0.95) -> Said:
    start = text.find(answer)
    return Said(text, (start, start + len(answer)) if answer else None, answerable)


CASES = [
    (
        "How many people died?",
        said("28 people died.", "28"),
        said("The sinking cost 31 lives.", "31"),
        "amount",
    ),
    ("How many people died?", said("28 people died.", "28"), said("28 bodies were found.", "28"), None),
    ("How many people died?", said("28 people died.", "28"), said("It has 31 cabins.", "31", 0.5), None),
    ("How many cars were made?", said("In 2019, 12 cars.", "12"), said("In 2020, 15 cars.", "15"), None),
    (
        "When does it open?",
        said("It opens in May 2026.", "May 2026"),
        said("It opens in June 2027.", "June 2027"),
        "date",
    ),
    ("When does it open?", said("It opens in May 2026.", "May 2026"), said("It opens in May.", "May"), None),
    (
        "Who is the president of Norvik?",
        said("Elena Marsh is president of Norvik.", "Elena Marsh"),
        said("Norvik's president is Peter Dahl.", "Peter Dahl"),
        "person",
    ),
    (
        "Who is the president of Norvik?",
        said("Elena Marsh is president of Norvik.", "Elena Marsh"),
        said("Peter Dahl chairs Norvik.", "Peter Dahl"),
        None,
    ),
    (
        "Did sales rise?",
        said("Sales of cars rose in Spain.", "rose"),
        said("Sales of cars fell in Spain.", "fell"),
        "opposite",
    ),
    (
        "Did sales rise?",
        said("Sales of cars rose in Spain.", "rose"),
        said("Profit from cars fell in Spain.", "fell", 0.6),
        None,
    ),
    (
        "Who left the race for the party?",
        said("Nora Quist was in the race for the party and ended her campaign."),
        said("Elena Gillibrand was in the race for the party and began a campaign."),
        None,
    ),
    (
        "Is the agreement of Honda and Nissan binding?",
        said("The agreement is non-binding."),
        said("Honda and Nissan are legally bound by it."),
        "binding",
    ),
    (
        "Have Honda and Nissan formed a joint venture?",
        said("A joint venture was presented by Honda and Nissan."),
        said("Honda and Nissan signed a memorandum."),
        "footing",
    ),
    (
        "Have Mitsubishi and Nissan formed a joint venture?",
        said("Mitsubishi Corporation and Nissan formed a joint venture."),
        said("Nissan and Mitsubishi Motors signed a memorandum."),
        None,
    ),
]


@pytest.mark.parametrize(("question", "one", "other", "kind"), CASES)
def test_rules(question: str, one: Said, other: Said, kind: str | None) -> None:
    found = [difference(analyse(question), *pair) for pair in ((one, other), (other, one))]
    assert [difference_.kind if difference_ else None for difference_ in found] == [kind, kind]


def test_the_same_words_never_contradict_each_other() -> None:
    one = said("It did not open in 2019.", "2019")
    assert difference(analyse("When did it open?"), one, one) is None
