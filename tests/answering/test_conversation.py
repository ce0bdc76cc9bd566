from __future__ import annotations

import pytest

from rag.answering.conversation import leaning, standalone


@pytest.mark.parametrize(
    ("history", "question", "expected"),
    [
        (
            ["Which parts did Nissan and Honda pledge to work on?"],
            "What is agreed on the second of those?",
            "What is agreed on the second of those (Nissan and Honda pledge to work on)?",
        ),
        (
            ["What do Nissan and Honda plan?"],
            "Which of them is bigger?",
            "Which of Nissan and Honda is bigger?",
        ),
        (
            ["Who is Nissan's majority shareholder?", "And what does Renault want?"],
            "what will it do?",
            "what will Renault do?",
        ),
        (
            ["will nissan use batteries from l-h?"],
            "only in japan?",
            "only in japan (nissan use batteries from l-h)?",
        ),
        (["Whose strength does Honda's president count on?"], "What should it do?", "What should Honda do?"),
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
        (
            ["When will Nissan and Honda set up their joint venture?"],
            "Who will own it?",
            "Who will own the joint venture of Nissan and Honda?",
        ),
        (
            ["How much of Subaru belongs to Toyota?"],
            "Where did the two chief executives hold their news conference?",
            "Where did the two chief executives hold their news conference?",
        ),
        (
            ["Where did the two chief executives hold their news conference?"],
            "What did they announce there?",
            "What did the two chief executives announce there?",
        ),
        (
            ["Which memorandum did Honda and Nissan sign in August?"],
            "What do they want to share?",
            "What do Honda and Nissan want to share?",
        ),
        (
            ["What did Honda and Nissan announce on Friday?"],
            "When do the talks begin?",
            "When do the talks begin (Honda and Nissan)?",
        ),
        (
            ["Will the small car have an electric motor?"],
            "And the large sedan, is that electric?",
            "Is the large sedan electric?",
        ),
        (
            ["Which company makes the batteries that Nissan may use?"],
            "What does it cost?",
            "What does the batteries cost?",
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
            [("Which company makes Nissan's batteries?", "They come from L-H Battery Company. [1]")],
            "Who owns that company?",
            "Who owns L-H Battery Company?",
        ),
        (
            [("Which company makes Nissan's batteries?", "They come from L-H Battery Company. [1]")],
            "How many people work there?",
            "How many people work in L-H Battery Company?",
        ),
        (
            ["In which city did Honda and Nissan give a news conference?"],
            "On which day?",
            "On which day did Honda and Nissan give a news conference?",
        ),
        (
            [("Who pledged to keep engines?", "Mazda, Subaru and Toyota pledged it in May. [1]")],
            "What for?",
            "What for Mazda, Subaru and Toyota pledged to keep engines?",
        ),
        (["Which engines are makers moving away from?"], "Why?", "Why are makers moving away from engines?"),
        (["What did Mazda reach an agreement about?"], "When?", "When did Mazda reach an agreement?"),
        (
            ["What did Nissan and Mitsubishi Corporation sign in March?"],
            "no, I mean Nissan and Honda",
            "What did Nissan and Honda sign in March?",
        ),
        (["Which carmaker joined Honda?"], "sorry, I meant when", "when carmaker joined Honda?"),
        (
            ["When will Mazda found its new company?", "What is the weather?"],
            "Back to the new company: what will it offer?",
            "what will the new company offer (Mazda)?",
        ),
        (
            ["When will Mazda found its new company?"],
            "ok, other question: what is the SM7?",
            "what is the SM7?",
        ),
        (["What does Renault gain from Nissan?"], "And Nissan?", "What does Nissan gain from Nissan?"),
        (["What is L-H Battery Company?"], "And NMKV?", "What is NMKV?"),
        (
            ["Who talked? (Honda)", "What is the president of Honda's name?"],
            "and the president of Nissan?",
            "What is the president of Nissan's name?",
        ),
        (
            ["What does the president of Honda expect of Mazda?"],
            "What's his name?",
            "What's the president of Honda's name?",
        ),
        (["Which firms signed a pledge in May?"], "who wrote it?", "who wrote the pledge?"),
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


SAID = "Nissan signed another one with Mitsubishi Motors. [1] Nissan and Honda rank second in Japan. [2]"


@pytest.mark.parametrize(
    ("earlier", "question", "expected"),
    [
        (
            "how big are nissan and honda in japan",
            "what do they want there",
            "what do Nissan and Honda in Japan want there",
        ),
        ("who are nissans partners", "no i mean hondas", "who are Honda's partners?"),
        ("will nissan use them", "only in japan?", "only in Japan (Nissan use them)?"),
        ("will nissan use them", "Not in Honda's?", "Not in Honda's (Nissan use them)?"),
        ("may nissan march in japan", "why not honda?", "why not honda?"),
    ],
)
def test_names_typed_small_are_known_from_the_answer(earlier: str, question: str, expected: str) -> None:
    assert standalone(question, [(earlier, SAID)]) == expected


def test_the_reader_is_given_a_follow_up_with_the_turn_before() -> None:
    history = [("Who makes the Dayz?", "NMKV makes it. [1]"), ("what is it", "A joint venture in Tokyo. [1]")]
    assert leaning("since when?", history) == ("since when? (what is the Dayz A joint venture in Tokyo.)")
    assert leaning("Who is the president of Honda Motor?", history) == ""
    assert leaning("Another question: who runs it?", history) == ""
    assert leaning("Who makes the Dayz?", []) == ""
    assert (
        leaning("why?", [("Who makes the Dayz?", "Not in these articles.")]) == "why? (Who makes the Dayz?)"
    )
