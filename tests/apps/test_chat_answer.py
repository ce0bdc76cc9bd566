"""One question of the page without a browser: what is read from it, stopped, referred back to, and kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, Event, Searched, StatementReady
from rag.apps.chat_answer import LONGEST_QUESTION, Answering, Asked, Step, Stops, past_of
from rag.apps.chat_desk import Desk
from rag.apps.chat_why import drawer
from rag.apps.conversations import Conversations, Turn
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.types import Answer, Filters, Statement

QUESTION = "When will the joint venture of Nissan and Mitsubishi Corporation officially exist?"
IDS = {"browser": "browser-1", "conversation": "conversation-1"}


@pytest.fixture
def store() -> Conversations:
    return Conversations(None)


@pytest.fixture(scope="module")
def desk(seeds_index: Index) -> Desk:
    engine = AnswerEngine(Retriever(seeds_index))
    return Desk(lambda: (engine, seeds_index), seeds_index.path)


def settle(desk: Desk, store: Conversations, question: str, turn: str, **told: Any) -> list[Step]:
    asked = Asked.read(question, {**IDS, "turn": turn, **told})
    return list(Answering(desk, store, Stops(), asked).steps())


def test_whatever_a_browser_sends_becomes_a_question() -> None:
    for told in (None, [], "x", 3, {"filters": 3, "most": "all", "browser": {}, "style": []}):
        assert Asked.read(" Q? ", told) == Asked("Q?")
    assert Asked.read({"a": 1}, {}).question == ""
    assert len(Asked.read("x" * 9_999, {}).question) == LONGEST_QUESTION
    filters = {"sources": ["Post", 3, ""], "after": "2024-01-01", "before": ""}
    asked = Asked.read("Q?", {"filters": filters, "most": 2, "style": "quotes"})
    assert asked.filters == Filters(after="2024-01-01", sources=("Post",))
    assert (asked.most, asked.style, asked.within) == (2, "quotes", "Post, since 1 January 2024")
    assert Asked.read("Q?", {"most": -1}).most is None


def test_a_question_is_kept_with_its_answer_and_how_it_came_about(desk: Desk, store: Conversations) -> None:
    steps = settle(desk, store, QUESTION, "turn-0001")
    assert steps[0].verdict == "" and steps[-1].verdict == "answered" and steps[-1].notice == ""
    (turn,) = store.turns(IDS["browser"], IDS["conversation"])
    assert turn.answer is not None and turn.answer.verdict == "answered"
    path = turn.answer.sources[0].path
    opened = desk.open()
    assert opened is not None and turn.shas == {path: opened[1].document(path).sha256}
    (part,) = turn.trace["parts"]  # type: ignore[misc]  # as chat_why wrote it
    hits: Sequence[Any] = part["hits"]
    assert any(hit["number"] == 1 and hit["path"] == path for hit in hits)
    assert store.listed(IDS["browser"])[0].shelf == desk.name
    settle(desk, store, "Who will own it?", "turn-0002")
    assert store.turns(**IDS)[1].answer.query != "Who will own it?"  # type: ignore[union-attr]  # answered


def test_all_parts_of_a_question_tell_how_they_were_answered(desk: Desk, store: Conversations) -> None:
    settle(
        desk, store, "When will the joint venture be founded and who is the president of Honda?", "turn-0001"
    )
    (turn,) = store.turns(IDS["browser"], IDS["conversation"])
    founded, president = turn.trace["parts"]  # type: ignore[misc]  # as chat_why wrote it
    assert "founded" in founded["query"] and "president of Honda" in president["query"]
    assert any("Honda" in hit["title"] or "002" in hit["path"] for hit in president["hits"] if hit["number"])
    assert {hit["number"] for part in (founded, president) for hit in part["hits"]} >= {1, 2}
    html = drawer(turn.trace)
    assert html.count("passages looked at for <q>") == 2 and president["query"] in html


def test_asking_again_forgets_what_it_replaces(desk: Desk, store: Conversations) -> None:
    settle(desk, store, QUESTION, "turn-0001")
    settle(desk, store, "Who will own it?", "turn-0002")
    settle(desk, store, "Who is the chief executive of Tesla?", "turn-0003", replaces="turn-0001")
    (turn,) = store.turns(**IDS)
    assert turn.answer is not None and turn.answer.query == "Who is the chief executive of Tesla?"


def test_filters_narrow_what_is_searched(desk: Desk, store: Conversations) -> None:
    steps = settle(desk, store, QUESTION, "turn-0001", filters={"sources": ["No such outlet"]})
    assert steps[-1].verdict == "not_found" and "only in: No such outlet" in steps[-1].html
    steps = settle(desk, store, QUESTION, "turn-0002", filters={"after": "soon"})
    assert steps[-1].trouble == "problem" and "soon" in steps[-1].html


def test_an_unknown_index_is_told_and_kept(desk: Desk, store: Conversations) -> None:
    steps = settle(desk, store, QUESTION, "turn-0001", index="../elsewhere")
    assert steps[-1].trouble == "problem" and "no index" in steps[-1].html
    assert "no index" in store.turns(**IDS)[0].problem


def test_what_cannot_be_kept_is_told_beside_the_answer(desk: Desk, store: Conversations) -> None:
    steps = settle(desk, store, QUESTION, "bad id")
    assert steps[-2].verdict == "answered" and "is no id" in steps[-1].notice and steps[-1].html == ""
    assert settle(desk, store, QUESTION, "", browser="")[-1].notice == ""  # nothing was to be kept


class Slow:
    """An engine that says one thing and then takes its time."""

    reader, generator = None, None

    def __init__(self, index: Index) -> None:
        self.index, self.leave = index, threading.Event()

    def stream(self, *_: object) -> Iterator[Event]:
        document = self.index.document(self.index.documents()[0].path)
        from rag.types import Citation

        cited = Citation(1, document.path, document.title, 0, 20, document.text[:20], 1.0)
        yield Searched("Q?", ())
        yield StatementReady(Statement("It is so.", (cited,)))
        self.leave.wait(20)
        yield Completed(Answer("Q?", "Q?", "not_found", "Not in these articles."))


def test_stopping_is_heard_at_once_and_keeps_what_had_arrived(
    seeds_index: Index, store: Conversations
) -> None:
    slow = Slow(seeds_index)
    desk = Desk(lambda: (slow, seeds_index), seeds_index.path)  # type: ignore[arg-type,return-value]  # as much as is used
    stops = Stops()
    asked = Asked.read("Q?", {**IDS, "turn": "turn-0001"})
    assert not stops.stop("turn-0001")
    steps = []
    for step in Answering(desk, store, stops, asked).steps():
        steps.append(step)
        if 'class="cite"' in step.html and not step.trouble:
            began = time.monotonic()
            assert stops.stop("turn-0001")
    assert time.monotonic() - began < 5
    slow.leave.set()
    assert steps[-1].trouble == "stopped" and "Stopped before it was whole" in steps[-1].html
    (turn,) = store.turns(**IDS)
    assert turn.stopped and turn.answer is not None and turn.answer.statements[0].text == "It is so."
    assert past_of([turn]) == ([], None)  # what was not said to its end is nothing to refer to
    assert not stops.stop("turn-0001")


def test_a_page_that_is_closed_leaves_the_question_in_its_conversation(
    seeds_index: Index, store: Conversations
) -> None:
    slow = Slow(seeds_index)
    desk = Desk(lambda: (slow, seeds_index), seeds_index.path)  # type: ignore[arg-type,return-value]  # as much as is used
    steps = Answering(desk, store, Stops(), Asked.read("Q?", {**IDS, "turn": "turn-0001"})).steps()
    next(steps), next(steps)
    steps.close()  # type: ignore[attr-defined]  # a generator
    slow.leave.set()
    assert store.turns(**IDS)[0].question == "Q?" and store.turns(**IDS)[0].stopped


def test_questions_about_an_answer_refer_to_the_same_one() -> None:
    def turn(question: str, text: str) -> Turn:
        return Turn(f"turn-{question}", question, Answer(question, question, "answered", text))

    first, aside, other = turn("When?", "May."), turn("Who says so?", "The Post."), turn("Where?", "Turin.")
    assert past_of([first, aside])[1] is first.answer
    assert past_of([first, aside, other])[1] is other.answer
    assert past_of([first, Turn("t", "Lost?", problem="gone")])[0] == [("When?", "May.")]


def test_indexes_beside_each_other_share_their_weights(tmp_path: Path, seeds_index: Index) -> None:
    from rag.apps.chat_desk import desk_over
    from rag.errors import InputError
    from rag.settings import Settings

    news = tmp_path / "articles"
    news.mkdir()
    (news / "a.txt").write_text("Fiat opens a plant\n\nFiat opens a plant in Turin in May 2025.", "utf-8")
    for name in ("one", "two"):
        with Index.open(
            tmp_path / name, settings=Settings(index=tmp_path / name), encoder=seeds_index.encoder
        ) as made:
            made.sync(news)
    (tmp_path / "no-index").mkdir()
    desk = desk_over(tmp_path / "one", Settings(index=tmp_path / "one"))
    assert desk.others() == ["two"]
    assert desk.at("") is desk.at("one") is desk
    (first, index), (second, other) = desk.opened(), desk.at("two").opened()
    assert other.path != index.path and other.encoder is index.encoder and second.reader is first.reader
    for wrong in ("no-index", "../two", "articles", "two/", "/"):
        with pytest.raises(InputError, match="no index"):
            desk.at(wrong)
    index.close()
    other.close()
