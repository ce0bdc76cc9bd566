from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import ModelError
from rag.models import weights

FINGERPRINT = "0123abcd"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rag" / "encoders"


@pytest.fixture
def builds() -> Iterator[list[int]]:
    yield []


def small_model() -> Any:
    from onnx import TensorProto, helper, numpy_helper

    matrix = numpy_helper.from_array(np.arange(4096, dtype=np.float32).reshape(2, 2048), "matrix")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "matrix"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2048])],
        [matrix],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def get(builds: list[int]) -> Path | bytes:
    def build() -> Any:
        builds.append(1)
        return small_model()

    return weights.cached_onnx(FINGERPRINT, build)


def result(model: Path | bytes) -> list[float]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), providers=["CPUExecutionProvider"]
    )
    (row,) = session.run(None, {"x": np.array([[1, 1]], dtype=np.float32)})[0]
    return row[:3].tolist()


EXPECTED = [2048.0, 2050.0, 2052.0]


def test_is_made_once_and_says_so(cache: Path, builds: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert result(get(builds)) == EXPECTED
    assert capsys.readouterr().err.count("\n") == 1
    assert result(get(builds)) == EXPECTED
    assert capsys.readouterr().err == ""
    assert len(builds) == 1
    assert sorted(file.suffix for file in cache.iterdir()) == [".json", ".onnx", ".weights"]


@pytest.mark.parametrize("suffix", [".onnx", ".weights", ".json"])
@pytest.mark.parametrize("harm", ["flipped", "short", "gone"])
def test_damage_is_noticed_and_mended(cache: Path, builds: list[int], suffix: str, harm: str) -> None:
    get(builds)
    file = cache / f"{FINGERPRINT}{suffix}"
    content = file.read_bytes()
    if harm == "flipped":
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    elif harm == "short":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.unlink()
    assert result(get(builds)) == EXPECTED
    assert len(builds) == 2
    assert json.loads((cache / f"{FINGERPRINT}.json").read_text())[".onnx"]["sha256"]


def test_a_copied_cache_is_used_as_it_is(cache: Path, builds: list[int]) -> None:
    get(builds)
    for suffix in (".onnx", ".weights"):
        os.utime(cache / f"{FINGERPRINT}{suffix}", (1, 1))
    get(builds)
    assert len(builds) == 1
    record = json.loads((cache / f"{FINGERPRINT}.json").read_text())
    assert record[".onnx"]["facts"][1] == 1_000_000_000  # so that the next start need not hash again


def test_works_where_the_cache_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builds: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert result(get(builds)) == EXPECTED
    assert "cannot write" in capsys.readouterr().err


def test_leftovers_of_a_killed_writer_are_removed(cache: Path, builds: list[int]) -> None:
    cache.mkdir(parents=True)
    old, fresh = cache / "old.draft", cache / "fresh.draft"
    old.write_text("half")
    fresh.write_text("still being written by someone")
    os.utime(old, (1, 1))
    get(builds)
    assert not old.exists()
    assert fresh.exists()


def test_two_processes_may_make_it_at_once(cache: Path) -> None:
    code = (
        "from rag.models.onnx_encoder import OnnxEncoder; print(OnnxEncoder().encode_queries(['a'])[0, :4])"
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        for _ in range(2)
    ]
    outputs = {maker.communicate(timeout=60)[0] for maker in makers}
    assert [maker.returncode for maker in makers] == [0, 0]
    assert len(outputs) == 1
    assert not list(cache.glob("*.draft"))


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"not these")
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged.*pip install"):
        weights.read_checked(file, weights.WEIGHTS_SHA256)
    with pytest.raises(ModelError, match=r"absent cannot be read.*pip install"):
        weights.read_checked(tmp_path / "absent", weights.WEIGHTS_SHA256)


def test_a_missing_package_names_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(ModelError, match="pip install"):
        weights.packaged_folder()
