from __future__ import annotations

import pytest

from rag.models.claims import yes_no_claim


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
