"""A sheet of statements with what they cite, drawn from runs of `rag eval answers`, for a person to judge.

    rag eval answers QUESTIONS --index INDEX --out RUN
    python eval/generators/sample.py RUN... --statements 100 --out sheet.jsonl
    python eval/generators/sample.py --sums judged-citations.jsonl

Whoever judges fills in two keys of each line: ``supported`` (recall: what is cited, taken together, says all of the
statement) and ``right`` (precision: for each citation in turn, whether it says at least a part of it and nothing
against it). ``--sums`` prints both shares with Wilson's 95 % intervals, by generator and over all.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from rag.evaluation.conflicts import share_of


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--statements", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sums", type=Path)
    given = parser.parse_args()
    if given.sums:
        sums([json.loads(line) for line in given.sums.read_text("utf-8").splitlines()])
        return
    if not given.runs or given.out is None:
        parser.error("needs runs and --out, or --sums")
    found = [row for run in given.runs for row in statements(run)]
    drawn = random.Random(given.seed).sample(found, min(given.statements, len(found)))
    given.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in drawn), "utf-8")
    print(f"{len(drawn)} of {len(found)} statements")


def statements(run: Path) -> list[dict[str, Any]]:
    """Every cited statement of a run, ready to be judged."""
    found = []
    for line in (run / "answers.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for statement in row["answer"]["statements"]:
            found.append(
                {
                    "question": row["question"],
                    "generator": row["answer"]["generator"],
                    "statement": statement["text"],
                    "citations": [
                        {"path": one["path"], "quote": one["quote"]} for one in statement["citations"]
                    ],
                    "supported": None,
                    "right": None,
                }
            )
    return found


def sums(judged: list[dict[str, Any]]) -> None:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in judged:
        groups[row["generator"]].append(row)
    if len(groups) > 1:
        groups["all"] = judged
    for name, rows in groups.items():
        citations = [right for row in rows for right in row["right"]]
        print(
            f"{name}: {len(rows)} statements, recall {share(sum(row['supported'] for row in rows), len(rows))}; "
            f"{len(citations)} citations, precision {share(sum(citations), len(citations))}"
        )


def share(right: int, total: int) -> str:
    """A share with its Wilson interval, for a person."""
    found = share_of(right, total)
    if not total:
        return "-"
    low, high = found["ci95"]
    return f"{found['value']:.3f} ({low:.3f}–{high:.3f}; {right} of {total})"


if __name__ == "__main__":
    main()
