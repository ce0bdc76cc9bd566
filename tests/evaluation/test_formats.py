from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rag.documents.read import read_document
from rag.errors import InputError
from rag.evaluation.formats import load_questions, write_squad_articles

SQUAD: dict[str, Any] = {
    "version": "v2.0",
    "data": [
        {
            "title": "Kei_car: a/b",
            "paragraphs": [
                {
                    "context": "A kei car is small.\nIt is sold in Japan.",
                    "qas": [
                        {
                            "id": "s1",
                            "question": "Where is it sold?",
                            "is_impossible": False,
                            "answers": [
                                {"text": "Japan", "answer_start": 34},
                                {"text": "Japan", "answer_start": 34},
                                {"text": "in Japan", "answer_start": 31},
                            ],
                        },
                        {"id": "s2", "question": "Who banned it?", "is_impossible": True, "answers": []},
                    ],
                },
                {"context": "Another.", "qas": []},
            ],
        }
    ],
}


def test_squad_2_and_its_articles(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    file.write_text(json.dumps(SQUAD), encoding="utf-8")
    yes, no = load_questions(file)
    assert (yes.answerable, yes.answers) == (True, ("Japan", "in Japan"))
    assert yes.facts == (("Japan", "in Japan"),)
    assert (no.answerable, no.near_miss, no.facts) == (False, True, ())
    assert write_squad_articles(file, tmp_path / "articles") == 2
    article = tmp_path / "articles" / yes.sources[0]
    document = read_document(article, tmp_path / "articles")
    assert document.title == "Kei car: a/b"
    assert document.text[document.body_start :].strip() == SQUAD["data"][0]["paragraphs"][0]["context"]


def test_squad_1_has_no_unanswerable_questions(tmp_path: Path) -> None:
    article = SQUAD["data"][0]
    first = {
        key: value for key, value in article["paragraphs"][0]["qas"][0].items() if key != "is_impossible"
    }
    old = {"data": [{"title": "T", "paragraphs": [{"context": "In Japan.", "qas": [first]}]}]}
    file = tmp_path / "train.json.gz"
    file.write_bytes(gzip.compress(json.dumps(old).encode()))
    (question,) = load_questions(file)
    assert question.answerable and question.answers == ("Japan", "in Japan")


def test_csv_with_any_delimiter_and_order(tmp_path: Path) -> None:
    file = tmp_path / "set.csv"
    file.write_text(
        "\ufeffQuestion;Answerable;Expected;Sources;id\r\n"
        '"Who owns it; and how much?";yes;"Nissan|Nissan Motor;34%";001;a\r\n'
        "Who leads Tesla?;no;;;b\r\nWhat next?;;;;\r\n",
        encoding="utf-8",
    )
    first, second, third = load_questions(file)
    assert first.expected == (("Nissan", "Nissan Motor"), ("34%",))
    assert (first.id, first.question, first.sources) == ("a", "Who owns it; and how much?", ("001",))
    assert (second.answerable, third.answerable) == (False, None)
    assert third.id == "set-4"


def test_a_plain_list_knows_nothing_of_answers(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("# asked on Monday\nWho owns it?\n\n  And why?  \n", encoding="utf-8")
    first, second = load_questions(file)
    assert (first.question, first.answerable, second.question) == ("Who owns it?", None, "And why?")


def test_conversations_become_questions_that_follow_one_another(tmp_path: Path) -> None:
    turn = {"answerable": True, "expected": [["34%"]]}
    row = {
        "id": "c",
        "split": "dev",
        "turns": [turn | {"question": "Who?"}, turn | {"question": "How much?"}],
    }
    file = tmp_path / "conversations.jsonl"
    file.write_text(json.dumps(row), encoding="utf-8")
    first, second = load_questions(file, "dev")
    assert (first.id, first.follows, first.kind) == ("c/1", None, "fact")
    assert (second.id, second.follows, second.kind) == ("c/2", "c/1", "followup")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "frage\nWer?\n", "no column 'question'"),
        ("a.csv", "question,colour\nWho?,red\n", "unknown column 'colour'"),
        ("a.csv", "question,answerable\nWho?,maybe\n", "line 2: answerable is 'maybe'"),
        ("a.csv", "question,answerable\nWho?,yes\n", "line 2: an answerable question needs"),
        ("a.json", "{", "line 1: not JSON"),
        ("a.json", '{"questions": []}', "is not a SQuAD file"),
        ("a.json", '{"data": []}', "holds no questions"),
        ("a.txt", "\n\n", "holds no questions"),
        ("a.xml", "<a/>", "no question set that is known; allowed: .jsonl"),
        ("a.jsonl", '{"id": "c", "turns": 3}', "line 1: a conversation is"),
        ("a.jsonl", '{"id": "c", "turns": [], "speaker": 1}', "unknown key 'speaker'"),
        ("a.jsonl", '{"id": "c", "turns": [{"question": "x"}]}', "line 1, turn 1: key 'answerable'"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_questions(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


def test_a_damaged_archive_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"not gzip")
    for name in ("a.jsonl.gz", "none.csv"):
        with pytest.raises(InputError, match="cannot be read"):
            load_questions(tmp_path / name)
