"""A real small model in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rag.answering.generators.protocol import GeneratorError, Prompt, is_ready
from rag.apps import gguf_child
from rag.errors import InputError
from rag.settings import Settings

LONGEST_PAUSE = 2.0  # seconds; the model takes as long to load on an idle machine, and longer on a busy one


def test_a_model_loads_elsewhere_and_writes(small_model: Path) -> None:
    settings = Settings(generator=f"gguf:{small_model}", generator_window=1024, generator_threads=1)
    generator = gguf_child.load(settings)
    assert generator is not None and not is_ready(generator)
    try:
        tokens = list(generator.stream(Prompt("You are helpful.", "What is the capital of France?"), 12))
        assert len(tokens) > 1 and is_ready(generator)
        child = gguf_child.serve(small_model, 1024, 1)
        assert child is gguf_child.serve(small_model, 1024, 1)
        child.process.kill()
        child.process.wait(10)
        assert gguf_child.serve(small_model, 1024, 1) is not child  # started anew
    finally:
        gguf_child.stop_all()


def test_this_process_goes_on_meanwhile(small_model: Path) -> None:
    loaded = threading.Event()

    def load() -> None:
        gguf_child.serve(small_model, 512, 1)
        loaded.set()

    loading = threading.Thread(target=load)
    loading.start()
    pauses, last = [], time.perf_counter()
    while not loaded.wait(0.01) and loading.is_alive():
        now = time.perf_counter()
        pauses.append(now - last)
        last = now
    loading.join()
    gguf_child.stop_all()
    assert loaded.is_set()
    assert max(pauses) < LONGEST_PAUSE


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks the system whether a process is there")
def test_the_child_ends_with_its_parent(small_model: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from rag.apps import gguf_child\n"
        f"print(gguf_child.serve(Path({str(small_model)!r}), 512, 1).process.pid, flush=True); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    child = Path("/proc", done.stdout.strip())
    deadline = time.monotonic() + 30
    while (
        child.exists() and "State:\tZ" not in (child / "status").read_text() and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert not child.exists() or "State:\tZ" in (child / "status").read_text()


def test_what_cannot_be_loaded_is_an_error_in_words(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra gguf")
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + b"\x00" * 100)
    with pytest.raises(GeneratorError, match=r"broken\.gguf could not be loaded"):
        gguf_child.serve(file, 512, 1)
    with pytest.raises(InputError, match="no GGUF file"):
        file.write_bytes(os.urandom(16))
        gguf_child.load(Settings(generator=f"gguf:{file}"))


def test_other_models_are_left_as_they_are() -> None:
    assert gguf_child.load(Settings()) is None
