"""A public question-answering collection as a folder of articles and a question set for ``rag eval answers``.

    python eval/public.py squad2 eval/out/squad2
    rag sync eval/out/squad2/articles --index index/squad2
    rag eval answers eval/out/squad2/questions.jsonl --index index/squad2

The collections are looked for at ``../shared/data/eval`` beside the project, or where ``--data`` says. ``news`` are the
294 Wikinews articles beside them (``../shared/data/articles``), which questions/news.jsonl is about.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from pathlib import Path
from typing import Any

from rag.evaluation.datasets import file_name

NEWS = Path(__file__).parent / "questions" / "news.jsonl"
ROOT = Path(__file__).resolve().parents[1]


def rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        sys.exit(f"{file} is not here; next step: --data FOLDER, the folder that holds the collections")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def questions(folder: Path) -> list[dict[str, Any]]:
    relevant: dict[str, list[str]] = {}
    if (folder / "qrels.jsonl.gz").exists():
        for row in rows(folder / "qrels.jsonl.gz"):
            relevant.setdefault(row["query"], []).append(file_name(row["doc"]))
    made = []
    for row in rows(folder / "queries.jsonl.gz"):
        sources = relevant.get(row["_id"]) or [file_name(row["context_id"])]
        answers = list(dict.fromkeys(row["answers"]))
        one: dict[str, Any] = {"id": row["_id"], "question": row["text"].strip(), "kind": "fact"}
        if row.get("type") == "bridge" or row.get("type") == "comparison":
            one["kind"] = "multi"
        if answers:
            one |= {"answerable": True, "answers": answers, "sources": sources}
        else:
            one |= {"answerable": False, "near_miss": True}
        made.append(one)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", choices=["squad2", "nq", "hotpotqa", "news"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "eval")
    parser.add_argument("--sample", type=int, help="this many questions, drawn with seed 0")
    options = parser.parse_args()
    source = options.data / options.collection
    is_news = options.collection == "news"
    articles = options.out / "articles"
    articles.mkdir(parents=True, exist_ok=True)
    for row in rows(
        options.data.parent / "articles" / "wikinews.jsonl.gz" if is_news else source / "corpus.jsonl.gz"
    ):
        head = f"title: {json.dumps(' '.join(row['title'].split()), ensure_ascii=False)}\n"
        if is_news:
            head += f"date: {row['published_at']}\nsource: {row['source']}\nurl: {row['url']}\n"
        (articles / file_name(row["_id"])).write_text(f"---\n{head}---\n{row['text']}", "utf-8")
    asked = (
        [json.loads(line) for line in NEWS.read_text("utf-8").splitlines()] if is_news else questions(source)
    )
    if options.sample:
        asked = random.Random(0).sample(asked, min(options.sample, len(asked)))
    lines = [json.dumps(one, ensure_ascii=False) for one in asked]
    (options.out / "questions.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(asked)} questions in {options.out / 'questions.jsonl'}, articles in {articles}")


if __name__ == "__main__":
    main()
