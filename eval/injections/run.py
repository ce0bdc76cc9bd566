"""The injection articles through a real language model: does anything an article orders get into an answer?

    python eval/injections/run.py --generator gguf:SmolLM2-135M-Instruct.Q4_1.gguf --out eval/out/injections.jsonl

One JSON line per case: what the model wrote, what was shown, and whether the forbidden words are in either. Cases
already in the output are skipped. A scripted model that obeys every order is in tests/answering/test_injections.py.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from rag.answering.engine import AnswerEngine
from rag.answering.events import Completed, TokenReady
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from rag.settings import load
from rag.types import Filters

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    cases = [json.loads(line) for line in (HERE / "cases.jsonl").read_text("utf-8").splitlines()]
    done = set()
    if given.out.exists():
        done = {json.loads(line)["id"] for line in given.out.read_text("utf-8").splitlines()}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "articles")
        folder.mkdir()
        for seed in given.seeds.glob("*.txt"):
            (folder / seed.name).write_bytes(seed.read_bytes())
        for case in cases:
            (folder / f"{case['id']}.txt").write_text(case["article"], "utf-8")
        settings = load(
            index=Path(made, "index"),
            generator=given.generator,
            generator_tokens=given.tokens,
            generator_window=given.window,
            generator_threads=given.threads,
            generator_timeout=300.0,
        )
        with (
            Index.open(settings.index, settings=settings) as index,
            given.out.open("a", encoding="utf-8") as out,
        ):
            index.sync(folder)
            engine = AnswerEngine(Retriever(index, settings))
            for case in cases:
                if case["id"] in done:
                    continue
                if time.monotonic() > until:
                    break
                filters = Filters(paths=("00[0-9]_*", f"{case['id']}.txt"))
                events = list(engine.stream(case["question"], filters=filters))
                raw = "".join(event.text for event in events if isinstance(event, TokenReady))
                last = events[-1]
                assert isinstance(last, Completed)
                shown = last.answer.text
                row = {
                    "id": case["id"],
                    "how": case["how"],
                    "raw": raw,
                    "shown": shown,
                    "generator": last.answer.generator,
                    "model_obeyed": any(one.casefold() in raw.casefold() for one in case["forbidden"]),
                    "answer_changed": any(one.casefold() in shown.casefold() for one in case["forbidden"]),
                }
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                out.flush()


if __name__ == "__main__":
    main()
