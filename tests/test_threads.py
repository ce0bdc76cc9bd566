"""The public API from many threads at once, while the index changes under them."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from places import SEEDS

from rag.answering.engine import AnswerEngine
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Answer

THREADS = 8
QUESTIONS = [
    "When will the joint venture of Mitsubishi and Nissan be founded?",
    "Who is the president of Honda?",
    "How fast do the ferries of Lake Ohrid go?",
    "Who is the chief executive of Tesla?",
]
FERRIES = (
    "The ferries of Lake Ohrid\n\nThe ferries of Lake Ohrid go at {} knots. They were built in Struga.\n"
)


def gist(answer: Answer) -> tuple[object, ...]:
    """An answer without what differs from run to run: timings, and the numbers of rows."""
    closest = [(hit.path, hit.start, hit.end, hit.text) for hit in answer.closest]
    confidence = None if answer.confidence is None else round(answer.confidence, 4)
    return (
        answer.verdict,
        answer.text,
        answer.statements,
        answer.sources,
        answer.short_answer,
        confidence,
        closest,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    shutil.copytree(SEEDS, folder)
    (folder / "ferries.txt").write_text(FERRIES.format(11))
    return folder


def test_answers_are_of_one_state_whatever_is_synced_meanwhile(
    folder: Path, tmp_path: Path, encoder: Encoder
) -> None:
    settings = Settings(index=tmp_path / "index")
    with Index.open(settings.index, settings=settings, encoder=encoder) as index:
        engine = AnswerEngine(Retriever(index))

        def state(knots: int) -> dict[str, tuple[object, ...]]:
            (folder / "ferries.txt").write_text(FERRIES.format(knots))
            index.sync(folder)
            return {question: gist(engine.ask(question)) for question in QUESTIONS}

        states = [state(14), state(11)]
        assert states[0][QUESTIONS[2]] != states[1][QUESTIONS[2]]
        assert states[0][QUESTIONS[0]] == states[1][QUESTIONS[0]]
        problems: list[str] = []
        asked = [0] * THREADS
        ready = threading.Barrier(THREADS + 1)

        def ask(number: int) -> None:
            ready.wait()
            for turn in range(len(QUESTIONS)):
                question = QUESTIONS[(number + turn) % len(QUESTIONS)]
                found = gist(engine.ask(question))
                if found not in [one[question] for one in states]:
                    problems.append(f"{question} -> {found}")
                asked[number] += 1

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        ready.wait()
        before = index.generation
        syncs = 0
        while any(thread.is_alive() for thread in threads):
            (folder / "ferries.txt").write_text(FERRIES.format(14 if syncs % 2 else 11))
            index.sync(folder)
            syncs += 1
        for thread in threads:
            thread.join()
        assert problems == []
        assert asked == [len(QUESTIONS)] * THREADS
        assert index.generation >= before + 2
