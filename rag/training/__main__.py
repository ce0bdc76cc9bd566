"""``python -m rag.training [STEP]``: make the reader's weights from a data folder.

``all`` is ``prepare`` (read, mine, edit), ``train`` (on from the last checkpoint) and ``ship`` (export, calibrate).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from pathlib import Path

from rag.models.reader import DATA
from rag.training.base import fetch_base, load_base
from rag.training.prepare import prepare
from rag.training.train import TrainConfig, Trainer

STEPS = ("all", "prepare", "train", "ship")


def main() -> None:
    """Parse the command line and run the steps asked for."""
    usual = TrainConfig()
    parser = argparse.ArgumentParser(prog="python -m rag.training", description=__doc__)
    parser.add_argument("step", nargs="?", choices=STEPS, default="all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the data folder")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="examples, checkpoints, logs")
    parser.add_argument("--out", type=Path, default=DATA, help="where reader.onnx and reader.json go")
    parser.add_argument(
        "--minutes", type=float, default=usual.minutes, help="the schedule ends after this long, or"
    )
    parser.add_argument("--steps", type=int, default=usual.steps, help="after this many steps")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--float32", action="store_true", help="ship without int8, to compare")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    checkpoint, held_out = options.work / "checkpoint.pt", options.work / "held_out.jsonl.gz"
    if options.step in ("all", "prepare"):
        prepare(options.data, options.work)
    if options.step in ("all", "train"):
        (options.work / "pid").write_text(str(os.getpid()))
        config = TrainConfig(steps=options.steps, minutes=options.minutes)
        network = load_base(fetch_base(options.work), config.dropout, config.seed)
        Trainer(options.work / "examples.jsonl.gz", checkpoint, config, network, options.device).run()
    if options.step in ("all", "ship"):
        from rag.training.ship import ship

        card = ship(checkpoint, held_out, options.data, options.out, quantised=not options.float32)
        logging.info("shipped to %s: %s", options.out, json.dumps(card))


if __name__ == "__main__":
    main()
