"""Retrieval test collections and rankings, as files: BEIR folders, JSON lines, TREC qrels and run files.

A folder holds ``corpus.jsonl``, ``queries.jsonl`` and judgements (``qrels/SPLIT.tsv`` as in BEIR, or ``qrels.jsonl``,
``qrels.tsv``, ``qrels.txt``), each also as ``.gz`` and with ``_SPLIT`` behind its name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rag.errors import InputError
from rag.evaluation.questions import lines, read_text

Qrels = dict[str, dict[str, int]]  # query -> document -> how relevant
Ranking = dict[str, dict[str, float]]  # query -> document -> score
_SPLITS = ("test", "dev", "train")
RUN_NAME = "rag"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A collection with the questions that are judged.

    Attributes:
        folder: where it was read from.
        corpus: the file of documents; read when it is indexed, not before.
        queries: id -> text, only those with a judgement.
    """

    name: str
    split: str | None
    folder: Path
    corpus: Path
    queries: dict[str, str]
    qrels: Qrels

    def documents(self) -> Iterator[tuple[str, str, str]]:
        """(id, title, text) of every document.

        Raises:
            InputError: a line that is no document.
        """
        for number, row in _rows(self.corpus):
            try:
                identity = str(row["_id"] if "_id" in row else row["id"])
                yield identity, " ".join(str(row.get("title") or "").split()), str(row["text"])
            except KeyError as error:
                raise InputError(
                    f"{self.corpus}, line {number}: key {error} is missing; needed: _id, text"
                ) from error


def load_dataset(folder: Path, split: str | None = None) -> Dataset:
    """Read a collection's questions and judgements.

    Args:
        folder: of the collection.
        split: which judgements; by default test, dev or train, whichever is there first, or those without a split.

    Raises:
        InputError: the folder lacks a part, naming which; or a file cannot be used.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder; a collection is a folder with corpus.jsonl, queries.jsonl and qrels"
        )
    corpus = _one_of(folder, ("corpus.jsonl", "corpus.jsonl.gz"))
    found, judged = _find_qrels(folder, split)
    names = [f"queries_{found}.jsonl", f"queries_{found}.jsonl.gz"] if found else []
    queries_file = _one_of(folder, (*names, "queries.jsonl", "queries.jsonl.gz"))
    queries: dict[str, str] = {}
    qrels: Qrels = read_qrels(judged) if judged is not None else {}
    for number, row in _rows(queries_file):
        try:
            identity = str(row["_id"] if "_id" in row else row["id"])
            queries[identity] = str(row["text"] if "text" in row else row["question"])
        except KeyError as error:
            raise InputError(
                f"{queries_file}, line {number}: key {error} is missing; needed: _id, text"
            ) from error
        if judged is None:
            if "context_id" not in row:
                raise InputError(
                    f"{folder} has no judgements; add qrels/test.tsv or qrels.jsonl (query, doc, score)"
                )
            qrels[identity] = {str(row["context_id"]): 1}
    relevant = {
        query: of for query, of in qrels.items() if query in queries and max(of.values(), default=0) > 0
    }
    if not relevant:
        raise InputError(
            f"{folder}: no judgement of {judged or 'qrels'} belongs to a question of {queries_file}"
        )
    return Dataset(
        name=folder.name,
        split=found,
        folder=folder,
        corpus=corpus,
        queries={query: queries[query] for query in relevant},
        qrels=relevant,
    )


def _find_qrels(folder: Path, split: str | None) -> tuple[str | None, Path | None]:
    """(split, file) of the judgements; the split is None where files have none, the file where queries hold them."""
    for wanted in (split,) if split else _SPLITS:
        for name in (f"qrels/{wanted}.tsv", f"qrels_{wanted}.jsonl", f"qrels_{wanted}.tsv"):
            for file in (folder / name, folder / f"{name}.gz"):
                if file.is_file():
                    return wanted, file
    if split:
        raise InputError(
            f"{folder} has no judgements for the split {split!r} (looked for qrels/{split}.tsv and alike)"
        )
    for name in ("qrels.jsonl", "qrels.tsv", "qrels.txt"):
        for file in (folder / name, folder / f"{name}.gz"):
            if file.is_file():
                return None, file
    return None, None


def read_qrels(file: Path) -> Qrels:
    """Judgements: TREC's four columns, BEIR's three with a heading, or JSON lines with query, doc and score.

    Raises:
        InputError: naming the file and the line that is none of these.
    """
    qrels: Qrels = {}
    for number, line in lines(file):
        if line.lstrip().startswith("{"):
            row = _parsed(file, number, line)
            cells = [str(row.get("query", "")), str(row.get("doc", "")), str(row.get("score", ""))]
        else:
            cells = line.split("\t") if "\t" in line else line.split()
            if len(cells) == 4:
                cells = [cells[0], cells[2], cells[3]]
            if number == 1 and "\t" in line and not _is_number(cells[-1]):
                continue  # BEIR's heading
        if len(cells) != 3 or not cells[0] or not cells[1] or not _is_number(cells[2]):
            raise InputError(
                f"{file}, line {number}: no judgement; allowed: 'query 0 document relevance', "
                "'query<tab>document<tab>relevance', or JSON with query, doc and score"
            )
        qrels.setdefault(cells[0].strip(), {})[cells[1].strip()] = int(float(cells[2]))
    if not qrels:
        raise InputError(f"{file} holds no judgements")
    return qrels


def write_qrels(file: Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Write judgements as trec_eval reads them."""
    rows = [
        f"{_word(query)} 0 {_word(document)} {grade}"
        for query, of in qrels.items()
        for document, grade in of.items()
    ]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")


def read_run(file: Path) -> Ranking:
    """A ranking in TREC's six columns: query, Q0, document, rank, score, name. The score counts, not the rank.

    Raises:
        InputError: naming the file and the line that is not.
    """
    run: Ranking = {}
    for number, line in lines(file):
        cells = line.split()
        if len(cells) != 6 or not _is_number(cells[4]):
            raise InputError(
                f"{file}, line {number}: not a line of a run; allowed: 'query Q0 document rank score name'"
            )
        run.setdefault(cells[0], {})[cells[2]] = float(cells[4])
    if not run:
        raise InputError(f"{file} holds no ranking")
    return run


def write_run(file: Path, run: Mapping[str, Mapping[str, float]]) -> None:
    """Write a ranking as trec_eval reads it, best first."""
    rows = []
    for query, scores in run.items():
        ordered = sorted(scores.items(), key=lambda item: -item[1])
        rows += [
            f"{_word(query)} Q0 {_word(document)} {rank} {score!r} {RUN_NAME}"
            for rank, (document, score) in enumerate(ordered, start=1)
        ]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")


def file_name(document: str) -> str:
    """The article's file for a document id, whatever characters the id holds."""
    return quote(document, safe="#") + ".txt"


def _word(identity: str) -> str:
    """An id as TREC's files can hold it: white space, which parts their columns, becomes %20 and the like."""
    return re.sub(r"\s", lambda found: quote(found.group()), identity)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _one_of(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder} has none of {', '.join(names)}; a collection needs one")


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if line.strip():
            yield number, _parsed(file, number, line)


def _parsed(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{file}, line {number}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f"{file}, line {number}: not a JSON object")
    return row
