"""What a real language model says over the seed questions, sentence by sentence, and what the gate makes of it.

    python eval/generators/run.py --generator gguf:PATH/TO/SmolLM2-135M-Instruct.Q4_1.gguf --out eval/out/smollm2.jsonl

One JSON line per sentence: question, the raw sentence, whether the gate kept it, with which quotes or why not.
Questions already in the output are skipped, so an interrupted run goes on. ``--replay FILE`` takes what the model said
from an earlier output, to see what a changed gate makes of the same words. To be judged by hand; the judgements that
were made are in judged-*.jsonl, their sums in README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, FellBack, StatementDropped, StatementReady, TokenReady
from rag.answering.generators.protocol import Prompt
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generator", default="extractive")
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--questions", type=Path, default=Path("eval/questions/seeds.jsonl"))
    parser.add_argument("--folder", type=Path, default=Path("seeds"))
    parser.add_argument("--index", type=Path, default=Path("eval/out/generators-index"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=120)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    settings = load(
        index=given.index,
        generator=given.generator,
        generator_tokens=given.tokens,
        generator_window=given.window,
        generator_threads=given.threads,
        generator_timeout=300.0,
        unverified="show",
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    known = set()
    if given.out.exists():
        known = {json.loads(line)["question"] for line in given.out.read_text("utf-8").splitlines()}
    until = time.monotonic() + 60 * given.minutes
    with Index.open(given.index, settings=settings) as index, given.out.open("a", encoding="utf-8") as out:
        index.sync(given.folder)
        replayed = Replayed(given.replay) if given.replay else None
        engine = AnswerEngine(Retriever(index, settings), generator=replayed)
        for line in given.questions.read_text("utf-8").splitlines():
            asked = json.loads(line)
            if asked.get("history") or asked["question"] in known:
                continue
            if time.monotonic() > until:
                break
            if replayed is not None and not replayed.knows(asked["question"]):
                continue
            for row in rows(engine, asked["question"]):
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.flush()


class Replayed:
    """A generator that says again what it said to the same question before."""

    window, most_tokens = 1024, 80

    def __init__(self, file: Path) -> None:
        told = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        self._raw = {row["question"]: row["raw"] for row in told if row["kind"] == "answer"}
        self._next = ""
        self.name = file.stem

    def knows(self, question: str) -> bool:
        self._next = self._raw.get(question, "")
        # what broke off then for want of tokens does so again
        self.most_tokens = 80 if self._next.rstrip()[-1:] in (*".!?", "") else 1
        return bool(self._next)

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        yield self._next


def rows(engine: AnswerEngine, question: str) -> list[dict[str, Any]]:
    """One row for each sentence of the model, and one for the answer as a whole."""
    found: list[dict[str, Any]] = []
    raw = ""
    fell_back = None
    started = time.perf_counter()
    for event in engine.stream(question):
        match event:
            case TokenReady():
                raw += event.text
            case FellBack():
                fell_back = event.note
            case StatementDropped():
                found.append(
                    {
                        "question": question,
                        "kind": "dropped",
                        "text": event.statement.text,
                        "reasons": event.statement.reasons,
                    }
                )
            case StatementReady() if fell_back is None:
                cited = [asdict(citation) for citation in event.statement.citations]
                found.append(
                    {
                        "question": question,
                        "kind": "kept",
                        "text": event.statement.text,
                        "citations": [
                            {key: one[key] for key in ("path", "quote", "support")} for one in cited
                        ],
                    }
                )
            case Completed():
                found.append(
                    {
                        "question": question,
                        "kind": "answer",
                        "raw": raw,
                        "verdict": event.answer.verdict,
                        "generator": event.answer.generator,
                        "note": event.answer.note,
                        "seconds": round(time.perf_counter() - started, 1),
                    }
                )
            case _:
                pass
    return found


if __name__ == "__main__":
    main()
