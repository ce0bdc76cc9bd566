from __future__ import annotations

import math

import pytest

from rag.answering.evidence import (
    FEATURES,
    READER_FEATURES,
    Material,
    calibration,
    confidence,
    features_of,
    log_odds,
    question_feature_names,
    question_features,
    weigh,
)
from rag.answering.question import analyse
from rag.chunking.sentences import split_sentences
from rag.models.reader import Reading
from rag.types import Hit, ScoredSentence, Scores

TEXT = "Nissan owns 34% of Mitsubishi Motors. The firms met in Tokyo on Friday. Honda president Toshihiro Mibe spoke."


def hit(text: str = TEXT, similarity: float = 0.5) -> Hit:
    spans = split_sentences(text)
    sentences = tuple(
        ScoredSentence(span.start, span.end, text[span.start : span.end], similarity) for span in spans
    )
    return Hit(1, 1.0, "a", "News", 0, len(text), text, Scores(0.5, 1.0, similarity), sentences)


READING = Reading(12, 15, 5.0, 1.0, 0.9, 2.0, (0.8, 0.05, 0.05))


@pytest.mark.parametrize("with_reader", [False, True], ids=["rules", "reader"])
def test_features_calibration_and_names_agree_in_number(with_reader: bool) -> None:
    analysis, material = analyse("How much of Mitsubishi Motors does Nissan own?"), Material([hit()])
    readings = [READING] if with_reader else None
    model = calibration(with_reader)
    names = READER_FEATURES if with_reader else FEATURES
    row = features_of(analysis, material, 0, 0, readings[0] if readings else None)
    assert len(row) == len(names) == len(model.sentence.weights)
    weighed = weigh(analysis, material, readings, lambda position: True, model)
    assert (
        len(question_features(weighed)) == len(question_feature_names(names)) == len(model.question.weights)
    )
    assert weighed[0].sentence.text.startswith("Nissan owns 34%")
    assert 0 < model.threshold < 1


def test_features_say_what_they_are_named_for() -> None:
    analysis, material = analyse("How much of Mitsubishi Motors does Nissan own?"), Material([hit()])
    best = dict(zip(READER_FEATURES, features_of(analysis, material, 0, 0, READING), strict=True))
    other = dict(zip(READER_FEATURES, features_of(analysis, material, 0, 1, READING), strict=True))
    assert best["coverage"] > other["coverage"] == 0
    assert best["names_in_sentence"] == 1 > other["names_in_sentence"]
    assert (best["type_match"], best["span_here"]) == (1, 1)
    assert other["span_here"] == 0
    assert best["answerable"] == pytest.approx(math.log(9))
    assert best["sentence_evidence"] == 0.8


def test_the_span_is_given_in_the_documents_offsets() -> None:
    analysis, material = analyse("How much of Mitsubishi Motors does Nissan own?"), Material([hit()])
    weighed = weigh(analysis, material, [READING], lambda position: True, calibration(True))
    assert weighed[0].span == (12, 15)
    assert TEXT[12:15] == "34%"
    assert all(item.span is None for item in weighed[1:])


def test_a_hit_that_fails_the_gate_is_left_out() -> None:
    analysis, material = analyse("Who met?"), Material([hit(), hit()])
    weighed = weigh(analysis, material, None, lambda position: position == 1, calibration(False))
    assert len(weighed) == 3
    assert confidence(analysis, [], calibration(False)) == 0


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("When did the firms meet?", ["The firms met in Tokyo on Friday."]),
        ("Who is the president of Honda?", ["Honda president Toshihiro Mibe spoke."]),
        ("Who is the president of Nissan?", []),
        ("What does SDV stand for?", []),
    ],
)
def test_strict_kinds_leave_only_sentences_that_hold_what_is_asked(question: str, left: list[str]) -> None:
    weighed = weigh(analyse(question), Material([hit()]), None, lambda position: True, calibration(False))
    assert [item.sentence.text for item in weighed] == left


def test_a_slip_of_the_finger_is_corrected_from_the_passages() -> None:
    material = Material([hit()])
    assert material.corrected(analyse("What does Mitsubshi do?")).names == ("mitsubishi",)
    assert material.corrected(analyse("What does Mazda do?")).names == ("mazda",)


def test_log_odds_are_bounded() -> None:
    assert log_odds(0.5) == 0
    assert log_odds(0.0) == pytest.approx(-log_odds(1.0))
    assert log_odds(0.0) < -9
