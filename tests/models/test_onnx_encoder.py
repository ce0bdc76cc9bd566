from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rag.models.encoder import Encoder, Passage, load_encoder
from rag.models.onnx_encoder import OnnxEncoder
from rag.models.weights import packaged_folder
from rag.settings import DEFAULT_ENCODER
from rag.types import Sentence

TEXTS = [
    "",
    "Nissan",
    "When was the joint venture founded?",
    "Der Bürgermeister von Zürich sagte: „Nein“ — naïve café, 東京 and 🚗.",
    "The plant will build 200,000 cars a year from 2026, the company said on Monday. " * 8,
    "x" * 150 + " is one word longer than the vocabulary allows",
    "tabs\tand\nline breaks   and \u00a0 odd \u2009 spaces",
]


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    """What sentence-transformers itself makes of the same weights."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_folder()), device="cpu")
    return np.asarray(model.encode(TEXTS, show_progress_bar=False))


def test_agrees_with_sentence_transformers(encoder: Encoder, reference: np.ndarray) -> None:
    ours = encoder.encode_queries(TEXTS)
    assert (ours * reference).sum(axis=1).min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert ours.dtype == np.float32


def test_a_text_is_the_same_alone_in_a_batch_as_query_and_as_passage(encoder: Encoder) -> None:
    together = encoder.encode_queries(TEXTS)
    alone = np.concatenate([encoder.encode_queries([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    passages = encoder.encode_passages([Passage("", text, ()) for text in TEXTS])
    np.testing.assert_allclose([p.vector for p in passages], together, atol=2e-5)
    assert all(p.sentence_vectors.shape == (0, encoder.dimension) for p in passages)


def test_the_prefix_is_part_of_the_passage(encoder: Encoder) -> None:
    (split,) = encoder.encode_passages([Passage("Plant opens. ", "It makes cars.", (Sentence(0, 14),))])
    whole = encoder.encode_queries(["Plant opens. It makes cars."])[0]
    np.testing.assert_allclose(split.vector, whole, atol=1e-5)


def test_sentence_vectors_follow_the_sentences(encoder: Encoder) -> None:
    text = "The mayor opened a bridge. Bananas are yellow fruit. Nissan lost money in May."
    ends = [text.index(". ") + 1, text.index("fruit.") + 6, len(text)]
    sentences = tuple(
        Sentence(start, end) for start, end in zip([0, ends[0] + 1, ends[1] + 1], ends, strict=True)
    )
    (encoded,) = encoder.encode_passages([Passage("News. ", text, sentences)])
    assert encoded.sentence_vectors.shape == (3, encoder.dimension)
    np.testing.assert_allclose(
        np.linalg.norm(encoded.sentence_vectors.astype(np.float32), axis=1), 1, atol=1e-3
    )
    queries = encoder.encode_queries(
        ["who opened the bridge?", "which fruit is yellow?", "did Nissan lose money?"]
    )
    assert (queries @ encoded.sentence_vectors.T.astype(np.float32)).argmax(axis=1).tolist() == [0, 1, 2]


def test_counts_word_pieces_without_specials(encoder: Encoder) -> None:
    assert encoder.count_tokens(["", "joint venture", "unbelievably"]) == [0, 2, 5]
    assert encoder.count_tokens([]) == []
    assert encoder.count_tokens(["half a pair \ud800"]) == [4]


def test_nothing_is_cut_off(encoder: Encoder) -> None:
    """A text of several windows hears its last words as well as its first."""
    long = "The harbour was quiet. " * 120
    assert encoder.count_tokens([long])[0] > 2 * encoder.window
    text = long + "Bananas are yellow."
    last = Sentence(len(long), len(text))
    plain = encoder.encode_queries([long])[0]
    (with_end,) = encoder.encode_passages([Passage("", text, (last,))])
    banana = encoder.encode_queries(["bananas are yellow"])[0]
    assert banana @ with_end.vector > banana @ plain
    assert banana @ with_end.sentence_vectors[0].astype(np.float32) > 0.6
    exactly_full = "car " * (encoder.window - 2)
    assert encoder.encode_queries([exactly_full]).shape == (1, encoder.dimension)


def test_order_and_progress_over_several_slabs(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.models.onnx_encoder.SLAB", 5)
    monkeypatch.setattr("rag.models.onnx_encoder.BATCH_TOKENS", 30)
    texts = [f"number {n} " * (n % 4 + 1) for n in range(13)]
    done: list[int] = []
    encoded = encoder.encode_passages([Passage("", text, ()) for text in texts], done.append)
    assert sum(done) == 13
    assert len(done) > 3
    monkeypatch.undo()
    np.testing.assert_allclose([e.vector for e in encoded], encoder.encode_queries(texts), atol=2e-5)


def test_no_texts(encoder: Encoder) -> None:
    assert encoder.encode_queries([]).shape == (0, encoder.dimension)
    assert encoder.encode_passages([]) == []


def test_threads_share_one_encoder() -> None:
    fresh = OnnxEncoder(threads=1)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda _: fresh.encode_queries(["same question"])[0], range(8)))
    assert all((row == rows[0]).all() for row in rows)


def test_is_the_default_and_knows_itself_without_loading() -> None:
    encoder = load_encoder(DEFAULT_ENCODER)
    assert isinstance(encoder, OnnxEncoder)
    assert (encoder.window, encoder.dimension, encoder.name) == (256, 384, DEFAULT_ENCODER)
    assert len(encoder.fingerprint) == 32
    assert encoder._loaded_session is None


def test_a_query_needs_no_torch() -> None:
    code = (
        "import sys; from rag.models.encoder import load_encoder; load_encoder('all-MiniLM-L6-v2')"
        ".encode_queries(['why?']); "
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'onnx') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
