"""A real small model in a real server."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from rag.answering.generators import gguf
from rag.answering.generators.configured import load_generator
from rag.answering.generators.protocol import GeneratorError, Prompt
from rag.settings import Settings


def test_a_model_file_is_served_on_loopback_behind_a_key_and_writes(small_model: Path) -> None:
    settings = Settings(generator=f"gguf:{small_model}", generator_window=1024, generator_threads=1)
    generator = load_generator(settings)
    assert generator is not None
    tokens = list(generator.stream(Prompt("You are helpful.", "What is the capital of France?"), 12))
    assert len(tokens) > 1
    served = gguf.serve(small_model, 1024, 1)
    assert served is gguf.serve(small_model, 1024, 1)
    assert served.address.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(
            urllib.request.Request(f"{served.address}/v1/completions", data=b"{}", method="POST"), timeout=10
        ).close()


def test_a_damaged_model_is_an_error_in_words(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra gguf")
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + b"\x00" * 100)
    with pytest.raises(GeneratorError, match=r"broken\.gguf could not be loaded"):
        gguf.serve(file, 512, 1)
