from __future__ import annotations

import itertools
import time

import pytest
from places import SEEDS

from rag.apps.chat_examples import Candidate, candidates, pick
from rag.documents.read import list_files, read_document
from rag.types import Answer, Citation, Document, Statement


def article(*sentences: str, path: str = "a.txt") -> Document:
    return Document(path, "A title", "A title\n\n" + " ".join(sentences), "0" * 64)


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Nissan and Honda have agreed to pool their resources.", "What have Nissan and Honda agreed to do?"),
        ("Ford plans to close two plants.", "What does Ford plan to do?"),
        ("The Fed was under pressure because prices had risen.", "Why was the Fed under pressure?"),
        (
            "The new firm, which is due to open in March 2025, is in Osaka.",
            "When is the new firm due to open?",
        ),
        ("In May, Ford announced a recall, its third.", "When did Ford announce a recall?"),
        ("Renault, of which Nissan owns 15%, fell.", "How much of Renault does Nissan own?"),
        ("Nissan holds 34% of Mitsubishi Motors today.", "How much of Mitsubishi Motors does Nissan hold?"),
        ("Jane Doe, the mayor of Leeds, said so.", "Who is Jane Doe?"),
        ("The software-defined vehicle (SDV) is near.", "What does SDV stand for?"),
        ("It comes from L-H Battery Company, which is a joint venture.", "What is L-H Battery Company?"),
    ],
)
def test_a_sentence_is_turned_into_its_question(sentence: str, question: str) -> None:
    assert question in [candidate.question for candidate in candidates([article(sentence)])]


@pytest.mark.parametrize(
    "sentence",
    [
        "It was under pressure because prices had risen.",
        "They have agreed to stop.",
        "Earlier was better because nobody knew.",
        "said Commerce Department on Monday.",
        "cars and vans (CV) are sold.",
        "Die Firma Nissan wurde im März 2025 gegründet.",
    ],
)
def test_a_sentence_without_a_subject_of_its_own_makes_none(sentence: str) -> None:
    assert candidates([article(sentence)]) == []


def test_candidates_point_at_their_sentence_and_articles_take_turns() -> None:
    documents = [
        article("Ford plans to close plants.", "Ford has decided to sell them.", path="a.txt"),
        article("Fiat aims to grow.", path="b.txt"),
    ]
    found = candidates(documents)
    assert [candidate.path for candidate in found] == ["a.txt", "b.txt", "a.txt"]
    text = {document.path: document.text for document in documents}
    assert text["b.txt"][found[1].start : found[1].end] == "Fiat aims to grow."


def test_the_default_articles_give_enough_to_choose_from() -> None:
    found = candidates(read_document(file, SEEDS) for file in list_files(SEEDS))
    assert len({candidate.kind for candidate in found}) >= 4 and len({c.path for c in found}) >= 3


@pytest.mark.parametrize(
    "text", ["Aa " * 3_000, "A-" * 3_000, "Aa, " * 2_000, "A B, " * 2_000, "the aa " * 1_500]
)
def test_odd_articles_take_no_time(text: str) -> None:
    start = time.perf_counter()
    candidates([article(text)])
    assert time.perf_counter() - start < 2.0


def answer(candidate: Candidate, verdict: str = "answered", path: str | None = None) -> Answer:
    cited = Citation(1, path or candidate.path, "", candidate.start, candidate.end, "", 1.0)
    return Answer(candidate.question, candidate.question, verdict, "", (Statement("", (cited,)),))  # type: ignore[arg-type]


def made(*kinds: str) -> list[Candidate]:
    return [Candidate(f"{kind} {n}?", kind, f"{n}.txt", 0, 9) for n, kind in enumerate(kinds)]


def test_only_what_the_engine_answers_from_that_sentence_is_kept() -> None:
    found = made("when", "why", "what", "who")
    given = {
        found[0].question: answer(found[0], "not_found"),
        found[1].question: answer(found[1], "partial"),
        found[2].question: answer(found[2], path="another.txt"),
        found[3].question: answer(found[3]),
    }
    assert pick(found, given.__getitem__) == [found[3].question]


def test_different_kinds_come_first() -> None:
    found = made("when", "when", "when", "what")
    given = {candidate.question: answer(candidate) for candidate in found}
    assert pick(found, given.__getitem__, wanted=3) == ["when 0?", "what 3?", "when 1?"]


def test_looking_stops_in_time_and_asks_nothing_twice() -> None:
    found = made("when", "why", "what", "who")
    asked: list[str] = []

    def refuse(question: str) -> Answer:
        asked.append(question)
        return answer(found[0], "not_found")

    assert pick(found, refuse) == [] and asked == [candidate.question for candidate in found]
    asked.clear()
    ticks = itertools.count()
    assert pick(found, refuse, seconds=2, clock=lambda: float(next(ticks))) == [] and len(asked) == 2
