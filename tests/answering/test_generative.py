"""Answers in a model's words: what it may say, and what becomes of everything else it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from scripted_server import Turn, serving, words

from rag.answering.engine import AnswerEngine
from rag.answering.events import (
    Completed,
    Event,
    FellBack,
    Searched,
    StatementDropped,
    StatementReady,
    TokenReady,
    instead,
)
from rag.answering.generative import is_echo
from rag.answering.generators.configured import load_generator
from rag.answering.generators.protocol import GeneratorError, Prompt
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Answer

FOUNDED = "When will the joint venture of Mitsubishi Corporation and Nissan be founded?"
TRUE = "The two partners will hold equal shares in the new company, which is due to be founded in March 2025."
FALSE = "The joint venture of Mitsubishi Corporation and Nissan will be founded in June 2026."


class Scripted:
    """A generator that says what it is told to, whatever it is asked."""

    name, window, most_tokens = "scripted", 4096, 300

    def __init__(self, *answers: str | GeneratorError, window: int = 4096) -> None:
        self.answers = list(answers)
        self.window = window
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        self.prompts.append(prompt)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, GeneratorError):
            raise answer
        yield from words(answer)


def engine(index: Index, generator: Scripted) -> AnswerEngine:
    return AnswerEngine(Retriever(index), generator=generator)


def ask(index: Index, *answers: str | GeneratorError, question: str = FOUNDED) -> Answer:
    return engine(index, Scripted(*answers)).ask(question)


@pytest.fixture(scope="module")
def extractive(seeds_index: Index) -> Answer:
    answer = AnswerEngine(Retriever(seeds_index)).ask(FOUNDED)
    assert answer.verdict == "answered"
    return answer


def test_a_true_sentence_is_shown_with_the_quote_that_supports_it(seeds_index: Index) -> None:
    answer = ask(seeds_index, f"{TRUE} [1]")
    assert answer.generator == "scripted"
    assert [statement.text for statement in answer.statements] == [TRUE]
    assert answer.verdict == "answered"
    assert answer.note is None
    for citation in answer.statements[0].citations:
        document = seeds_index.document(citation.path)
        assert document.text[citation.start : citation.end] == citation.quote
    assert "March 2025" in answer.statements[0].citations[0].quote
    assert answer.text == f"{TRUE} [1]"


@pytest.mark.parametrize("marks", ["", "[2]", "[77]", "[1][2][3]", "【1】", "[source 4]"])
def test_whatever_is_cited_the_check_decides_what_is(seeds_index: Index, marks: str) -> None:
    (statement,) = ask(seeds_index, f"{TRUE} {marks}").statements
    assert any("March 2025" in citation.quote for citation in statement.citations)


def test_a_false_sentence_is_left_out_and_told_where_asked_for(seeds_index: Index) -> None:
    answer = ask(seeds_index, f"{TRUE} [1] {FALSE} [1]")
    assert [statement.text for statement in answer.statements] == [TRUE]
    assert answer.unverified == ()
    settings = Settings(index=seeds_index.path, unverified="show")
    shown = Index.open(seeds_index.path, settings=settings, encoder=seeds_index.encoder, create=False)
    with shown:
        (dropped,) = ask(shown, f"{TRUE} [1] {FALSE} [1]").unverified
    assert dropped.text == FALSE
    assert any("June 2026" in reason for reason in dropped.reasons)


@pytest.mark.parametrize(
    "said",
    [
        FALSE,
        "Tesla owns Nissan. [1]",
        "",
        "   \n\n ",
        "�\x00\x01 ]][[ 【【 ``` ",
        "asdf qwer zxcv. lorem ipsum dolor! 1 2 3",
        "Not in these articles.",
        "I cannot answer that.",
        "What is the joint venture? [1]",
        "The cat sat on the mat. [1] Bananas are yellow. [2]",
        "Toyota Motor's technology helps Mazda, Suzuki and Subaru co-develop electric vehicles. [1]",
        "word " * 3000,
    ],
    ids=["false", "made up", "nothing", "blank", "garbage", "noise", "declines", "refuses", "asks", "off topic",
         "beside the point", "never ends"],
)  # fmt: skip
def test_when_nothing_of_it_stands_the_articles_words_are_the_answer(
    seeds_index: Index, extractive: Answer, said: str
) -> None:
    answer = ask(seeds_index, said)
    assert answer.statements == extractive.statements
    assert answer.text == extractive.text
    assert answer.generator == "extractive"
    assert answer.note is not None
    assert "word for word" in answer.note


def test_a_model_that_fails_is_told_in_a_note(seeds_index: Index, extractive: Answer) -> None:
    answer = ask(seeds_index, GeneratorError("scripted cannot be reached"))
    assert answer.statements == extractive.statements
    assert answer.note == "scripted cannot be reached; this is what the articles say, word for word."


def test_a_question_the_articles_do_not_answer_never_reaches_the_model(seeds_index: Index) -> None:
    generator = Scripted("The chief executive of Tesla is Elon Musk. [1]")
    answer = engine(seeds_index, generator).ask("Who is the chief executive of Tesla?")
    assert answer.verdict == "not_found"
    assert answer.note is None
    assert generator.prompts == []


def test_tokens_come_first_then_the_checked_statement(seeds_index: Index) -> None:
    events: list[Event] = list(
        engine(seeds_index, Scripted(f"{TRUE} [1] {FALSE} [1] More words follow here")).stream(FOUNDED)
    )
    kinds = [type(event) for event in events]
    assert kinds[0] is Searched
    assert kinds[-1] is Completed
    assert kinds.index(TokenReady) < kinds.index(StatementReady) < kinds.index(StatementDropped)
    # the first statement is verified while the second is still being written
    assert TokenReady in kinds[kinds.index(StatementReady) :]
    written = "".join(event.text for event in events if isinstance(event, TokenReady))
    assert "[1]" not in written
    assert TRUE in written


def test_a_server_that_dies_in_the_middle_takes_its_words_back(
    seeds_index: Index, extractive: Answer
) -> None:
    pytest.importorskip("llama_index.llms.openai_like", reason="needs the extra openai")
    with serving(Turn(words(f"{TRUE} [1] And then the"), ending="cut")) as script:
        generator = load_generator(Settings(generator="openai:m", generator_url=script.url))
        events = list(AnswerEngine(Retriever(seeds_index), generator=generator).stream(FOUNDED))
    place = next(at for at, event in enumerate(events) if isinstance(event, FellBack))
    again = [event.statement for event in events[place:] if isinstance(event, StatementReady)]
    last = events[-1]
    assert isinstance(last, Completed)
    assert tuple(again) == last.answer.statements == extractive.statements
    assert "middle of its answer" in (last.answer.note or "")


def test_a_part_the_model_leaves_open_is_answered_in_the_articles_words(seeds_index: Index) -> None:
    question = f"{FOUNDED[:-1]} and which Kei cars were made by the NMKV joint venture?"
    answer = ask(seeds_index, f"{TRUE} [1]", question=question)
    assert answer.statements[0].text == TRUE
    assert any("Nissan Dayz" in statement.text for statement in answer.statements[1:])
    assert answer.note is not None


def test_numbers_run_from_one_in_order_of_first_use(seeds_index: Index) -> None:
    answer = ask(seeds_index, f"{TRUE} [3] The two partners will hold equal shares in the new company. [2]")
    numbers = [citation.number for statement in answer.statements for citation in statement.citations]
    assert list(dict.fromkeys(numbers)) == [source.number for source in answer.sources]
    assert numbers[0] == 1


def test_the_prompt_fits_the_window_with_whole_sentences_best_first(seeds_index: Index) -> None:
    from rag.answering.generators.tokens import count_tokens

    for window in (600, 700, 900, 4096):
        generator = Scripted(f"{TRUE} [1]", window=window)
        engine(seeds_index, generator).ask(FOUNDED)
        for prompt in generator.prompts:
            assert count_tokens(prompt.system + prompt.user) * 1.25 + generator.most_tokens <= window + 10
            assert "March 2025" in prompt.user
            blocks = prompt.user.split("\n\n")[1:-1]
            assert all(block.startswith(f"[{place}] ") for place, block in enumerate(blocks, start=1))
            assert all(
                block.rstrip().endswith((".", ":", "”", '"', "]", ")")) or "\n" in block for block in blocks
            )


def test_a_window_without_room_is_told(seeds_index: Index, extractive: Answer) -> None:
    answer = engine(seeds_index, Scripted(f"{TRUE} [1]", window=512)).ask(FOUNDED)
    assert answer.statements == extractive.statements
    assert "no room" in (answer.note or "")


def test_a_model_that_repeats_itself_is_stopped(seeds_index: Index) -> None:
    answer = ask(seeds_index, f"{TRUE} [1] " * 200)
    assert [statement.text for statement in answer.statements] == [TRUE]


def test_a_sentence_that_breaks_off_for_want_of_tokens_is_dropped(seeds_index: Index) -> None:
    generator = Scripted(f"{TRUE} [1] The two partners will hold equal shares in the")
    generator.most_tokens = 25
    answer = engine(seeds_index, generator).ask(FOUNDED)
    assert [statement.text for statement in answer.statements] == [TRUE]
    generator.most_tokens = 300  # it said so and stopped by itself
    generator.answers = [f"{TRUE[:-1]} [1]"]
    assert len(engine(seeds_index, generator).ask(FOUNDED).statements) == 1


def test_a_follow_up_is_completed_by_the_model_and_shown(seeds_index: Index) -> None:
    history: Sequence[tuple[str, str]] = [
        ("Who founds the joint venture?", "Mitsubishi Corporation and Nissan.")
    ]
    generator = Scripted(FOUNDED, f"{TRUE} [1]")
    answer = engine(seeds_index, generator).ask("When will it be founded?", history)
    assert answer.query == FOUNDED
    assert len(generator.prompts) == 2


@pytest.mark.parametrize("said", ["When will Tesla be founded?", "", "It will be founded.", "x" * 500 + "?"])
def test_a_completed_question_may_bring_in_nothing_new(seeds_index: Index, said: str) -> None:
    history = [("Who founds the joint venture?", "Mitsubishi Corporation and Nissan.")]
    rules = AnswerEngine(Retriever(seeds_index)).ask("When will it be founded?", history)
    answer = engine(seeds_index, Scripted(said, f"{TRUE} [1]")).ask("When will it be founded?", history)
    assert answer.query == rules.query


SECTOR = "What does the software sector consist of, for Nissan and Honda?"


@pytest.mark.parametrize(
    ("statement", "question", "echo"),
    [
        ("The software sector consists of Nissan and Honda.", SECTOR, True),
        ("It consists of three layers.", SECTOR, False),
        ("Renault holds a majority of Nissan.", "Does Renault hold a majority of Nissan?", False),
        ("March 2025", "When will it be founded?", False),
    ],
)
def test_a_statement_that_only_repeats_the_question(statement: str, question: str, echo: bool) -> None:
    assert is_echo(statement, question) is echo


def test_what_happened_and_what_stands_in_are_one_sentence_or_two() -> None:
    floor = "his is what the articles say, word for word."
    assert instead("the model cannot be reached") == f"the model cannot be reached; t{floor}"
    assert instead("does it run?") == f"does it run? T{floor}"
