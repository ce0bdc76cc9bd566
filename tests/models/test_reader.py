"""The reader, with the weights that ship."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelError, SettingsError
from rag.models.reader import DATA, OVERLAP, OnnxReader, best_span, load_reader, window_starts
from rag.types import Sentence

PASSAGE = (
    "The bridge over the river Lune was opened in May 1911 by the engineer Harold Whitcombe. It is 212 metres long. "
    "The town paid 34,000 pounds for it, most of which came from the wool trade."
)
SENTENCES = (Sentence(0, 87), Sentence(88, 110), Sentence(111, len(PASSAGE)))
OTHER = (
    "Wheat prices fell in autumn after a good harvest, and several mills in the county closed their doors."
)


@pytest.fixture(scope="module")
def reader() -> OnnxReader:
    found = load_reader("auto")
    assert isinstance(found, OnnxReader)
    return found


def test_none_is_no_reader_and_others_are_refused() -> None:
    assert load_reader("none") is None
    with pytest.raises(SettingsError, match="allowed: auto, none"):
        load_reader("large")


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("When was the bridge opened?", "1911", 0),
        ("who was the engineer that opened the bridge", "Harold Whitcombe", 0),
        ("How long is the bridge?", "212 metres", 1),
        ("How much did the town pay for the bridge?", "34,000 pounds", 2),
    ],
)
def test_finds_the_answer_and_its_sentence(
    reader: OnnxReader, question: str, answer: str, sentence: int
) -> None:
    reading = reader.read(question, [PASSAGE], [SENTENCES])[0]
    assert answer in PASSAGE[reading.start : reading.end]
    assert int(np.argmax(reading.sentence_evidence)) == sentence
    assert sum(reading.sentence_evidence) <= reading.answerable + 1e-6


def test_prefers_the_passage_that_answers(reader: OnnxReader) -> None:
    right, wrong = reader.read("When was the bridge opened?", [PASSAGE, OTHER])
    assert right.answerable > 0.5 > wrong.answerable
    assert right.evidence > wrong.evidence
    assert right.span_score - right.no_answer_score > wrong.span_score - wrong.no_answer_score


def test_a_passage_reads_the_same_in_any_company(reader: OnnxReader) -> None:
    question = "How long is the bridge?"
    alone = reader.read(question, [PASSAGE], [SENTENCES])[0]
    among = reader.read(question, [OTHER, PASSAGE, OTHER * 9], [(), SENTENCES, ()])[1]
    assert alone == among


@pytest.mark.parametrize("before", [0, 4, 12])
def test_reads_all_of_a_long_passage(reader: OnnxReader, before: int) -> None:
    filling = (OTHER + " ") * before
    text = filling + PASSAGE + " " + (OTHER + " ") * (12 - before)
    spans = [Sentence(s.start + len(filling), s.end + len(filling)) for s in SENTENCES]
    reading = reader.read("How long is the bridge?", [text], [spans])[0]
    assert "212" in text[reading.start : reading.end]
    assert int(np.argmax(reading.sentence_evidence)) == 1


def test_nothing_to_read(reader: OnnxReader) -> None:
    assert reader.read("Who?", []) == []
    assert reader.support([]) == []
    reading = reader.read("Who?", [""], [()])[0]
    assert (reading.start, reading.end, reading.answerable) == (0, 0, 0.0)
    assert reader.support([("A claim.", "")]) == [(0.0, 0.0, 1.0)]


def test_sentences_must_fit_the_passages(reader: OnnxReader) -> None:
    with pytest.raises(ValueError, match="2 passages but sentences for 1"):
        reader.read("Who?", [PASSAGE, OTHER], [SENTENCES])


def test_offsets_stay_inside_odd_text(reader: OnnxReader) -> None:
    text = "  “Café Ωmega” — opened\u2028 in Zürich 🙂 in 1999…  \n"
    reading = reader.read("When did Café Ωmega open?", [text])[0]
    assert 0 <= reading.start < reading.end <= len(text)
    assert "1999" in text[reading.start : reading.end]


def test_support_tells_a_true_claim_from_a_changed_one(reader: OnnxReader) -> None:
    true, number, unrelated = reader.support(
        [
            ("The bridge is 212 metres long.", PASSAGE),
            ("The bridge is 640 metres long.", PASSAGE),
            ("The bridge is 212 metres long.", OTHER),
        ]
    )
    for each in (true, number, unrelated):
        assert sum(each) == pytest.approx(1, abs=1e-5)
    assert true[0] > 0.5
    assert number[0] < true[0]
    assert unrelated[0] < 0.5


def test_damaged_weights_are_not_used(tmp_path: Path) -> None:
    shutil.copyfile(DATA / "reader.json", tmp_path / "reader.json")
    (tmp_path / "reader.onnx").write_bytes(b"not the weights")
    with pytest.raises(ModelError, match=r"reader\.onnx is damaged.*reader = \"none\""):
        OnnxReader(tmp_path).read("Who?", [PASSAGE])


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    shutil.copyfile(DATA / "reader.json", tmp_path / "reader.json")
    with pytest.raises(ModelError, match="cannot be read"):
        OnnxReader(tmp_path).support([("A claim.", PASSAGE)])


@pytest.mark.parametrize("content", [None, "{", "[]", '{"sha256": "0"}'])
def test_a_damaged_description_says_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "reader.json").write_text(content)
    with pytest.raises(ModelError, match=r"reader\.json cannot be used"):
        OnnxReader(tmp_path)


def test_fingerprint_follows_the_calibration(tmp_path: Path, reader: OnnxReader) -> None:
    card = json.loads((DATA / "reader.json").read_text())
    card["answerable"]["bias"] += 0.25
    (tmp_path / "reader.json").write_text(json.dumps(card))
    assert OnnxReader(tmp_path).fingerprint != reader.fingerprint


def test_weights_fit_the_package() -> None:
    assert (DATA / "reader.onnx").stat().st_size <= 25_000_000


def test_reading_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rag.models.reader import load_reader; r = load_reader('auto'); early = set(sys.modules); "
        "r.read('Who?', ['Ann did.']); print(sorted({'torch', 'transformers', 'sentence_transformers', 'scipy'} & "
        "set(sys.modules)), 'onnxruntime' in early)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["[]", "False"]


@pytest.mark.parametrize("length", [1, 50, 200, 201, 300, 1000, 3333])
def test_windows_cover_everything_and_overlap(length: int) -> None:
    room = 200
    starts = window_starts(length, room)
    assert starts[0] == 0
    assert starts[-1] + room >= length
    assert all(0 < b - a <= room - OVERLAP for a, b in pairwise(starts))
    assert window_starts(0, room) == []


def test_best_span_is_the_best_allowed() -> None:
    rng = np.random.default_rng(3)
    start, end = (rng.normal(size=60).astype(np.float32) for _ in range(2))
    scores = {(i, j): start[i] + end[j] for i in range(60) for j in range(i, min(60, i + 40))}
    assert best_span(start, end) == max(scores, key=lambda pair: scores[pair])
