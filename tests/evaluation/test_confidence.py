from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rag.evaluation.confidence import (
    RecordingReader,
    area_under,
    calibration_error,
    confidence_of,
    coverage_risk,
    reliability,
    separation,
)
from rag.evaluation.metrics import Outcome, judge
from rag.evaluation.questions import Question
from rag.models.reader import load_reader
from rag.types import Answer, Hit

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]


@pytest.fixture
def judged(question: MakeQuestion, answer: MakeAnswer) -> list[Outcome]:
    """(confidence, answerable, what happened): four given answers, of them the second and last wrong; one refusal."""
    made = []
    for number, (sure, answerable, said) in enumerate(
        [
            (0.95, True, "Nissan."),
            (0.9, True, "Honda."),
            (0.85, True, "Nissan."),
            (0.6, False, "Honda."),
            (0.1, False, ""),
        ]
    ):
        reply = answer(said, "001_a.txt") if said else answer("No.", verdict="not_found")
        made.append(judge(question(id=str(number), answerable=answerable), reply, (), 1.0, sure))
    return made


def test_risk_grows_with_coverage_and_refusals_are_never_covered(judged: list[Outcome]) -> None:
    points = coverage_risk(judged)
    assert [(point.coverage, point.risk) for point in points] == [
        (0.2, 0.0),
        (0.4, 0.5),
        (pytest.approx(0.6), pytest.approx(1 / 3)),
        (0.8, 0.5),
    ]
    assert area_under(points) == pytest.approx(
        (0.2 * 0 + 0.2 * 0.25 + 0.2 * (0.5 + 1 / 3) / 2 + 0.2 * (1 / 3 + 0.5) / 2) / 0.8
    )


def test_equally_sure_answers_are_one_point(judged: list[Outcome]) -> None:
    equal = [replace(outcome, confidence=0.5) for outcome in judged]
    assert [(point.coverage, point.risk) for point in coverage_risk(equal)] == [(0.8, 0.5)]


def test_reliability_is_about_what_can_be_answered(judged: list[Outcome]) -> None:
    bins = reliability(judged)
    told = [(one.low, one.count, one.answerable) for one in bins]
    assert told == [(0.1, 1, 0.0), (0.6, 1, 0.0), (0.8, 1, 1.0), (0.9, 2, 1.0)]
    assert calibration_error(bins) == pytest.approx((0.1 + 0.6 + 0.15 + 2 * 0.075) / 5)
    assert separation(judged) == 1.0


def test_nothing_known_gives_no_curve(question: MakeQuestion, answer: MakeAnswer) -> None:
    blank = [judge(question(answerable=None), answer("Nissan.", "001_a.txt"), (), 1.0, 0.5)]
    assert (coverage_risk(blank), reliability(blank), separation(blank)) == ([], [], None)
    assert (area_under([]), calibration_error([])) == (None, None)


def test_the_real_reader_is_watched_and_says_the_same() -> None:
    reader = load_reader("auto")
    assert reader is not None
    watched = RecordingReader(reader)
    passage = "Toshihiro Mibe is the president of Honda."
    assert watched.taken() is None
    readings = watched.read("Who is the president of Honda?", [passage, "Bread is baked."])
    assert readings == reader.read("Who is the president of Honda?", [passage, "Bread is baked."])
    watched.read("What do zebras weigh?", ["Bread is baked."])
    watched.read("", ["."])  # the engine's way of loading the weights
    least = watched.taken()
    assert least == reader.read("What do zebras weigh?", ["Bread is baked."])[0].answerable
    assert least < max(reading.answerable for reading in readings)
    assert watched.taken() is None
    assert watched.supported_above == getattr(reader, "supported_above", None)
    assert watched.support([("a", "b")]) == reader.support([("a", "b")])


def test_without_a_reader_the_nearest_sentence_tells(answer: MakeAnswer, hit: MakeHit) -> None:
    assert confidence_of(answer("x"), (hit(1, "a", "x"),), None) == 0.5
    assert confidence_of(answer("x"), (hit(1, "a", "x"),), 0.9) == 0.9
    assert confidence_of(answer("x"), (), None) is None
