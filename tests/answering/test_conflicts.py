"""Articles that disagree, from files to the answer, with real weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from integrations.disagreement import DISPUTED as QUESTION
from integrations.disagreement import FIRST, LATER

from rag.answering.citations import in_words
from rag.answering.engine import AnswerEngine
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Answer

AGREES = "Batangas and Calapan have signed a rescue agreement that binds neither of the two ports."


@pytest.fixture
def ask(tmp_path: Path, encoder: Encoder) -> Callable[..., Answer]:
    def asked(question: str = QUESTION, reader: str = "auto", /, **articles: str) -> Answer:
        folder = tmp_path / "articles"
        folder.mkdir()
        for name, text in articles.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        settings = Settings(index=tmp_path / "index", reader=reader)
        index = Index.open(tmp_path / "index", settings=settings, encoder=encoder)
        index.sync(folder)
        try:
            return AnswerEngine(Retriever(index)).ask(question)
        finally:
            index.close()

    return asked


def dated(day: str, text: str) -> str:
    return f"---\ntitle: Ferry\ndate: {day}\n---\n{text}\n"


def test_both_sides_are_shown_newest_first_with_their_dates(ask: Callable[..., Answer]) -> None:
    answer = ask(a=dated("2026-05-02", FIRST), b=dated("2026-05-04", LATER))
    (conflict,) = answer.conflicts
    assert answer.short_answer is None  # it would take a side
    assert conflict.about == QUESTION
    assert [(side.published, side.text[:5]) for side in conflict.positions] == [
        ("2026-05-04", "With "),
        ("2026-05-02", "The r"),
    ]
    numbers = [side.citations[0].number for side in conflict.positions]
    assert sorted(numbers) == [source.number for source in answer.sources] == [1, 2]
    assert answer.text.endswith(in_words(conflict))
    assert "2026-05-04" in in_words(conflict)


def test_articles_that_agree_do_not_disagree(ask: Callable[..., Answer]) -> None:
    answer = ask(a=dated("2026-05-02", FIRST), b=dated("2026-05-04", AGREES))
    assert answer.verdict == "answered"
    assert answer.conflicts == ()


def test_a_copy_with_one_word_changed_hides_nothing(ask: Callable[..., Answer]) -> None:
    around = "The council met on Tuesday evening to discuss the stadium, the budget and the school in the old town. "
    after = " Members of all parties spoke for more than three hours, and many people from the old town came to listen."
    told = "The agreement on the stadium is {}, the mayor told the council of the old town."
    answer = ask(
        "Is the agreement on the stadium binding?",
        a=around + told.format("binding") + after,
        b=around + told.format("non-binding") + after,
    )
    (conflict,) = answer.conflicts
    assert {side.citations[0].path for side in conflict.positions} == {"a.md", "b.md"}


def test_without_a_reader_nothing_is_compared(ask: Callable[..., Answer]) -> None:
    answer = ask(QUESTION, "none", a=dated("2026-05-02", FIRST), b=dated("2026-05-04", LATER))
    assert answer.conflicts == ()
