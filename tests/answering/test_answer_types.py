from __future__ import annotations

import pytest

from rag.answering.answer_types import expansion, holds_answer, short_answer, tells_money
from rag.answering.question import analyse


@pytest.mark.parametrize(
    ("question", "sentence", "holds"),
    [
        ("When is it founded?", "It is due to be founded in March 2025.", True),
        ("When is it founded?", "It is to be founded soon by both of them.", False),
        ("When was it agreed?", "They reached an agreement on Nov. 4.", True),
        ("When did they say so?", "They will team up, they said Friday.", True),
        ("How much of it does Nissan own?", "It is 34% owned by Nissan.", True),
        ("How much of it does Nissan own?", "It is partly owned by Nissan.", False),
        ("How many firms joined?", "Three firms joined.", True),
        ("How many firms joined?", "Some firms joined.", False),
        ("Who is the chief executive of Tesla?", "The chief executives of Nissan Motor Co. met.", False),
        ("Who is the president of Honda?", "Honda president Toshihiro Mibe said so.", True),
        ("Who makes the Dayz?", "Nissan makes the Dayz.", True),
        ("Who makes the Dayz?", "The Dayz is small.", False),
        ("Where did they meet?", "They met in Tokyo.", True),
        ("Where did they meet?", "They met briefly.", False),
        ("What is it?", "Anything may serve here.", True),
    ],
)
def test_holds_answer(question: str, sentence: str, holds: bool) -> None:
    assert holds_answer(analyse(question), sentence) is holds


def test_what_the_question_itself_says_is_no_answer() -> None:
    assert not holds_answer(analyse("What else happens in March 2025? When?"), "It happens in March 2025.")


def test_short_answer_is_given_only_when_there_is_one_candidate() -> None:
    analysis = analyse("When will it be founded?")
    assert short_answer(analysis, "It will be founded in March 2025.") == "March 2025"
    assert short_answer(analysis, "Agreed on Nov. 4, it will be founded in March 2025.") is None
    assert short_answer(analyse("Who owns it?"), "Nissan owns it.") is None


@pytest.mark.parametrize(
    ("acronym", "text", "found"),
    [
        ("SDV", "next-generation software-defined vehicle (SDV) platforms", "software-defined vehicle"),
        ("mou", "signing a Memorandum of Understanding (MoU) in March", "Memorandum of Understanding"),
        ("TAWA", "the TAWA (Texas Auto Writers Association)", "Texas Auto Writers Association"),
        ("NMKV", "commonly known as the (NMKV) joint venture", None),
        ("EV", "an electric car (EV)", None),
    ],
)
def test_expansion_needs_the_initials(acronym: str, text: str, found: str | None) -> None:
    span = expansion(acronym, text)
    assert (text[span.start : span.end] if span else None) == found


@pytest.mark.parametrize(
    ("question", "money"),
    [
        ("How much did Nissan pay for its stake in Mitsubishi?", True),
        ("How much money will the new plant cost?", True),
        ("What is the price of the new sedan?", True),
        ("How much of Mitsubishi does Nissan own?", False),
        ("How much of the budget was spent on roads?", False),
        ("How much does it weigh?", False),
        ("Who will pay for it?", False),
    ],
)
def test_what_asks_for_money(question: str, money: bool) -> None:
    assert analyse(question).money is money


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Nissan holds 34% of Mitsubishi Motors.", False),
        ("Since 2016 the two have shared 3 platforms.", False),
        ("It paid ¥237 billion for the shares.", True),
        ("The plant is to cost about 40 million euros.", True),
        ("A seat costs 12 dollars.", True),
        ("It got the shares for nothing.", True),
        ("The deal is worth some 2bn.", True),
    ],
)
def test_what_tells_of_money(sentence: str, told: bool) -> None:
    assert tells_money(sentence) is told
