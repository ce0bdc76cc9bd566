"""What a model read and wrote, asked of a whole run over a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_server import Turn, serving, words

from rag.answering.generators.protocol import Prompt
from rag.answering.generators.tokens import count_tokens
from rag.errors import InputError
from rag.evaluation.answers import MARKDOWN, Options, evaluate
from rag.evaluation.metered import Metered, Price, Usage, total
from rag.evaluation.records import from_line, to_line
from rag.evaluation.report import to_json, usage_line
from rag.index.index import Index
from rag.settings import Settings

SAID = "The joint venture is due to be founded in March 2025 [1]."


class Parrot:
    name, window, most_tokens = "parrot", 1000, 100

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        yield from prompt.user.split()


def test_tokens_are_counted_once() -> None:
    meter = Metered(Parrot())
    assert list(meter.stream(Prompt("be brief", "one two three"))) == ["one", "two", "three"]
    heard = meter.stream(Prompt("be brief", "one two three"))
    assert next(heard) == "one"
    heard.close()  # whoever stops listening has still read the prompt and heard a word
    asked = count_tokens("be brief") + count_tokens("one two three")
    assert meter.taken() == Usage(2 * asked, count_tokens("onetwothree") + count_tokens("one"))
    assert meter.taken() == Usage(0, 0)


def test_a_price_is_of_a_million_tokens() -> None:
    assert Price.parse("0.5, 2").of(Usage(1_000_000, 500_000)) == 1.5
    for wrong in ("cheap", "1", "1,2,3", "-1,2"):
        with pytest.raises(InputError, match="price"):
            Price.parse(wrong)


def test_runs_without_a_model_have_none() -> None:
    assert total([{"note": None}]) is None


def test_a_run_says_what_its_model_used(tmp_path: Path, seeds_index: Index) -> None:
    file = tmp_path / "set.txt"
    file.write_text("When is the joint venture due to be founded?\nWho invented penicillin?\n", "utf-8")
    with serving(Turn(tokens=words(SAID))) as script:
        settings = Settings(index=seeds_index.path, generator="openai:scripted", generator_url=script.url)
        with Index.open(seeds_index.path, settings=settings, create=False) as index:
            folder = tmp_path / "run"
            done = evaluate(file, index, Options(folder=folder, price=Price(1.0, 2.0), progress=False))
        asked = [json.dumps(request) for request in script.requests]
    first, second = (record.answer["tokens"] for record in done.records)
    assert len(asked) == 1  # what is not in the articles never reaches the model
    assert second == {"read": 0, "written": 0}
    assert first["read"] > 100
    assert 0 < first["written"] <= count_tokens(SAID) + len(SAID)
    told = to_json(done)
    assert told["tokens"] == first
    assert told["cost"] == pytest.approx((first["read"] + 2 * first["written"]) / 1e6)
    line = usage_line(done)
    assert line is not None
    assert f"{first['read']:,} read" in line
    assert line[1:] in (folder / MARKDOWN).read_text("utf-8")
    assert line in (folder / "report.html").read_text("utf-8")
    assert from_line(to_line(done.records[0])) == done.records[0]
