from __future__ import annotations

import random

import pytest

from rag.training.claims import alike, from_questions, from_sentences, question_claim, yes_no_claim
from rag.training.examples import NEITHER, REFUTED, SUPPORTED, Record

CONTEXT = (
    "Paris has been the capital of France since the year 987, with some gaps. "
    "The city was ruled by Anne Hidalgo in 2014. "
    "Lyon was the capital of the Three Gauls under the Roman Empire for many years."
)


@pytest.mark.parametrize(
    ("question", "answer", "claim"),
    [
        ("What is the capital of France?", "Paris", "Paris is the capital of France."),
        ("Who wrote Hamlet?", "Shakespeare", "Shakespeare wrote Hamlet."),
        ("How many people were hurt?", "nine", "Nine were hurt."),
        ("Who did Mary meet?", "Ann", None),
        ("What year was it built?", "1987", None),
        ("Where is Paris?", "France", None),
    ],
)
def test_only_questions_about_a_subject_become_claims(question: str, answer: str, claim: str | None) -> None:
    assert question_claim(question, answer) == claim


def test_alike_keeps_the_kind() -> None:
    rng = random.Random(1)
    assert alike("987", CONTEXT, rng) == "2014"
    assert alike("Anne Hidalgo", CONTEXT, rng) in {"France", "Lyon", "Three Gauls", "Roman Empire", "Paris"}
    assert alike("the city", CONTEXT, rng) is None


def test_claims_from_questions_are_right_or_not() -> None:
    start = CONTEXT.index("Paris")
    record = Record("s", "t", CONTEXT, "What is the capital of France?", ((start, start + 5),))
    made = list(from_questions([record], [["Rain fell."]], random.Random(2)))
    assert made[0].first == "Paris is the capital of France."
    assert made[0].support == (SUPPORTED,)
    assert {e.support for e in made[1:]} == {(REFUTED, NEITHER)}


def test_claims_from_sentences_change_or_keep() -> None:
    supported, changed = [], []
    for seed in range(30):
        for e in from_sentences([CONTEXT], [["Berlin is in Germany, near Potsdam."]], random.Random(seed)):
            (supported if e.support == (SUPPORTED,) else changed).append(e)
    assert supported
    assert changed
    assert all(e.first.rstrip(".") in CONTEXT for e in supported)
    assert all(e.first not in e.second for e in changed)


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("Is the port open?", "The port open."),
        ("did Renault join the pact ?", "Renault join the pact."),
        ("  Will they own it  ", "They own it."),
        ("Who owns it?", None),
        ("Island hopping is fun?", None),
        ("Is?", None),
        ("", None),
    ],
)
def test_a_yes_no_question_becomes_its_claim(question: str, claim: str | None) -> None:
    assert yes_no_claim(question) == claim
