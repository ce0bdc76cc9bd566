from __future__ import annotations

import pytest

from rag.answering.conversation import standalone


@pytest.mark.parametrize(
    ("history", "question", "expected"),
    [
        (
            ["What is the NMKV joint venture?"],
            "which cars did it make?",
            "which cars did the NMKV joint venture make?",
        ),
        (
            ["How much of Mitsubishi Motors does Nissan own?"],
            "and Honda?",
            "How much of Mitsubishi Motors does Honda own?",
        ),
        (["Who is Toshihiro Mibe?"], "what did he say?", "what did Toshihiro Mibe say?"),
        (
            ["Who owns NMKV?", "which cars did it make?"],
            "and in America?",
            "which cars did NMKV make in America?",
        ),
        (["What did Nissan and Honda announce?"], "Why?", "Why did Nissan and Honda announce?"),
        (
            [("Who is the president of Honda?", "Honda president Toshihiro Mibe said so. [1]")],
            "What did he say?",
            "What did Toshihiro Mibe say?",
        ),
        (
            ["Who wrote the article about Renault?"],
            "what is he a member of?",
            "what is the person who wrote the article about Renault a member of?",
        ),
    ],
)
def test_a_follow_up_is_completed(history: list[str | tuple[str, str]], question: str, expected: str) -> None:
    assert standalone(question, history) == expected


@pytest.mark.parametrize(
    "question",
    [
        "Who is the president of Honda?",
        "Is it true that Toyota agreed with Mazda?",
        "Are there any plans by Subaru to build a factory?",
    ],
)
def test_a_question_that_stands_by_itself_is_left_alone(question: str) -> None:
    assert standalone(question, ["What is the NMKV joint venture?"]) == question
    assert standalone(question, []) == question


def test_what_was_asked_for_is_the_topic_when_nothing_else_is() -> None:
    assert standalone("who is in them?", ["Which joint ventures are named in the articles"]) == (
        "who is in the joint ventures?"
    )
