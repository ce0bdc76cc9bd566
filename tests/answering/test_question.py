from __future__ import annotations

import pytest

from rag.answering.question import analyse, parts


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When will the new company be established?", "date"),
        ("in what year does production start", "date"),
        ("who is the chief executive of Tesla?", "person"),
        ("How much of Mitsubishi Motors does Nissan own?", "amount"),
        ("What percentage does Nissan own", "amount"),
        ("How many companies joined?", "count"),
        ("Where was the news conference held?", "place"),
        ("which country is the Dayz sold in", "place"),
        ("why have the japanese fallen behind?", "reason"),
        ("What is the purpose of the alliance?", "reason"),
        ("Is the agreement binding?", "yesno"),
        ("did they say when it starts", "yesno"),
        ("Which companies signed a memorandum in August?", "list"),
        ("What are the two announced plans?", "list"),
        ("What does the plan for energy services include?", "list"),
        ("which company makes the Dayz", "organisation"),
        ("What is NMKV?", "definition"),
        ("What does MoU stand for?", "expansion"),
        ("What did Toshihiro Mibe say about the industry?", "quote"),
        ("How do the articles differ about the agreement?", "differences"),
        ("summarise the articles", "summary"),
        ("How will costs be reduced?", "manner"),
        ("What will the joint venture do?", "thing"),
        ("What does the US Constitution Party stand for?", "thing"),
        ("what does mou stand for", "expansion"),
    ],
)
def test_kind(question: str, kind: str) -> None:
    assert analyse(question).kind == kind


def test_names_and_numbers_a_question_insists_on() -> None:
    analysis = analyse("What did Nissan promise Renault in 2028 for the three companies?")
    assert analysis.names == ("nissan", "renault")
    assert analysis.numbers == ("2028",)


def test_names_typed_without_capitals_are_known_from_the_corpus() -> None:
    assert analyse("who runs tesla").names == ()
    assert analyse("who runs tesla", {"tesla"}).names == ("tesla",)


def test_an_acronym_for_common_nouns_is_no_name() -> None:
    assert analyse("Who is the CEO of Honda?").names == ("honda",)
    assert analyse("Who is the CEO of Honda?").role


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What did the Swiss winners say to Doctor Li Wenliang?", ("li", "wenliang")),
        ("Did the Pope visit President Biden?", ("pope", "biden")),
        ("toll of the attack at Paris police HQ?", ("pari",)),
    ],
)
def test_a_nationality_and_a_title_before_a_name_are_no_names(question: str, names: tuple[str, ...]) -> None:
    assert analyse(question).names == names


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When does it start and who owns it?", ["When does it start", "who owns it?"]),
        ("When and where was it announced?", ["When was it announced?", "where was it announced?"]),
        (
            "On which island and on what day of the week, did the ship sink?",
            ["On which island did the ship sink?", "on what day of the week did the ship sink?"],
        ),
        (
            "How many cars, and how many bikes were hit?",
            ["How many cars were hit?", "how many bikes were hit?"],
        ),
        ("who and how many people came", ["who came", "how many people came"]),
        ("What happened and when was it?", ["What happened", "when was it?"]),
        ("Who signed it, where and when?", ["Who signed it", "where", "when?"]),
        ("What did Nissan and Honda agree?", ["What did Nissan and Honda agree?"]),
        ("Who is Mibe? What did he say?", ["Who is Mibe?", "What did he say?"]),
        ("Who said “we grow; what else” today?", ["Who said “we grow; what else” today?"]),
        ("Who owns Honda; Nissan and Renault?", ["Who owns Honda; Nissan and Renault?"]),
        ("Compare Nissan's share with its plan", ["Nissan's share", "Nissan's plan"]),
        ("Compare Honda's share in it with Nissan's.", ["Honda's share in it", "Nissan's share in it"]),
        ("What is it called? Give the name.", ["What is it called? Give the name."]),
        ("Two say so; which one says more?", ["Two say so which one says more?"]),
        ("who? what? when? where? why?", ["who? what? when? where? why?"]),
    ],
)
def test_parts(question: str, expected: list[str]) -> None:
    assert parts(question) == expected


def test_a_long_unbroken_word_is_read_at_once() -> None:
    assert analyse("what is " + "a" * 5000 + " !").kind in ("definition", "thing")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("In which months did they sign?", True),
        ("what other branches of business gain from it", True),
        ("every model that Renault may send", True),
        ("Please set out the fields in which they work", True),
        ("What were the tallies in the House?", True),
        ("For what reasons did they agree?", True),
        ("who all relies on it", True),
        ("Name the chairman of the board", True),
        ("What makes the car heavy?", False),
        ("Which company makes the cars?", False),
        ("Do we know what the twenty years cost?", False),
        ("In which month did they sign?", False),
    ],
)
def test_several_things_may_be_asked_of_any_kind(question: str, expected: bool) -> None:
    assert analyse(question).wants_several is expected
