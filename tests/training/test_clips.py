from __future__ import annotations

import random

import pytest

from rag.training.clips import asked_otherwise, clip, clipped
from rag.training.examples import Record


def without(text: str, answer: str) -> str | None:
    start = text.index(answer)
    gone = clip(text, start, start + len(answer))
    return text[: gone[0]] + text[gone[1] :] if gone else None


@pytest.mark.parametrize(
    ("text", "answer", "left"),
    [
        ("Acme bought Bolt for $2.3 billion in 1999.", "$2.3 billion", "Acme bought Bolt in 1999."),
        ("Acme bought Bolt for $2.3 billion in 1999.", "1999", "Acme bought Bolt for $2.3 billion."),
        ("It opened on July 4, 1901, and burnt down.", "4, 1901", "It opened, and burnt down."),
        ("The archive was founded by Congress.", "Congress", "The archive was founded."),
        ("The capital (Oslo) is cold.", "Oslo", "The capital is cold."),
        ("The king, Olaf, left.", "Olaf", "The king left."),
        ("It cost more than $3 to enter", "$3", None),  # what is left would be no sentence
        ("In 1999 season tickets sold out.", "1999", None),  # not the phrase, only a part of it
    ],
)
def test_the_phrase_goes_and_the_sentence_stays(text: str, answer: str, left: str | None) -> None:
    assert without(text, answer) == left


PASSAGE = (
    "The mill was built by Ann Miller in 1874 for 2,000 pounds. It had the largest wheel of the county. "
    "A fire destroyed the roof one winter, but the walls stood firm and the land was sold to a farmer."
)


def asked(question: str, answer: str, passage: str = PASSAGE) -> Record:
    start = passage.index(answer)
    return Record("s", "t", passage, question, ((start, start + len(answer)),))


def test_a_clipped_passage_is_asked_what_it_lost_and_what_it_kept() -> None:
    records = [asked("Who built it?", "Ann Miller"), asked("What did it cost?", "2,000 pounds")]
    made = list(clipped(records))
    lost = {e.first: e.second for e in made if e.group == "clipped-"}
    assert "Ann Miller" not in lost["Who built it?"]
    assert "pounds" not in lost["What did it cost?"]
    assert all(e.no_answer and e.evidence == 0 for e in made if e.group == "clipped-")
    kept = [(e.first, e.second[a:b]) for e in made if e.group == "clipped+" for a, b in e.spans]
    assert kept == [("What did it cost?", "2,000 pounds"), ("Who built it?", "Ann Miller")]


def test_an_answer_that_occurs_again_is_not_clipped() -> None:
    twice = PASSAGE + " Ann Miller died there."
    assert not list(clipped([asked("Who built it?", "Ann Miller", twice)]))


def test_another_thing_is_asked_that_the_passage_does_not_name() -> None:
    records = [
        asked("How many pounds did it cost?", "2,000"),
        asked("How many geese were lost?", "2,000"),
        asked("What was the owner of the mill?", "Ann Miller"),
        asked("What was the roof of the mill?", "Ann Miller"),
        asked("When was it destroyed?", "1874"),
        asked("When was it demolished?", "1874"),
    ]
    made = {e.first for e in asked_otherwise(records, random.Random(1))}
    assert made >= {
        "How many geese did it cost?",
        "What was the owner of the mill?",
        "When was it demolished?",
    }
    assert not [
        question for question in made if "roof" in question or "destroyed" in question or "pounds" in question
    ]
