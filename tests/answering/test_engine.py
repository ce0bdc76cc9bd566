"""The whole way from a question to a checked answer, over a real index with real weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from places import QUESTIONS

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, Searched, StatementReady
from rag.answering.turns import NOT_FOUND
from rag.errors import InputError
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Answer, Filters


@pytest.fixture(scope="module")
def engine(seeds_index: Index) -> AnswerEngine:
    return AnswerEngine(Retriever(seeds_index))


@pytest.fixture(scope="module", params=["seeds_index", "real_seeds_index"])
def any_engine(request: pytest.FixtureRequest) -> AnswerEngine:
    return AnswerEngine(Retriever(request.getfixturevalue(request.param)))


def check(answer: Answer, index: Index) -> None:
    """The promises every answer must keep."""
    for statement in answer.statements:
        assert statement.citations, "a statement without a citation"
        for citation in statement.citations:
            assert index.document(citation.path).text[citation.start : citation.end] == citation.quote
            assert 0 < citation.support <= 1
            assert f"[{citation.number}]" in answer.text
    told = (*answer.statements, *(side for one in answer.conflicts for side in one.positions))
    used = [citation.number for one in told for citation in one.citations]
    assert list(dict.fromkeys(used)) == [source.number for source in answer.sources]
    assert [source.number for source in answer.sources] == list(range(1, len(answer.sources) + 1))
    assert (answer.verdict == "not_found") == (not answer.statements)


def test_every_answer_keeps_its_promises(any_engine: AnswerEngine) -> None:
    asked = 0
    for line in QUESTIONS.read_text("utf-8").splitlines()[::9]:
        question = json.loads(line)
        answer = any_engine.ask(question["question"], question.get("history", ()))
        check(answer, any_engine.retriever.index)
        asked += 1
    assert asked > 20


@pytest.mark.parametrize(
    ("question", "fact", "source"),
    [
        ("When will the joint venture of Mitsubishi and Nissan be founded?", "March 2025", "000"),
        ("How much of Mitsubishi Motors does Nissan own?", "34%", "001"),
        ("Who is the president of Honda?", "Toshihiro Mibe", "002"),
        ("What does MoU stand for?", "Memorandum of Understanding", "000"),
        ("Where did the chief executives of Nissan and Honda hold their news conference?", "Tokyo", "003"),
    ],
)
def test_facts_are_found_in_their_article(
    any_engine: AnswerEngine, question: str, fact: str, source: str
) -> None:
    answer = any_engine.ask(question)
    assert answer.verdict == "answered"
    assert fact in answer.text
    assert any(cited.path.startswith(source) for cited in answer.sources)


@pytest.mark.parametrize(
    "question",
    [
        "Who is the chief executive of Tesla?",
        "Who is the president of Mitsubishi Motors?",
        "What happened in 2019?",
        "What is photosynthesis?",
        "What do the letters NMKV stand for?",
        "!?…",
        "的是不了",
    ],
)
def test_what_the_articles_do_not_say_is_refused(any_engine: AnswerEngine, question: str) -> None:
    answer = any_engine.ask(question)
    assert answer.verdict == "not_found"
    assert answer.text == NOT_FOUND
    assert answer.short_answer is None
    assert answer.sources == ()


def test_a_list_comes_whole(engine: AnswerEngine) -> None:
    answer = engine.ask(
        "Which two things were announced together with the agreement of Nissan, Mitsubishi and Renault?"
    )
    assert "small segment" in answer.text
    assert "D-segment" in answer.text


def test_a_question_of_two_parts_of_which_one_is_open_is_partial(
    engine: AnswerEngine, seeds_index: Index
) -> None:
    answer = engine.ask("Who is the president of Honda and who is the chief executive of Tesla?")
    check(answer, seeds_index)
    assert answer.verdict == "partial"
    assert "Toshihiro Mibe" in answer.text
    assert "chief executive of Tesla" in answer.text.rsplit("Not in these articles", 1)[1]
    assert answer.closest


def test_a_follow_up_is_searched_as_a_standalone_question(engine: AnswerEngine) -> None:
    answer = engine.ask("What did he say?", history=["Who is the president of Honda?"])
    assert answer.query == "What did the person who is the president of Honda say?"
    assert answer.question == "What did he say?"
    assert "once in a century" in answer.text

    searched = next(engine.stream("which cars did it make?", history=["What is the NMKV joint venture?"]))
    assert isinstance(searched, Searched)
    assert searched.query == "which cars did the NMKV joint venture make?"
    assert any("Dayz" in hit.text for hit in searched.hits[:3])


def test_the_stream_ends_with_the_same_answer(engine: AnswerEngine) -> None:
    events = list(engine.stream("How much of Mitsubishi Motors does Nissan own?"))
    assert isinstance(events[0], Searched)
    assert isinstance(events[-1], Completed)
    told = [event.statement for event in events if isinstance(event, StatementReady)]
    assert told == list(events[-1].answer.statements)
    assert len(events) == len(told) + 2
    assert {"search", "read", "compose", "total"} <= set(events[-1].answer.timings_ms)


def test_filters_decide_who_may_answer(engine: AnswerEngine) -> None:
    question = "When will the joint venture of Mitsubishi and Nissan be founded?"
    assert engine.ask(question, filters=Filters(paths=("004*",))).verdict == "not_found"
    assert engine.ask(question, filters=Filters(paths=("000*",))).verdict == "answered"
    assert engine.ask(question, filters=Filters(after="2020-01-01")).verdict == "not_found", (
        "undated articles"
    )


def test_an_empty_question_is_the_users_error(engine: AnswerEngine) -> None:
    with pytest.raises(InputError, match="empty"):
        engine.ask("  ")


def test_without_the_reader_answers_keep_their_promises(
    seeds_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = seeds_index.settings.model_copy(update={"reader": "none"})
    monkeypatch.setattr(seeds_index, "settings", settings)
    engine = AnswerEngine(Retriever(seeds_index))
    assert engine.reader is None
    answer = engine.ask("How much of Mitsubishi Motors does Nissan own?")
    check(answer, seeds_index)
    assert "34%" in answer.text
    assert engine.ask("Who is the chief executive of Tesla?").verdict == "not_found"


@pytest.mark.parametrize(
    "question", ["hello", "thanks", "flurbl grompf", "asdf qwer zxcv", "👍", "the and of", "?" * 50]
)
def test_greetings_and_noise_are_refused(engine: AnswerEngine, question: str) -> None:
    assert engine.ask(question).verdict == "not_found"


@pytest.mark.parametrize(
    "history",
    ["earlier question", [("q",)], [None], [{"role": "user"}]],
    ids=["text", "single", "none", "message"],
)
def test_a_history_of_another_shape_is_told(engine: AnswerEngine, history: Any) -> None:
    with pytest.raises(InputError, match="history"):
        engine.ask("Who owns it?", history=history)


def test_an_undecodable_byte_is_no_crash(engine: AnswerEngine) -> None:
    assert engine.ask("What does \udcff Nissan own?").question == "What does ? Nissan own?"


def synced(folder: Path, articles: dict[str, str], encoder: Encoder) -> AnswerEngine:
    (folder / "articles").mkdir()
    for name, text in articles.items():
        (folder / "articles" / name).write_text(text, "utf-8")
    index = Index.open(folder / "index", settings=Settings(index=folder / "index"), encoder=encoder)
    index.sync(folder / "articles")
    return AnswerEngine(Retriever(index))


def test_articles_that_say_the_opposite_or_name_another_are_no_second_source(
    tmp_path: Path, encoder: Encoder
) -> None:
    engine = synced(
        tmp_path,
        {
            "a.txt": "Council minutes\n\nThe city council will close the old harbour bridge to lorries in spring.\n",
            "b.txt": "Council news\n\nThe city council will not close the old harbour bridge to lorries in spring.\n",
            "c.txt": "Profits\n\nProfits at Acme rose by 3% in the last quarter of the year.\n",
            "e.txt": "Harbour\n\nThe agreement of the port and the town on the new harbour crane is non-binding.\n",
            "f.txt": "Crane\n\nThe agreement of the port and the town on the new harbour crane is binding.\n",
            "d.txt": "More profits\n\nProfits at Bexley rose by 3% in the last quarter of the year.\n",
        },
        encoder,
    )
    for question in (
        "What will the city council do with the old harbour bridge?",
        "How much did profits rise in the last quarter?",
        "Is the agreement on the new harbour crane binding?",
    ):
        answer = engine.ask(question)
        assert answer.statements
        for statement in answer.statements:
            assert [citation.quote for citation in statement.citations] == [statement.text]
    engine.retriever.index.close()


def test_the_same_sentence_in_two_articles_is_one_statement(tmp_path: Path, encoder: Encoder) -> None:
    fact = "The Vellmar ferry starts running again on 3 May after ten years."
    engine = synced(
        tmp_path,
        {"a.txt": f"Ferry\n\n{fact} People are glad.\n", "b.txt": f"Harbour\n\nIt rained. {fact}\n"},
        encoder,
    )
    answer = engine.ask("When does the Vellmar ferry start running again?")
    assert [statement.text for statement in answer.statements] == [fact]
    assert sorted(citation.path for citation in answer.statements[0].citations) == ["a.txt", "b.txt"]
    engine.retriever.index.close()


def test_a_sync_in_the_middle_of_an_answer_does_not_break_it(tmp_path: Path, encoder: Encoder) -> None:
    engine = synced(
        tmp_path, {"a.txt": "Ferry\n\nThe Vellmar ferry starts on 3 May.\n", "b.txt": "x y z\n"}, encoder
    )
    events = engine.stream("When does the Vellmar ferry start?")
    assert isinstance(next(events), Searched)
    (tmp_path / "articles" / "a.txt").unlink()
    engine.retriever.index.sync(tmp_path / "articles")
    last = list(events)[-1]
    assert isinstance(last, Completed)
    assert last.answer.verdict == "answered"
    assert engine.ask("When does the Vellmar ferry start?").verdict == "not_found"
    engine.retriever.index.close()
