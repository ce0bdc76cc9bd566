"""``python -m rag.training STEP``: make the reader's weights from a data folder."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from rag.training.prepare import prepare
from rag.training.train import TrainConfig, Trainer


def main() -> None:
    """Parse the command line and run the steps asked for."""
    parser = argparse.ArgumentParser(prog="python -m rag.training", description=__doc__)
    parser.add_argument("step", choices=("prepare", "train"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".training"))
    parser.add_argument("--minutes", type=float, default=TrainConfig().minutes)
    parser.add_argument("--steps", type=int, default=TrainConfig().steps)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if options.step == "prepare":
        prepare(options.data, options.work)
    if options.step == "train":
        (options.work / "pid").write_text(str(os.getpid()))
        config = TrainConfig(steps=options.steps, minutes=options.minutes)
        Trainer(
            options.work / "examples.jsonl.gz", options.work / "checkpoint.pt", config, options.device
        ).run()


if __name__ == "__main__":
    main()
