from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rag.training.examples import (
    OVERLAP_WORDS,
    Example,
    eval_grams,
    held_out_titles,
    overlaps,
    read_examples,
    read_records,
    write_examples,
)

SENTENCE = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


def write(file: Path, items: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(item) + "\n" for item in items)


def qa(context: str, answer: str | None, title: str = "T") -> dict[str, Any]:
    answers = [{"text": answer, "start": context.index(answer)}] if answer else []
    return {
        "title": title,
        "context": context,
        "question": " Which? ",
        "answers": answers,
        "is_impossible": answer is None,
    }


def test_thirteen_words_in_a_row_are_an_overlap() -> None:
    seen = eval_grams_of(SENTENCE)
    words = SENTENCE.split()
    assert overlaps("Before it, " + ", ".join(words[:OVERLAP_WORDS]).upper(), seen)
    assert not overlaps(" ".join(words[: OVERLAP_WORDS - 1]) + " but not the next", seen)


def eval_grams_of(text: str) -> set[int]:
    words = text.split()
    return {hash(tuple(words[i : i + OVERLAP_WORDS])) for i in range(len(words) - OVERLAP_WORDS + 1)}


def test_records_that_share_text_with_eval_are_dropped(tmp_path: Path) -> None:
    write(tmp_path / "eval" / "nq" / "corpus.jsonl.gz", [{"text": f"Start. {SENTENCE} end.", "more": ["x"]}])
    kept, dropped = "A short text about Ann.", f"Ann said {SENTENCE} again."
    write(
        tmp_path / "train" / "qa" / "small.jsonl.gz",
        [qa(kept, "Ann"), qa(dropped, "Ann"), qa(kept, None)],
    )
    records = read_records(tmp_path, ["small"], eval_grams(tmp_path))
    assert [(r.context, r.answer_texts, r.question) for r in records] == [
        (kept, ("Ann",), "Which?"),
        (kept, (), "Which?"),
    ]


def test_three_articles_are_held_out(tmp_path: Path) -> None:
    items = [qa("Ann.", "Ann", title) for title in "EDCBA"]
    write(tmp_path / "train" / "qa" / "squad2_dev_rest.jsonl.gz", items)
    assert held_out_titles(tmp_path) == {"C", "D", "E"}


@pytest.mark.parametrize(
    "example",
    [
        Example("wiki", "Who?", "Ann — “did”.", spans=((0, 3), (0, 9)), evidence=1),
        Example("support:made", "Ann did.", "Bob did.", support=(1, 2)),
        Example("mined", "Who?", "Rain.", no_answer=True, evidence=0),
    ],
    ids=lambda example: example.group,
)
def test_examples_come_back_as_written(tmp_path: Path, example: Example) -> None:
    write_examples([example], tmp_path / "examples.jsonl.gz")
    assert read_examples(tmp_path / "examples.jsonl.gz") == [example]
    assert [file.name for file in tmp_path.iterdir()] == ["examples.jsonl.gz"]
