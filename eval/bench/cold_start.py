"""Whole-process time and memory of `rag ask` on an index of seeds/, beside the usual alternative in the same run.

The alternative is what a user would build from LlamaIndex, FAISS and the same encoder: load the index, embed
the question, print five passages (eval/peers/llama_index_faiss.py). The two are run in turns, so that a busy
moment hits both.

Usage: .venv/bin/python eval/bench/cold_start.py [--runs 9] [--without-peer]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
QUESTION = "When will the joint venture of Mitsubishi and Nissan be founded?"


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak MB of one process."""
    begun = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=environment, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--without-reader", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rag-cold-"))
    environment = {**os.environ, "RAG_INDEX": str(folder / "index"), "HF_HUB_OFFLINE": "1"}
    if arguments.without_reader:
        environment["RAG_READER"] = "none"
    rag = str(Path(sys.executable).parent / "rag")
    subprocess.run([rag, "sync", "seeds/"], check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    commands = {"rag ask": [rag, "ask", QUESTION, "--json"]}
    if not arguments.without_peer:
        peer = str(ROOT / "eval" / "peers" / "llama_index_faiss.py")
        subprocess.run(
            [sys.executable, peer, "build", str(folder / "peer"), "seeds"],
            check=True,
            env=environment,
            cwd=ROOT,
        )
        commands["LlamaIndex + FAISS"] = [sys.executable, peer, "ask", str(folder / "peer"), QUESTION]
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for command in commands.values():
        measured(command, environment)  # once unmeasured: file caches, compiled modules
    for _ in range(arguments.runs):
        for name, command in commands.items():
            runs[name].append(measured(command, environment))
    result = {
        name: {
            "median_s": round(statistics.median(seconds for seconds, _ in values), 3),
            "min_s": round(min(seconds for seconds, _ in values), 3),
            "max_s": round(max(seconds for seconds, _ in values), 3),
            "peak_mb": round(max(megabytes for _, megabytes in values)),
        }
        for name, values in runs.items()
    }
    print(json.dumps({"runs": arguments.runs, **result}, indent=2))


if __name__ == "__main__":
    main()
