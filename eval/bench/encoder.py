"""How fast the built-in encoder is beside sentence-transformers' own ``encode``: same texts, same run, by turns.

    python eval/bench/encoder.py

Texts of 40 to 256 word pieces, cut from public news articles (``--articles``, JSON lines with a ``text``). Each round
times both, one right after the other; the ratio of a round is free of what slows both. Also prints the lowest cosine
between the two encoders' vectors, and what a cold start costs: a new process that encodes one question.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.models.onnx_encoder import OnnxEncoder, usable_cores
from rag.models.weights import packaged_folder

ROOT = Path(__file__).resolve().parents[2]
ARTICLES = ROOT.parent / "shared" / "data" / "articles" / "reuters21578.jsonl.gz"
SHORTEST, LONGEST = 40, 256  # word pieces, specials included; sentence-transformers cuts off what is longer
SEED = 13

_COLD = """
import time
started = time.perf_counter()
from rag.models.encoder import load_encoder
load_encoder("all-MiniLM-L6-v2").encode_queries(["When was the joint venture founded?"])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.perf_counter() - started, int(peak) / 1024)
"""


def mixed_texts(count: int, articles: Path, encoder: OnnxEncoder) -> list[str]:
    """Texts whose lengths spread evenly over the range."""
    if not articles.is_file():
        sys.exit(f"{articles} is not here; next step: --articles FILE")
    with gzip.open(articles, "rt", encoding="utf-8") as lines:
        whole = [json.loads(line)["text"] for line in lines]
    generator = random.Random(SEED)
    texts: list[str] = []
    while len(texts) < count:
        wanted = generator.randint(SHORTEST, LONGEST) - 2
        sizes = np.zeros(1)
        while sizes[-1] < wanted:  # another article for the same length, so that short ones are not favoured
            words = generator.choice(whole).split()
            sizes = np.cumsum(encoder.count_tokens(words) or [0])
        texts.append(" ".join(words[: int(np.searchsorted(sizes, wanted, side="right"))]))
    return texts


def timed(call: Callable[[], NDArray[np.float32]]) -> tuple[float, NDArray[np.float32]]:
    started = time.perf_counter()
    vectors = call()
    return time.perf_counter() - started, vectors


def cold_starts(count: int) -> list[tuple[float, float]]:
    """Seconds inside and peak megabytes of new processes that encode one question."""
    runs = []
    for _ in range(count):
        output = subprocess.run(
            [sys.executable, "-c", _COLD], capture_output=True, text=True, check=True
        ).stdout
        seconds, megabytes = map(float, output.split())
        runs.append((seconds, megabytes))
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--articles", type=Path, default=ARTICLES)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    options = parser.parse_args()

    from sentence_transformers import SentenceTransformer

    ours = OnnxEncoder()
    theirs = SentenceTransformer(str(packaged_folder()), device="cpu")
    texts = mixed_texts(options.texts, options.articles, ours)
    ours.encode_queries(texts[:64])  # warm both up
    theirs.encode(texts[:64], show_progress_bar=False)

    rounds, lowest = [], 1.0
    print(f"{len(texts)} texts, {usable_cores()} cores, load {os.getloadavg()[0]:.1f}")
    for number in range(1, options.rounds + 1):
        pair = [
            lambda: timed(lambda: np.asarray(theirs.encode(texts, show_progress_bar=False))),
            lambda: timed(lambda: ours.encode_queries(texts)),
        ]
        results = {turn: pair[turn]() for turn in ((0, 1) if number % 2 else (1, 0))}
        (their_time, their_vectors), (our_time, our_vectors) = results[0], results[1]
        lowest = min(lowest, float((their_vectors * our_vectors).sum(axis=1).min()))
        rounds.append({"theirs": len(texts) / their_time, "ours": len(texts) / our_time})
        print(
            f"round {number}: sentence-transformers {rounds[-1]['theirs']:6.1f} texts/s, ours "
            f"{rounds[-1]['ours']:6.1f}, ratio {their_time / our_time:.2f}",
            flush=True,
        )
    ratios = [r["ours"] / r["theirs"] for r in rounds]
    print(f"ratio: median {statistics.median(ratios):.2f}, min {min(ratios):.2f}, max {max(ratios):.2f}")
    print(f"lowest cosine: {lowest:.6f}")
    cold = cold_starts(9)
    seconds, megabytes = statistics.median(s for s, _ in cold), max(m for _, m in cold)
    print(
        f"cold start to a question's vector: median {seconds:.3f} s of {len(cold)}, at most {megabytes:.0f} MB"
    )
    if options.json:
        report = {
            "texts": len(texts),
            "cores": usable_cores(),
            "rounds": rounds,
            "ratio_median": statistics.median(ratios),
            "ratio_min": min(ratios),
            "lowest_cosine": lowest,
            "cold_seconds_median": seconds,
            "cold_megabytes_max": megabytes,
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
