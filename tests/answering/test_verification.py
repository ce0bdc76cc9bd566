"""The exact checks on hand-made pairs, and how they go together with a reader."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rag.answering.verification import (
    exact_objections,
    is_copy,
    similarity,
    verify,
    verify_all,
    word_objections,
)
from rag.models.reader import Reader, Reading, load_reader

VENTURE = (
    "Mitsubishi Corporation and Nissan Motor Co. reached an agreement on Nov. 4, 2024 to set up a joint venture. "
    "The two partners will each hold 50 percent of the company, worth $1.2bn, which is due to be founded in March 2025."
)
SALES = (
    "Sales rose by 34% to 1,000 cars a day in the third quarter, said Makoto Uchida, the chief executive of Nissan. "
    "Between 30 and 40 percent of the roughly 20,000 workers joined the union, half of them in Germany."
)
MEMO = "In March they signed a non-binding memorandum of understanding on software-defined vehicles (SDV)."

SAID = [
    (VENTURE, "Nissan Motor Company and Mitsubishi Corp. agreed on November 4 to set up a joint venture."),
    (VENTURE, "The agreement was reached on 4 November 2024."),
    (VENTURE, "The agreement dates from 2024-11-04."),
    (VENTURE, "Both partners hold half of the company."),
    (VENTURE, "Each holds fifty percent."),
    (VENTURE, "Each holds a 50 per cent stake."),
    (VENTURE, "Each will have 50%."),
    (VENTURE, "It is worth 1.2 billion dollars."),
    (VENTURE, "It is worth US$1,200 million."),
    (VENTURE, "It is worth 1.2 billion U.S. dollars."),
    (VENTURE, "Nissan's joint venture starts in March 2025."),
    (VENTURE, "It starts in 2025."),
    (VENTURE, "Mitsubishi and Nissan will found it in March."),
    (VENTURE, "Carmakers agreed to work together."),
    (VENTURE, "Together, one of the partners said nothing."),
    (SALES, "Sales went up thirty-four percent."),
    (SALES, "It sold 1000 cars a day."),
    (SALES, "Nissan's CEO Makoto Uchida spoke of the 3rd quarter."),
    (SALES, "Up to 40% of the workers joined."),
    (SALES, "At least 30 percent joined."),
    (SALES, "There are twenty thousand workers."),
    (SALES, "Fifty percent of those who joined are German."),
    (SALES, "Mr Uchida leads Nissan."),
    (MEMO, "The MoU was signed in March."),
    (MEMO, "SDVs are software-defined vehicles."),
    (MEMO, "The Memorandum of Understanding is not binding."),
    ("The U.S. government and EU officials met.", "American and European officials met."),
    ("Canadian and Israeli officials met in Rome.", "Officials of Canada and Israel met in Rome."),
    ("The car has a range of 500 km.", "It goes 500 kilometres."),
    ("The plant makes 3-5 million cells.", "It makes 3 million cells or more."),
    ("In nineteen ninety-four he left.", "He left in 1994."),
    ("The twenty-first century began.", "It is the 21st century."),
    ("It took two hundred and five days.", "It took 205 days."),
    ("A dozen firms took part.", "12 firms took part."),
    ("A third of the staff left.", "About 33 percent of the staff left."),
    ("Donald J. Trump won.", "Donald Trump won."),
    ("President Joe Biden, 78, spoke.", "Joe Biden, the president, is 78."),
    ("Prices did not rise.", "Prices didn't rise."),
    ("Nissan may use batteries of Honda.", "Nissan might use batteries of Honda."),
    ("Nissan is to use batteries of Honda.", "Nissan will use batteries of Honda."),
    ("They sell it solely in Japan.", "They sell it only in Japan."),
]
NOT_SAID = [
    (VENTURE, "The agreement was reached on Nov. 5.", "date"),
    (VENTURE, "The agreement was reached on November 4, 2023.", "date"),
    (VENTURE, "It starts in April 2025.", "date"),
    (VENTURE, "It starts in 2026.", "date"),
    (VENTURE, "Each holds 51 percent.", "number"),
    (VENTURE, "Each holds a third.", "number"),
    (VENTURE, "It is worth $1.3bn.", "number"),
    (VENTURE, "It is worth $1.2 million.", "number"),
    (VENTURE, "It is worth 1.2 billion euros.", "unit"),
    (VENTURE, "Each holds 50 dollars.", "unit"),
    (VENTURE, "Three partners hold the company.", "number"),
    (VENTURE, "Honda and Nissan reached an agreement.", "name"),
    (VENTURE, "Tesla reached an agreement.", "name"),
    (VENTURE, "Mitsubishi Motors reached an agreement.", "name"),
    (VENTURE, "Nissan Corporation and Mitsubishi Motor Co. reached an agreement.", "name"),
    (VENTURE, "The two partners, Nissan and BMW, agreed.", "name"),
    (VENTURE, "Nissan and Mitsubishi will found it in Tokyo.", "name"),
    (SALES, "Sales fell by 34%.", "opposite"),
    (SALES, "Sales rose by 43%.", "number"),
    (SALES, "It sold 1,000,000 cars a day.", "number"),
    (SALES, "It sold 1000 cars in the fourth quarter.", "number"),
    (SALES, "Makoto Honda is the chief executive of Nissan.", "name"),
    (SALES, "Carlos Uchida is the chief executive of Nissan.", "name"),
    (SALES, "Half of them were in France.", "name"),
    (MEMO, "The memorandum of understanding was signed in May.", "date"),
    (MEMO, "The memorandum concerns EVs.", "name"),
    ("The car has a range of 500 km.", "It goes 500 miles.", "unit"),
    ("The talks lasted two weeks.", "The talks lasted two months.", "unit"),
    ("Prices did not rise in Japan.", "Prices did rise in Japan.", "opposite"),
    ("The company will build the plant in Ohio.", "The company will not build the plant in Ohio.", "opposite"),
    ("Nissan may use batteries of Honda.", "Nissan will use batteries of Honda.", "opposite"),
    ("They sell the car in Japan.", "They sell the car only in Japan.", "opposite"),
    ("Joe Biden and Jane Smith met.", "Joe Smith met them.", "name"),
    (VENTURE, "…", "empty"),
    ("", "Something happened.", "empty"),
]  # fmt: skip


@pytest.mark.parametrize(("quote", "statement"), SAID, ids=[statement for _, statement in SAID])
def test_another_spelling_of_the_same_fact_passes(quote: str, statement: str) -> None:
    assert exact_objections(statement, [quote]) == ()


@pytest.mark.parametrize(
    ("quote", "statement", "kind"), NOT_SAID, ids=[statement for _, statement, _ in NOT_SAID]
)
def test_another_fact_is_objected_to(quote: str, statement: str, kind: str) -> None:
    objections = exact_objections(statement, [quote])
    assert kind in {objection.kind for objection in objections}
    assert all(objection.reason and objection.text in statement for objection in objections)


class Judge:
    """A reader that takes everything (or nothing) for supported, to see what the exact checks do by themselves."""

    fingerprint = "judge"

    def __init__(self, support: float) -> None:
        self.probability = support

    def read(self, question: str, passages: object, sentences: object = None) -> list[Reading]:
        raise AssertionError("a statement is judged, not read")

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
        return [(self.probability, 0.0, 1.0 - self.probability) for _ in pairs]


def test_no_reader_however_sure_talks_past_a_wrong_figure() -> None:
    verification = verify("Each holds 51 percent.", [VENTURE], Judge(0.99))
    assert not verification.is_supported
    assert verification.support == 0.99
    assert [objection.kind for objection in verification.objections] == ["number"]


def test_a_reader_that_is_not_convinced_is_an_objection() -> None:
    verification = verify("Each holds 50 percent.", [VENTURE], Judge(0.01))
    assert [objection.kind for objection in verification.objections] == ["support"]
    assert verify("Each holds 50 percent.", [VENTURE], Judge(0.99)).is_supported
    assert verify("Each will hold 50% of the company.", [VENTURE], Judge(0.99)).is_supported


@pytest.mark.parametrize(
    ("statement", "clause"),
    [
        (
            "The two partners, who had known one another for a long time, reached an agreement.",
            "who had known",
        ),
        ("It is due to be founded in March 2025, which is a key factor for growth.", "which is a key factor"),
        ("Analysts everywhere expect great things of it.", "Analysts everywhere"),
    ],
)
def test_a_clause_in_words_of_its_own_is_objected_to_however_sure_the_reader(
    statement: str, clause: str
) -> None:
    (objection,) = verify(statement, [VENTURE], Judge(0.99)).objections
    assert objection.kind == "words"
    assert objection.text.startswith(clause)


def test_without_a_reader_the_share_of_words_decides() -> None:
    assert verify(
        "Nissan and Mitsubishi reached an agreement to set up a joint venture.", [VENTURE], None
    ).is_supported
    assert not verify("Shareholders will vote on a hostile merger soon.", [VENTURE], None).is_supported
    assert similarity("", [VENTURE]) == 0.0


def test_what_several_quotes_say_together_supports() -> None:
    statement = "Nissan signed it in March."
    assert not verify(statement, [MEMO], Judge(1.0)).is_supported
    assert verify(statement, [MEMO, VENTURE], Judge(1.0)).is_supported


def test_many_are_judged_in_order_with_the_shipped_reader() -> None:
    reader: Reader | None = load_reader("auto")
    assert reader is not None
    true = "The joint venture of Nissan and Mitsubishi Corporation will be founded in March 2025."
    verified = verify_all(
        [(true, [VENTURE]), ("The cat sat on the mat.", [VENTURE]), ("", [VENTURE])], reader
    )
    assert [one.is_supported for one in verified] == [True, False, False]
    assert verified[0].support > verified[1].support


def test_any_text_can_be_checked() -> None:
    for odd in (
        "\x00",
        "[[[",
        "1,,2..3",
        "$",
        "%%",
        "-" * 500,
        "A" * 5000,
        "٣٤٪",
        "²³",
        "½",
        "1" * 400,
        "U.S.",
        "'s",
    ):
        exact_objections(odd, [VENTURE])
        exact_objections("Something.", [odd])


def test_a_sentence_copied_word_for_word_needs_no_judge() -> None:
    class Silent:
        def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
            assert [claim for claim, _ in pairs] == ["Half the workers joined."]
            return [(0.2, 0.0, 0.8)]

    copied = "“The mill opened in May”, she said."
    text = "It rained. \u201cThe mill opened in May\u201d, she said. Half of the workers joined it."
    verified = verify_all([(copied, [text]), ("Half the workers joined.", [text])], Silent())  # type: ignore[arg-type]  # only support is asked of it
    assert [one.support for one in verified] == [1.0, 0.2]
    assert [one.is_supported for one in verified] == [True, False]
    assert not is_copy("The mill opened in May.", ["She denied that the mill opened in May."])
    assert not is_copy("", [""])


def test_words_of_its_own_ask_for_more_support() -> None:
    class Half:
        def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
            return [(0.55, 0.0, 0.45) for _ in pairs]

    text = "The plant near the river opened early in spring after long repairs."
    same, new = (
        "After long repairs the plant opened in spring.",
        "After long repairs the harbour opened in spring.",
    )
    verified = verify_all([(same, [text]), (new, [text])], Half())  # type: ignore[arg-type]  # only support is asked of it
    assert [one.is_supported for one in verified] == [True, False]
    assert [one.support for one in verified] == [0.55, 0.55]


@pytest.mark.parametrize(
    ("statement", "cited"),
    [
        (
            "The new company will be owned by the company.",
            "The partners will own the new company in equal shares.",
        ),
        ("The standard is the standard for software.", "They plan one standard for the software of cars."),
    ],
)
def test_a_word_said_once_too_often(statement: str, cited: str) -> None:
    assert [one.kind for one in word_objections(statement, [cited])] == ["words"]


def test_a_word_may_come_as_often_as_in_the_cited_text() -> None:
    cited = "The company bought another company."
    assert not word_objections("A company was bought by the company.", [cited])
    assert not word_objections(
        "Nissan Motor owns part of Mitsubishi.", ["Nissan owns part of Mitsubishi Motors."]
    )
