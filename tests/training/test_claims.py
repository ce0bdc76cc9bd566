from __future__ import annotations

import random

import pytest

from rag.training.claims import (
    alike,
    from_questions,
    from_sentences,
    joined,
    question_claim,
    yes_no_claim,
)
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
    right = "Paris is the capital of France."
    assert (made[0].first, made[0].second, made[0].support) == (right, CONTEXT, (SUPPORTED,))
    for e in made[1:]:
        if e.first != right:
            assert e.support == (REFUTED, NEITHER)  # another name; it may be true as well
        else:
            assert e.support == ((SUPPORTED,) if "Paris" in e.second else (NEITHER,))
    close = [e for e in made if e.group == "support:close"]
    assert {e.support for e in close} >= {(SUPPORTED,), (REFUTED, NEITHER)}
    assert all(e.second in CONTEXT and e.second != CONTEXT for e in close)


def test_another_number_contradicts() -> None:
    context = "The mill has 12 wheels. It was built in 1834 by Ann Miller."
    record = Record("s", "t", context, "How many wheels has the mill?", ((13, 15),))
    assert question_claim(record.question, "12") == "12 has the mill."
    made = list(from_questions([record], [[]], random.Random(1)))
    wrong = [e for e in made if e.first == "1834 has the mill."]
    assert wrong and all(e.support == (REFUTED,) for e in wrong)


def test_joined_claims_are_of_two_sentences_and_say_what_was_changed() -> None:
    other = "Lyon lies on the Rhone and is an old town of silk. It has many bridges, as everybody knows well."
    supported, unsupported = [], []
    for seed in range(40):
        for e in joined([CONTEXT], [[other]], random.Random(seed)):
            assert e.group == "support:joined" and CONTEXT in e.second
            (supported if e.support == (SUPPORTED,) else unsupported).append(e)
    assert len(supported) == 40
    assert {e.support for e in unsupported} >= {(REFUTED,), (REFUTED, NEITHER)}
    assert not {e.first for e in supported} & {e.first for e in unsupported}


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
