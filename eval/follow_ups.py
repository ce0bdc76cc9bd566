"""Whether follow-ups are answered as well as the same questions asked so that they stand by themselves.

    rag eval eval/questions/conversations.jsonl --split test --out eval/out/follow-ups
    rag eval eval/questions/conversations-standalone.jsonl --split test --out eval/out/standalone
    python eval/follow_ups.py eval/out/follow-ups eval/out/standalone

Right is an answer with its facts, or a refusal where the articles do not say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def right(folder: str) -> dict[str, bool]:
    """Which questions of a run were answered rightly, by id."""
    rows = map(json.loads, (Path(folder) / "answers.jsonl").read_text("utf-8").splitlines())
    return {row["id"]: row["right"] if row["answerable"] else row["verdict"] == "not_found" for row in rows}


def main() -> None:
    follow_ups, standalone = right(sys.argv[1]), right(sys.argv[2])
    ids = [one for one in standalone if one in follow_ups]
    as_well = [one for one in ids if follow_ups[one] or not standalone[one]]
    print(
        f"{len(ids)} follow-ups: {sum(follow_ups[one] for one in ids)} right, standalone {sum(standalone.values())}"
    )
    print(f"as well as standalone: {len(as_well)} of {len(ids)} ({len(as_well) / len(ids):.3f})")
    print("worse:", ", ".join(one for one in ids if one not in as_well) or "none")


if __name__ == "__main__":
    main()
