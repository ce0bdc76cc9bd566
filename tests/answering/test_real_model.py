"""A real small model that makes things up, over the seed articles: what is shown stands in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, TokenReady
from rag.answering.verification import exact_objections
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

QUESTIONS = [
    "When does the new company of Nissan and Mitsubishi Corporation start?",
    "What share of Mitsubishi Motors does Nissan hold?",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_whatever_it_makes_up_only_what_the_articles_say_is_shown(
    seeds_index: Index, small_model: Path, question: str
) -> None:
    settings = Settings(
        index=seeds_index.path,
        generator=f"gguf:{small_model}",
        generator_window=768,
        generator_tokens=40,
        generator_threads=1,
        unverified="show",
    )
    with Index.open(seeds_index.path, settings=settings, encoder=seeds_index.encoder, create=False) as index:
        events = list(AnswerEngine(Retriever(index, settings)).stream(question))
        last = events[-1]
        assert isinstance(last, Completed)
        assert any(isinstance(event, TokenReady) for event in events)
        assert last.answer.verdict == "answered"
        for statement in last.answer.statements:
            quotes = [citation.quote for citation in statement.citations]
            assert exact_objections(statement.text, quotes) == ()
            for citation in statement.citations:
                text = index.document(citation.path).text
                assert text[citation.start : citation.end] == citation.quote
        written_by_model = last.answer.generator == settings.generator
        assert written_by_model or "word for word" in (last.answer.note or "")
