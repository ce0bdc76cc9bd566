"""Whole-process time of `rag sync` over unchanged articles, and of one changed file among them.

The articles are the first N of the Reuters newswire (../shared/data/articles/reuters21578.jsonl.gz), one file
each.

Usage: .venv/bin/python eval/bench/second_sync.py [--articles 10000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def timed(folder: Path) -> tuple[float, dict[str, object]]:
    rag = str(Path(sys.executable).parent / "rag")
    begun = time.perf_counter()
    done = subprocess.run(
        [rag, "sync", str(folder / "articles"), "--index", str(folder / "index"), "--json"],
        check=True, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    return time.perf_counter() - begun, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--folder", type=Path, default=None, help="keep articles and index here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="rag-sync-"))
    articles = folder / "articles"
    articles.mkdir(parents=True, exist_ok=True)
    with gzip.open(arguments.data / "articles" / "reuters21578.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in zip(range(arguments.articles), lines, strict=False):
            file = articles / f"{number:05d}.txt"
            if not file.exists():
                article = json.loads(line)
                file.write_text(f"{article['title']}\n\n{article['text']}\n", "utf-8")
    first, report = timed(folder)
    print(f"first sync    {first:7.2f} s  {report['added']} added, {report['chunks']} chunks")
    for _ in range(3):
        again, report = timed(folder)
        print(f"second sync   {again:7.2f} s  {report['unchanged']} unchanged")
    changed = articles / "00007.txt"
    changed.write_text(changed.read_text("utf-8") + "\nOne more sentence was added today.\n", "utf-8")
    once, report = timed(folder)
    print(f"one changed   {once:7.2f} s  {report['changed']} changed")


if __name__ == "__main__":
    main()
