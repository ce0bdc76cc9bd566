"""Question sets as other people keep them become our Questions: JSON lines, CSV, SQuAD 1.1 and 2.0, plain lists.

The format is told by the file's name and first character; what a format does not say stays unsaid (a plain list
does not know which of its questions can be answered), and is then not judged.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import InputError
from rag.evaluation.questions import Question, Split, checked, chosen, lines, read_questions, read_text

FORMATS = ".jsonl (ours or conversations), .csv, .json (SQuAD 1.1 or 2.0), .txt (a question per line)"
_CSV_COLUMNS = ("id", "question", "kind", "answerable", "expected", "answers", "sources", "split", "note")
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


def load_questions(file: str | Path, split: Split | None = None) -> list[Question]:
    """Read a question set of any known format, or one half of it.

    Raises:
        InputError: naming the file, the place in it, what is wrong and what is allowed.
    """
    path = Path(file)
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    match suffix.lower():
        case ".jsonl":
            return _json_lines(path, split)
        case ".csv":
            return chosen(checked(path, _csv_rows(path)), path, split)
        case ".json":
            return chosen(checked(path, _squad_rows(path)), path, split)
        case ".txt" | ".md" | "":
            return chosen(checked(path, _plain_rows(path)), path, split)
    raise InputError(f"{path} is no question set that is known; allowed: {FORMATS}")


def squad_paragraphs(path: Path) -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    """(file name, title, paragraph, its questions) for each paragraph of a SQuAD file.

    Raises:
        InputError: the file is not SQuAD.
    """
    try:
        articles = json.loads(read_text(path))["data"]
        for place, article in enumerate(articles):
            title = str(article.get("title") or f"article {place + 1}")
            name = re.sub(r"[^\w.-]+", "_", title)[:80]
            for number, paragraph in enumerate(article["paragraphs"]):
                yield f"{name}-{number:04d}.txt", title, paragraph["context"], paragraph["qas"]
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'{path} is not a SQuAD file ("data" -> "paragraphs" -> "context", "qas"): {error!r}; allowed: {FORMATS}'
        ) from error


def write_squad_articles(file: Path, folder: Path) -> int:
    """Write a SQuAD file's paragraphs as articles, so that its questions can be asked over them.

    Returns:
        how many articles there are.
    """
    written = 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, title, text, _ in squad_paragraphs(file):
        title = " ".join(title.replace("_", " ").split())
        (folder / name).write_text(f"---\ntitle: {json.dumps(title)}\n---\n{text}", encoding="utf-8")
        written += 1
    return written


def _json_lines(path: Path, split: Split | None) -> list[Question]:
    first = next(lines(path), None)
    if first is None or '"turns"' not in first[1]:
        return read_questions(path, split)
    return chosen(checked(path, _conversation_rows(path)), path, split)


def _conversation_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A conversation's turns as questions ``ID/1``, ``ID/2``; each follows the one before."""
    for number, line in lines(path):
        try:
            whole = json.loads(line)
            turns, name = list(whole["turns"]), str(whole["id"])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(
                f'{path}, line {number}: a conversation is {{"id": …, "turns": [question, …]}}: {error}'
            ) from error
        if unknown := set(whole) - {"id", "turns", "split", "note"}:
            raise InputError(
                f"{path}, line {number}: unknown key {min(unknown)!r}; allowed: id, turns, split, note"
            )
        for place, turn in enumerate(turns, start=1):
            given = {"id": f"{name}/{place}", "kind": "followup" if place > 1 else "fact", **turn}
            if place > 1:
                given["follows"] = f"{name}/{place - 1}"
            if whole.get("split"):
                given["split"] = whole["split"]
            yield f"line {number}, turn {place}", given


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows with a heading; ``|`` parts wordings, ``;`` parts facts and sources; "answerable" is yes, no or empty."""
    text = read_text(path)
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    table = csv.DictReader(io.StringIO(text), dialect=dialect)
    headings = [heading.strip().lower() for heading in table.fieldnames or ()]
    if "question" not in headings:
        raise InputError(
            f"{path} has no column 'question' (it has: {', '.join(headings) or 'nothing'}); "
            f"allowed: {', '.join(_CSV_COLUMNS)}"
        )
    if unknown := [heading for heading in headings if heading not in _CSV_COLUMNS]:
        raise InputError(f"{path}: unknown column {unknown[0]!r}; allowed: {', '.join(_CSV_COLUMNS)}")
    table.fieldnames = headings
    for row in table:
        cells = {name: (cell or "").strip() for name, cell in row.items() if isinstance(name, str)}
        place = f"line {table.line_num}"
        given: dict[str, Any] = {
            "id": cells.get("id") or f"{path.stem}-{table.line_num}",
            "question": cells["question"],
            "kind": cells.get("kind") or "fact",
            "expected": [_parted(fact, "|") for fact in _parted(cells.get("expected", ""), ";")],
            "answers": _parted(cells.get("answers", ""), "|"),
            "sources": _parted(cells.get("sources", ""), ";"),
        }
        given["answerable"] = _yes_or_no(cells.get("answerable", ""), f"{path}, {place}")
        if given["answerable"] is None and (given["expected"] or given["answers"]):
            given["answerable"] = True
        given |= {name: cells[name] for name in ("split", "note") if cells.get(name)}
        yield place, given


def _parted(cell: str, mark: str) -> list[str]:
    return [part.strip() for part in cell.split(mark) if part.strip()]


def _yes_or_no(cell: str, where: str) -> bool | None:
    if not cell:
        return None
    if cell.lower() in _TRUE | _FALSE:
        return cell.lower() in _TRUE
    raise InputError(f"{where}: answerable is {cell!r}; allowed: yes, no, or nothing where it is not known")


def _squad_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, _, _, asked in squad_paragraphs(path):
        for item in asked:
            answerable = not item.get("is_impossible", False)
            answers = list(dict.fromkeys(answer["text"] for answer in item.get("answers", ())))
            given: dict[str, Any] = {
                "id": str(item["id"]),
                "question": item["question"],
                "kind": "fact",
                "answerable": answerable,
                "near_miss": not answerable,
            }
            if answerable:
                given |= {"answers": answers, "sources": [name]}
            yield f"question {item['id']}", given


def _plain_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in lines(path):
        if not line.lstrip().startswith("#"):
            given = {"id": f"{path.stem}-{number}", "question": line.strip(), "kind": "fact"}
            yield f"line {number}", {**given, "answerable": None}
