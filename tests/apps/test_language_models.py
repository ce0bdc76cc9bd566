"""Which models a person can choose from, in words, and that a choice is what answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, Event, FellBack
from rag.answering.generators.protocol import Prompt
from rag.apps.chat_answer import Lanes
from rag.apps.chat_desk import Desk, desk_over
from rag.apps.language_models import Model, Models, configured
from rag.errors import SettingsError
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

extras = pytest.mark.skipif(
    "not __import__('importlib.util').util.find_spec('llama_index.llms')",
    reason="needs the extras openai and ollama",
)
QUESTION = "When will the joint venture of Nissan and Mitsubishi Corporation officially exist?"


class Saying:
    """A generator that says one thing, when it may."""

    window, most_tokens = 4096, 300

    def __init__(self, name: str) -> None:
        self.name, self.may, self.asked = name, threading.Event(), threading.Event()
        self.may.set()

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        self.asked.set()
        self.may.wait(30)
        # a sentence of the article, so that no other weights of the reader take it for unsupported
        yield (
            "Going by the latest news, then, March 2025 is the earliest that the joint venture of Nissan and "
            "Mitsubishi Corporation will officially exist. [1]"
        )


def test_each_model_goes_to_its_own_server(tmp_path: Path) -> None:
    key = tmp_path / "key"
    settings = Settings(
        generator="openai:big",
        generator_url="http://10.0.0.5:8000/v1",
        generator_key_file=key,
        generators="openai:small, ollama:llama3.2 ,openai:qwen@http://127.0.0.1:9/v1,extractive,",
    )
    found = configured(settings)
    assert [(one.generator, one.generator_url, one.generator_key_file) for one in found] == [
        ("openai:big", "http://10.0.0.5:8000/v1", key),
        ("openai:small", "http://10.0.0.5:8000/v1", key),
        ("ollama:llama3.2", None, None),
        ("openai:qwen", "http://127.0.0.1:9/v1", None),
    ]
    assert configured(Settings()) == []


@extras
def test_models_are_told_in_words_without_passwords(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-key")
    listed = (
        "openai:m@http://me:pass-word@news.example:8000/v1, openai:m@http://localhost:9/v1, ollama:llama3.2"
    )
    models = Models(Settings(generators=f"{listed}, openai:gpt-5, gguf:{tmp_path}/none.gguf, nothing:at-all"))
    told = models.listed()
    assert told[:4] == (
        Model("openai:m", "m", "a server at news.example:8000", is_remote=True),
        Model("openai:m@localhost:9", "m", "a server on this machine"),
        Model("ollama:llama3.2", "llama3.2", "Ollama on this machine"),
        Model("openai:gpt-5", "gpt-5", "OpenAI", is_remote=True),
    )
    assert told[4].label == "none" and "cannot be read" in told[4].problem
    assert "allowed" in told[5].problem
    assert "pass-word" not in str(told) and "sk-secret" not in str(told)
    assert models.default == "" and models.get("openai:not-configured") is None
    assert models.get("ollama:llama3.2") is models.get("ollama:llama3.2")
    monkeypatch.delenv("OPENAI_API_KEY")
    keyless = Models(Settings(generators="openai:gpt-5"))
    assert "OPENAI_API_KEY" in keyless.listed()[0].problem
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        keyless.get("openai:gpt-5")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-key")
    assert keyless.listed()[0].problem == ""  # looked at anew


def test_what_is_chosen_answers_and_what_cannot_be_had_is_told(seeds_index: Index) -> None:
    one, two = Saying("one"), Saying("ollama:two")
    settings = Settings(
        generator="ollama:two", generators="openai:three@http://127.0.0.1:9/v1, gguf:none.gguf"
    )
    models = Models(
        settings, known=one, load=lambda asked: two if asked.generator == two.name else _refused(asked)
    )
    plain = AnswerEngine(Retriever(seeds_index))
    desk = Desk(lambda: (plain, seeds_index), seeds_index.path, models=models)
    assert desk.engine("quotes", "one")[0].generator is None
    assert desk.engine("fluent", "one")[0].generator is one
    assert desk.engine("fluent", "no-such")[0].generator is two  # the default
    refused, note = desk.engine("fluent", "openai:three")
    assert (
        refused.generator is None
        and note == "three has no key; this is what the articles say, word for word."
    )
    answer = next(event.answer for event in _answered(Lanes(), refused, note) if isinstance(event, Completed))
    assert answer.note == note and answer.statements and answer.generator == "extractive"
    shelf = desk.shelf()
    assert shelf is not None and shelf.fluent
    assert [one.key for one in shelf.models] == ["ollama:two", "openai:three", "gguf:none.gguf", "one"]


def _refused(settings: Settings) -> Saying:
    raise SettingsError(f"{settings.generator.partition(':')[2]} has no key")


def _answered(lanes: Lanes, engine: AnswerEngine, note: str = "") -> Iterator[Event]:
    return lanes.answered(engine, lambda chosen: chosen.stream(QUESTION), note)


def test_a_model_that_loads_holds_up_only_those_who_chose_it(seeds_index: Index) -> None:
    slow, other = Saying("gguf:/models/Slow-7B.gguf"), Saying("other")
    slow.may.clear()
    plain = AnswerEngine(Retriever(seeds_index))
    lanes = Lanes(at_once=1)
    worded = AnswerEngine(plain.retriever, generator=slow)
    waiting = threading.Thread(target=lambda: list(_answered(lanes, worded)))
    waiting.start()
    try:
        assert slow.asked.wait(30)
        quoted = list(_answered(lanes, plain))[-1]
        assert isinstance(quoted, Completed) and quoted.answer.verdict == "answered"
        by_other = list(_answered(lanes, AnswerEngine(plain.retriever, generator=other)))[-1]
        assert isinstance(by_other, Completed) and by_other.answer.generator == "other"
        first, *_, last = _answered(lanes, worded)
        assert isinstance(first, FellBack) and first.note.startswith(
            "Slow-7B has other questions to answer first"
        )
        assert isinstance(last, Completed) and last.answer.note == first.note
        assert last.answer.statements == quoted.answer.statements
    finally:
        slow.may.set()
        waiting.join(30)
    assert not waiting.is_alive()
    again = list(_answered(lanes, worded))[-1]
    assert isinstance(again, Completed) and again.answer.generator == slow.name


@extras
def test_indexes_beside_each_other_choose_from_the_same_models(tmp_path: Path, seeds_index: Index) -> None:
    news = tmp_path / "articles"
    news.mkdir()
    (news / "a.txt").write_text("Fiat opens a plant\n\nFiat opens a plant in Turin in May 2025.", "utf-8")
    for name in ("one", "two"):
        made = Index.open(
            tmp_path / name, settings=Settings(index=tmp_path / name), encoder=seeds_index.encoder
        )
        with made:
            made.sync(news)
    settings = Settings(index=tmp_path / "one", generators="ollama:llama3.2")
    desk = desk_over(tmp_path / "one", settings)
    there = desk.at("two")
    chosen = there.engine("fluent", "ollama:llama3.2")[0].generator
    assert chosen is not None and chosen is desk.engine("fluent", "ollama:llama3.2")[0].generator
    assert there.engine("fluent", "")[0].generator is None  # by default nothing but quotes
