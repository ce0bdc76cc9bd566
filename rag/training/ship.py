"""A checkpoint becomes the files that ship: exported, calibrated, described, and only then put in place."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

from rag.models.reader import CARD, WEIGHTS
from rag.training.base import NAME, SHA256
from rag.training.batches import MAX_LENGTH, Mixture, collate
from rag.training.calibrate import calibrate
from rag.training.encoding import load_tokenizer
from rag.training.examples import read_examples
from rag.training.export import channel_peaks, export
from rag.training.train import averaged_network

SAMPLES = 64  # passages that show how large activations get


def ship(
    checkpoint: Path, held_out: Path, data: Path, target: Path, quantised: bool = True
) -> dict[str, Any]:
    """Make ``reader.onnx`` and ``reader.json`` of a checkpoint in ``target``; returns the card.

    Both are made in a folder beside the checkpoint and then copied, the card last, so that a reader that is opened
    meanwhile sees the old pair or is told that they do not fit.
    """
    import torch

    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    network = averaged_network(checkpoint)
    made = checkpoint.parent / "made"
    made.mkdir(exist_ok=True)
    examples = read_examples(held_out)
    mixture = Mixture(examples, load_tokenizer(), seed=0)
    batches = [
        collate([mixture.row(e)]) for e in random.Random(0).sample(examples, min(SAMPLES, len(examples)))
    ]
    export(network, made / WEIGHTS, quantised, channel_peaks(network, batches))
    neutral = {"margin": 1.0, "evidence": 0.0, "bias": 0.0, "threshold": 0.5}
    card = {
        "format": 1,
        "sha256": hashlib.sha256((made / WEIGHTS).read_bytes()).hexdigest(),
        "window": MAX_LENGTH,
        "base": {"name": NAME, "layers": len(network.layers), "sha256": SHA256},
        "training": {
            **state["config"],
            "steps_done": state["step"],
            "active_seconds": round(state["seconds"]),
        },
        "answerable": neutral,
        "support": {"threshold": 0.5},
    }
    (made / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    card = calibrate(made, held_out, data)
    target.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CARD):
        partial = target / f".{name}.partial"
        shutil.copyfile(made / name, partial)
        partial.replace(target / name)
    return card
