from __future__ import annotations

from collections.abc import Sequence

import pytest

from rag.answering.about_answer import asked_about, respond
from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, Searched, StatementReady
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.types import Answer, Filters


@pytest.fixture(scope="module")
def previous(seeds_index: Index) -> Answer:
    answer = AnswerEngine(Retriever(seeds_index)).ask("What share of Mitsubishi Motors does Nissan hold?")
    assert answer.verdict == "answered"
    return answer


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who says so?", "who"),
        ("who said that", "who"),
        ("Says who?", "who"),
        ("And where did you get that from?", "who"),
        ("What's your source?", "who"),
        ("How do you know?", "who"),
        ("Which article says this?", "who"),
        ("Are you sure?", "sure"),
        ("are you really sure about that?", "sure"),
        ("Is that true?", "sure"),
        ("Really?", "sure"),
        ("Show me the passage", "passage"),
        ("Can you show me the exact words, please?", "passage"),
        ("quote the sentence", "passage"),
        ("Where does it say that?", "passage"),
        ("What do the others say?", "others"),
        ("And what do the other articles say about it?", "others"),
        ("Do the other sources agree?", "others"),
        ("Who says that the venture will fail?", None),
        ("Who owns Nissan?", None),
        ("Is it true that Nissan holds 34%?", None),
        ("What do the other carmakers plan?", None),
        ("Show me the partners of Toyota", None),
        ("", None),
    ],
)
def test_what_is_asked_about_the_answer_before(question: str, kind: str | None) -> None:
    assert asked_about(question) == kind


def test_who_says_so_names_the_articles(seeds_index: Index, previous: Answer) -> None:
    answer = respond("Who says so?", previous, seeds_index.document)
    assert answer is not None
    for statement in answer.statements:
        (citation,) = statement.citations
        assert statement.text.startswith(citation.title)
    assert {source.path for source in answer.sources} == {source.path for source in previous.sources}
    assert [source.number for source in answer.sources] == list(range(1, len(answer.sources) + 1))


def test_the_passage_is_the_paragraph_around_each_quote(seeds_index: Index, previous: Answer) -> None:
    answer = respond("Show me the passage", previous, seeds_index.document)
    assert answer is not None
    for statement in answer.statements:
        for citation in statement.citations:
            assert " ".join(citation.quote.split()) in statement.text


def test_copied_words_are_sure(seeds_index: Index, previous: Answer) -> None:
    answer = respond("Are you sure?", previous, seeds_index.document)
    assert answer is not None
    assert answer.statements[0].text.startswith("Yes, ")


def test_the_others_are_asked_without_the_articles_already_cited(
    seeds_index: Index, previous: Answer
) -> None:
    engine = AnswerEngine(Retriever(seeds_index))
    asked: list[Sequence[str]] = []

    def ask_others(question: str, cited: Sequence[str]) -> Answer:
        asked.append(cited)
        left = tuple(one.path for one in seeds_index.documents() if one.path not in cited)
        return engine.ask(question, filters=Filters(paths=left))

    answer = respond("What do the others say?", previous, seeds_index.document, ask_others=ask_others)
    assert answer is not None
    assert answer.query == previous.query
    assert not {source.path for source in answer.sources} & {source.path for source in previous.sources}
    assert asked == [[source.path for source in previous.sources]]


def test_there_must_be_an_answer_to_ask_about(seeds_index: Index) -> None:
    nothing = Answer("q", "q", "not_found", "Not in these articles.")
    assert respond("Who says so?", nothing, seeds_index.document) is None


def test_another_question_is_not_answered_here(seeds_index: Index, previous: Answer) -> None:
    assert respond("Who owns Nissan?", previous, seeds_index.document) is None


FOUNDED = "When will the joint venture of Mitsubishi Corporation and Nissan be founded?"


def test_the_engine_answers_from_the_answer_it_is_handed(seeds_index: Index, previous: Answer) -> None:
    engine = AnswerEngine(Retriever(seeds_index))
    told = engine.ask("Who says so?", previous=previous)
    assert told == respond("Who says so?", previous, seeds_index.document)
    kinds = [type(event) for event in engine.stream("Show me the passage", previous=previous)]
    assert kinds[0] is Searched and kinds[-1] is Completed and set(kinds[1:-1]) == {StatementReady}


def test_without_it_the_last_question_of_the_history_is_asked_once_more(
    seeds_index: Index, previous: Answer
) -> None:
    engine = AnswerEngine(Retriever(seeds_index))
    history = [FOUNDED, "Who says so?", previous.question, "Are you sure?"]
    assert engine.ask("Who says so?", history) == engine.ask("Who says so?", previous=previous)


def test_a_question_about_an_answer_is_no_topic_of_the_conversation(seeds_index: Index) -> None:
    engine = AnswerEngine(Retriever(seeds_index))
    plain = engine.ask("Who will own it?", [FOUNDED])
    aside = engine.ask("Who will own it?", [FOUNDED, "Who says so?", "Are you sure?"])
    assert aside.query == plain.query != "Who will own it?"


def test_the_engine_asks_the_other_articles(seeds_index: Index, previous: Answer) -> None:
    told = AnswerEngine(Retriever(seeds_index)).ask("What do the others say?", previous=previous)
    assert told.query == previous.query
    assert not {source.path for source in told.sources} & {source.path for source in previous.sources}


def test_without_other_articles_that_is_said(seeds_index: Index, previous: Answer) -> None:
    engine = AnswerEngine(Retriever(seeds_index))
    only = Filters(paths=tuple(source.path for source in previous.sources))
    told = engine.ask("What do the others say?", filters=only, previous=previous)
    assert told.verdict == "not_found"
    assert told.text == "The other articles do not say."


def test_after_no_answer_there_is_nothing_to_ask_about(seeds_index: Index) -> None:
    engine = AnswerEngine(Retriever(seeds_index))
    nothing = engine.ask("Who is the chief executive of Tesla?")
    assert engine.ask("Who says so?", previous=nothing).verdict == "not_found"
