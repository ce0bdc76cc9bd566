"""The obvious alternatives on collections, in the same run as ours, scored by the same `rag eval retrieval`.

    eval/peers/run ../shared/data/eval/{scifact,squad2,nq,hotpotqa}   # makes its own virtual environment the first time

llama_index   LlamaIndex's SentenceSplitter as it comes, FAISS, all-MiniLM-L6-v2: what its first tutorial builds
bm25s         bm25s alone, English stop words and stemming
rag           this project, default settings

Each writes a TREC run file; a document's score is that of its best passage.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llama_index_faiss import embedder

from rag.evaluation.datasets import Dataset, Ranking, load_dataset, write_qrels, write_run
from rag.evaluation.retrieval import document_scores, index_dataset

Find = Callable[[str], dict[str, float]]
PASSAGES = 100


def best(pairs: list[tuple[str, float]]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for document, score in pairs:
        scores.setdefault(document, score)
    return scores


def llama_index(dataset: Dataset, work: Path) -> Find:
    import faiss
    from llama_index.core import Document
    from llama_index.core.node_parser import SentenceSplitter

    documents = [
        Document(text=f"{title}\n\n{text}".strip(), id_=identity, metadata={})
        for identity, title, text in dataset.documents()
    ]
    nodes = SentenceSplitter().get_nodes_from_documents(documents)
    model = embedder()
    vectors = model.encode([node.get_content() for node in nodes], normalize_embeddings=True)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)

    def find(question: str) -> dict[str, float]:
        scores, places = index.search(model.encode([question], normalize_embeddings=True), PASSAGES)
        found = zip(places[0], scores[0], strict=True)
        return best([(str(nodes[place].ref_doc_id), float(score)) for place, score in found if place >= 0])

    return find


def bm25s(dataset: Dataset, work: Path) -> Find:
    import bm25s as library
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    ids, texts = zip(*((i, f"{title} {text}") for i, title, text in dataset.documents()), strict=True)
    index = library.BM25()
    index.index(
        library.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False),
        show_progress=False,
    )

    def find(question: str) -> dict[str, float]:
        words = library.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False)
        places, scores = index.retrieve(words, k=min(PASSAGES, len(ids)), show_progress=False)
        found = zip(places[0], scores[0], strict=True)
        return best([(ids[place], float(score)) for place, score in found if score > 0])

    return find


def ours(dataset: Dataset, work: Path) -> Find:
    from rag.retrieval.retriever import Retriever
    from rag.settings import load

    retriever = Retriever(index_dataset(dataset, work, load()))
    return lambda question: document_scores(retriever, question, PASSAGES)


SYSTEMS: dict[str, Callable[[Dataset, Path], Find]] = {
    "rag": ours,
    "llama_index": llama_index,
    "bm25s": bm25s,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--split")
    parser.add_argument("--only", choices=sorted(SYSTEMS), action="append")
    parser.add_argument("--limit", type=int, help="only this many questions, drawn with seed 0")
    parser.add_argument("--work", type=Path, default=Path("eval/out/peers"))
    options = parser.parse_args()
    for folder in options.datasets:
        dataset = load_dataset(folder, options.split)
        asked = sorted(dataset.queries)
        if options.limit and options.limit < len(asked):
            asked = sorted(random.Random(0).sample(asked, options.limit))
        print(f"{dataset.name}: {len(asked)} questions", flush=True)
        compare(dataset, asked, options.only or list(SYSTEMS), options.work)


def compare(dataset: Dataset, asked: Sequence[str], systems: Sequence[str], work: Path) -> None:
    """Ask every system the same questions and print a line for each."""
    place = work / dataset.name
    place.mkdir(parents=True, exist_ok=True)
    write_qrels(place / "qrels.trec", {query: dataset.qrels[query] for query in asked})
    for name in systems:
        begun = time.perf_counter()
        find = SYSTEMS[name](dataset, work / "indexes")
        built = time.perf_counter() - begun
        run: Ranking = {}
        times = []
        for query in asked:
            begun = time.perf_counter()
            run[query] = find(dataset.queries[query])
            times.append((time.perf_counter() - begun) * 1000)
        write_run(place / f"{name}.trec", run)
        scored = score(place, name)
        told = "  ".join(f"{measure} {one['value']:.4f}" for measure, one in scored["metrics"].items())
        print(
            f"{name:<12} {told}  median {statistics.median(times):.0f} ms, ready after {built:.0f} s",
            flush=True,
        )


def score(place: Path, name: str) -> dict[str, Any]:
    """What `rag eval retrieval` makes of the run file."""
    command = [
        "eval",
        "retrieval",
        "--json",
        "--run",
        f"{place / name}.trec",
        "--qrels",
        str(place / "qrels.trec"),
    ]
    program = [sys.executable, "-c", "from rag.apps.cli import main; main()", *command]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()
