"""What a second look sees, with the reader that ships."""

from __future__ import annotations

import pytest

from rag.answering.evidence import Evidence
from rag.answering.question import analyse
from rag.answering.second_look import FEATURES, second_look
from rag.chunking.sentences import split_sentences
from rag.models.reader import Reader, load_reader
from rag.types import Hit, ScoredSentence, Scores

TEXT = (
    "The two firms met in Tokyo. Toshihiro Mibe, the president of Honda, opened the meeting. "
    "He spoke of batteries. Nissan owns 34% of Mitsubishi Motors."
)
START = 100  # where the passage begins in its document


@pytest.fixture(scope="module")
def reader() -> Reader:
    found = load_reader("auto")
    assert found is not None
    return found


def sentence(number: int, span: tuple[int, int] | None = None) -> Evidence:
    spans = split_sentences(TEXT)
    scored = tuple(ScoredSentence(START + s.start, START + s.end, TEXT[s.start : s.end], 0.5) for s in spans)
    hit = Hit(1, 1.0, "a", "News", START, START + len(TEXT), TEXT, Scores(0.5, 1.0, 0.5), scored)
    return Evidence(hit, scored[number], 0.5, (), span)


def looked(question: str, reader: Reader, *best: Evidence) -> dict[str, float]:
    return dict(
        zip(FEATURES, second_look(question, analyse(question, frozenset()), best, reader), strict=True)
    )


def test_a_sentence_that_answers_is_told_from_one_that_does_not(reader: Reader) -> None:
    question = "Who is the president of Honda?"
    span = (START + TEXT.index("Toshihiro"), START + TEXT.index(", the president"))
    right, wrong = looked(question, reader, sentence(1, span)), looked(question, reader, sentence(3))
    assert right["alone_first"] > wrong["alone_first"]
    assert right["alone_evidence"] > wrong["alone_evidence"]
    assert right["claim"] > 0 > wrong["claim"]
    assert (right["same_span"], right["span_fits"]) == (1, 1)
    assert wrong["same_span"] == 0  # nothing was found there before


def test_the_sentence_before_is_read_too(reader: Reader) -> None:
    question = "What did Toshihiro Mibe speak of?"
    span = (START + TEXT.index("batteries"), START + TEXT.index("batteries") + len("batteries"))
    assert looked(question, reader, sentence(2, span))["same_span"] == 1


def test_the_best_of_several_counts(reader: Reader) -> None:
    question = "How much of Mitsubishi Motors does Nissan own?"
    both = looked(question, reader, sentence(0), sentence(3))
    alone = looked(question, reader, sentence(3))
    assert both["alone_top"] == pytest.approx(alone["alone_first"])
    assert both["alone_first"] < both["alone_top"]


def test_no_claim_counts_neither_way(reader: Reader) -> None:
    assert looked("When did the two firms meet?", reader, sentence(0))["claim"] == 0
