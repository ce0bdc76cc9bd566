"""What rules and reader make of two sentences together; how well is measured by eval/fit_conflicts.py."""

from __future__ import annotations

import pytest

from rag.answering.contradiction import FEATURES, decided, features, shipped
from rag.answering.disagreement import Difference, Said, difference
from rag.answering.question import analyse

QUESTION = analyse("How many people died in the sinking of the Aurora?")
ONE = Said("28 people died in the sinking of the Aurora.", (0, 2), 0.97)
OTHER = Said("The sinking of the Aurora cost 31 lives.", (31, 33), 0.97)
SAME = Said("The Aurora went down with 28 dead.", (26, 28), 0.97)
REFUTED, AGREES = (0.02, 0.95, 0.03), (0.95, 0.02, 0.03)


def test_features_say_what_differs() -> None:
    found = difference(QUESTION, ONE, OTHER)
    row = dict(zip(FEATURES, features(found, REFUTED, AGREES), strict=True))
    assert row["refuted_most"] > 0 > row["refuted_least"]
    assert (row["rule_of_value"], row["rule_of_name"], row["rule_of_wording"]) == (1, 0, 0)
    same = dict(zip(FEATURES, features(difference(QUESTION, ONE, SAME), AGREES, AGREES), strict=True))
    assert (same["rule_of_value"], same["rule_of_name"], same["rule_of_wording"]) == (0, 0, 0)


def test_order_of_the_two_makes_no_difference() -> None:
    there = features(difference(QUESTION, ONE, OTHER), REFUTED, AGREES)
    back = features(difference(QUESTION, OTHER, ONE), AGREES, REFUTED)
    assert there == pytest.approx(back)


def test_the_more_the_reader_refutes_the_likelier() -> None:
    weigh = shipped().regression.probability
    found = difference(QUESTION, ONE, OTHER)
    assert weigh(features(found, REFUTED, REFUTED)) > weigh(features(found, AGREES, AGREES))


def test_what_agrees_is_never_called_a_contradiction() -> None:
    assert not decided(QUESTION, ONE, SAME, difference(QUESTION, ONE, SAME), AGREES, AGREES)


def test_a_copy_that_was_turned_around_needs_no_reader() -> None:
    assert decided(QUESTION, ONE, OTHER, Difference("opposite", is_of_copies=True), AGREES, AGREES)
