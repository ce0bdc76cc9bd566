from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelError
from rag.models.encoder import Encoder, Passage, load_encoder
from rag.models.st_encoder import SentenceTransformersEncoder
from rag.models.weights import packaged_folder
from rag.types import Sentence

TEXT = "The mayor opened a bridge. “Bananas are yellow,” she said."
PASSAGE = Passage("City news. ", TEXT, (Sentence(0, 26), Sentence(27, len(TEXT))))


@pytest.fixture(scope="module")
def packaged() -> SentenceTransformersEncoder:
    """The default model's own folder, used as if it were any other."""
    return SentenceTransformersEncoder(str(packaged_folder()))


def similarity(left: np.ndarray, right: np.ndarray) -> float:
    return float((left.astype(np.float32) * right.astype(np.float32)).sum(axis=-1).min())


def test_agrees_with_the_built_in_encoder(packaged: SentenceTransformersEncoder, encoder: Encoder) -> None:
    questions = ["who opened the bridge?", "Which fruit is yellow? " * 80, ""]
    assert similarity(packaged.encode_queries(questions[::2]), encoder.encode_queries(questions[::2])) > 0.999
    # longer than the window: split at words here, at word pieces there
    assert similarity(packaged.encode_queries(questions[1:2]), encoder.encode_queries(questions[1:2])) > 0.99
    assert packaged.count_tokens(questions) == encoder.count_tokens(questions)
    assert (packaged.window, packaged.dimension) == (encoder.window, encoder.dimension)
    (ours,), (theirs,) = (e.encode_passages([PASSAGE]) for e in (encoder, packaged))
    assert similarity(ours.vector, theirs.vector) > 0.999
    assert similarity(ours.sentence_vectors, theirs.sentence_vectors) > 0.999
    assert theirs.sentence_vectors.dtype == np.float16


def test_order_progress_and_nothing_to_do(
    packaged: SentenceTransformersEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.models.st_encoder.SLAB", 2)
    done: list[int] = []
    texts = ["a long text about bridges and mayors", "b", "the third text"]
    encoded = packaged.encode_passages([Passage("", text, ()) for text in texts], done.append)
    assert done == [2, 1]
    assert similarity(np.stack([e.vector for e in encoded]), packaged.encode_queries(texts)) > 0.9999
    assert packaged.encode_passages([]) == []
    assert packaged.encode_queries([]).shape == (0, 384)
    assert packaged.count_tokens([]) == []


def test_the_models_prompts_are_used(
    packaged: SentenceTransformersEncoder, model_copy: Callable[..., Path]
) -> None:
    prompts = {"query": "question: ", "document": "passage: "}
    prompted = SentenceTransformersEncoder(
        str(model_copy("prompted", config_sentence_transformers={"prompts": prompts}))
    )
    expected = packaged.encode_queries(["question: who?"])
    assert similarity(prompted.encode_queries(["who?"]), expected) > 0.9999
    (with_prompt,) = prompted.encode_passages([PASSAGE])
    (spelled_out,) = packaged.encode_passages([Passage("passage: City news. ", TEXT, PASSAGE.sentences)])
    assert similarity(with_prompt.vector, spelled_out.vector) > 0.9999
    assert similarity(with_prompt.sentence_vectors, spelled_out.sentence_vectors) > 0.999
    assert prompted.window == packaged.window - 2  # "passage", ":"
    assert prompted.fingerprint != packaged.fingerprint


def test_sentences_are_encoded_apart_where_the_model_is_no_mean(model_copy: Callable[..., Path]) -> None:
    first_token = SentenceTransformersEncoder(
        str(model_copy("cls", pooling={"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    )
    (encoded,) = first_token.encode_passages([PASSAGE])
    sentences = [TEXT[s.start : s.end] for s in PASSAGE.sentences]
    assert similarity(encoded.sentence_vectors, first_token.encode_queries(sentences)) > 0.999
    (bare,) = first_token.encode_passages([Passage("", "Nothing.", ())])
    assert bare.sentence_vectors.shape == (0, 384)


def test_fingerprint_is_of_the_content_not_the_place(
    packaged: SentenceTransformersEncoder, model_copy: Callable[..., Path]
) -> None:
    elsewhere = model_copy("elsewhere")
    assert SentenceTransformersEncoder(str(elsewhere)).fingerprint == packaged.fingerprint
    (elsewhere / "README.md").write_text("another description")
    assert SentenceTransformersEncoder(str(elsewhere)).fingerprint == packaged.fingerprint
    with (elsewhere / "vocab.txt").open("a") as vocabulary:
        vocabulary.write("newword\n")
    assert SentenceTransformersEncoder(str(elsewhere)).fingerprint != packaged.fingerprint


@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model", "not a/valid/name"])
def test_an_absent_model_is_named_with_the_next_step(name: str) -> None:
    with pytest.raises(ModelError, match=f"'{name}'.*next step"):
        load_encoder(name)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"without modules\.json"):
        load_encoder(str(tmp_path))


def test_a_model_without_its_weights(model_copy: Callable[..., Path]) -> None:
    folder = model_copy("broken")
    (folder / "model.safetensors").unlink()
    broken = load_encoder(str(folder))
    with pytest.raises(ModelError, match=r"cannot be loaded from .*broken.*next step"):
        broken.encode_queries(["who?"])
    shutil.rmtree(folder / "1_Pooling")
    with pytest.raises(ModelError, match="next step"):
        load_encoder(str(folder)).encode_queries(["who?"])
