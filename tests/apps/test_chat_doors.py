"""What the page's script asks its server, called as gradio calls it: with whatever a browser might send."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.answering.engine import AnswerEngine
from rag.apps.chat_answer import Answering, Asked, Stops
from rag.apps.chat_desk import Desk
from rag.apps.chat_doors import Doors
from rag.apps.conversations import Conversations
from rag.evaluation.questions import read_questions
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

IDS = {"browser": "browser-1", "conversation": "conversation-1"}
TURN = {**IDS, "turn": "turn-0001"}
QUESTION = "Where does Fiat open a plant?"

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    head = "---\ntitle: {}\ndate: {}\nsource: {}\n---\n\n{}\n"
    for name, *parts in (
        (
            "fiat.md",
            "Fiat opens a plant",
            "2025-03-02",
            "The Post",
            "Fiat opens a plant in Turin in May 2025.",
        ),
        ("po.md", "A bridge over the Po", "2025-04-20", "Ledger", "The city approved a bridge over the Po."),
    ):
        (folder / name).write_text(head.format(*parts), "utf-8")
    return folder


@pytest.fixture
def call(folder: Path, tmp_path: Path, encoder: Encoder) -> Call:
    """The doors by name, over an index of two articles in which one question was asked."""
    path = tmp_path / "index" / "news"
    index = Index.open(path, settings=Settings(index=path), encoder=encoder)
    index.sync(folder)
    engine = AnswerEngine(Retriever(index))
    desk = Desk(lambda: (engine, index), path)
    store, stops = Conversations(tmp_path / "kept" / "talks.sqlite"), Stops()
    list(Answering(desk, store, stops, Asked.read(QUESTION, TURN)).steps())
    doors = {door.__name__: door for door in Doors(desk, store, stops).all()}
    return lambda name, told=None: doors[name](told)


def test_no_door_falls_over_what_a_browser_may_send(call: Call) -> None:
    names = (
        "open_article conversations conversation rename delete restore take_along rate why stop articles send"
    )
    for name in (*names.split(), "take_in", "taken", "remove_article"):
        for told in (None, 3, "x", [], {}, {"browser": 3, "path": ["a"], "index": {}, "turn": None}):
            reply = call(name, told)
            assert isinstance(reply, dict)
            json.dumps(reply)


def test_an_article_opens_with_its_outlet_date_and_age(call: Call) -> None:
    reply = call("open_article", {"path": "fiat.md", "spans": "", "kind": "plain"})
    assert reply["title"] == "Fiat opens a plant"
    assert (
        "The Post" in reply["html"] and "2 March 2025" in reply["html"] and "7 weeks before" in reply["html"]
    )
    for path in ("../news/fiat.md", "/etc/passwd", "gone.md", ""):
        assert "has no article" in call("open_article", {"path": path})["html"]


def test_the_library_searches_filters_sorts_and_counts(call: Call) -> None:
    everything = call("articles", {"sort": "cited"})
    assert everything["count"] == 2 and everything["html"].index("cited 1 time") < everything["html"].index(
        "A bridge"
    )
    assert "Ledger" in everything["outlets"]
    assert call("articles", {"search": "bridge"})["count"] == 1
    assert call("articles", {"source": "The Post", "sort": "nonsense"})["count"] == 1
    assert call("articles", {"after": "2025-04-01"})["count"] == 1
    assert "soon" in call("articles", {"after": "soon"})["problem"]


def test_an_index_of_the_same_name_elsewhere_has_counts_of_its_own(
    call: Call, folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    path = tmp_path / "elsewhere" / "news"
    index = Index.open(path, settings=Settings(index=path), encoder=encoder)
    index.sync(folder)
    desk = Desk(lambda: (AnswerEngine(Retriever(index)), index), path)
    there = Doors(desk, Conversations(tmp_path / "kept" / "talks.sqlite"), Stops())
    assert "cited" not in there.articles({"sort": "cited"})["html"].replace('data-kind="cited"', "")
    assert "cited 1 time" in call("articles", {})["html"]


def test_a_conversation_lives_its_life(call: Call) -> None:
    (listed,) = call("conversations", IDS)["list"]
    assert (listed["title"], listed["shelf"]) == (QUESTION, "news")
    assert call("conversations", {**IDS, "search": "nothing of it"})["list"] == []
    (turn,) = call("conversation", IDS)["turns"]
    assert "Turin" in turn["html"] and "since this answer" not in turn["html"]
    assert call("conversation", {**IDS, "browser": "browser-2"}) == {"gone": True}
    assert call("rename", {**IDS, "title": "Plants"})["done"]
    assert call("take_along", {**IDS, "form": "markdown"})["name"] == "plants.md"
    assert json.loads(call("take_along", {**IDS, "form": "json"})["text"])["title"] == "Plants"
    assert call("delete", IDS)["done"] and call("conversation", IDS) == {"gone": True}
    assert "gone" in call("take_along", IDS)["problem"]
    assert call("restore", IDS)["done"] and not call("restore", IDS)["done"]


def test_judgements_are_a_question_set_until_they_are_taken_back(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "feedback" / "news.jsonl"
    assert call("rate", {**TURN, "thumb": "up"})["done"]
    (question,) = read_questions(file)
    assert question.question == QUESTION and question.answerable and question.sources == ("fiat.md",)
    call("delete", IDS)
    assert file.read_text() == ""  # what is deleted is nowhere
    call("restore", IDS)
    assert len(read_questions(file)) == 1
    assert "allowed: up, down" in call("rate", {**TURN, "thumb": "maybe"})["problem"]
    call("rate", {**TURN, "thumb": ""})
    assert file.read_text() == ""


def test_why_shows_the_candidates(call: Call) -> None:
    html = call("why", TURN)["html"]
    assert QUESTION in html and "cited as 1" in html and "A bridge over the Po" in html
    assert "Nothing was noted" in call("why", {**TURN, "turn": "other-turn"})["html"]


def test_an_article_that_changed_or_went_is_said_so_under_the_answer(call: Call, folder: Path) -> None:
    new = (folder / "fiat.md").read_text("utf-8").replace("Turin", "Milan")
    pieces = [["fiat.md", base64.b64encode(new.encode()).decode()]]
    assert call("send", {"ticket": "ticket-0001", "pieces": pieces}) == {}
    assert (
        "needs a ticket" in call("send", {"ticket": "ticket-0001", "pieces": ["x", [3, 4], [1]]})["problem"]
    )
    call("take_in", {"ticket": "ticket-0001"})
    reply = call("taken", {"ticket": "ticket-0001"})
    while "html" not in reply:
        assert "problem" not in reply
        reply = call("taken", {"ticket": "ticket-0001"})
    assert "Replaced" in reply["html"]
    (turn,) = call("conversation", IDS)["turns"]
    assert "changed since this answer" in turn["html"] and "Turin" in turn["html"]
    assert call("remove_article", {"path": "fiat.md"}) == {"removed": "fiat.md"}
    assert not (folder / "fiat.md").exists()
    assert "removed since this answer" in call("conversation", IDS)["turns"][0]["html"]
    assert "last article" in call("remove_article", {"path": "po.md"})["problem"]
    assert "no such article" in call("remove_article", {"path": "../index/news/catalog.sqlite"})["problem"]
