"""How well articles that contradict each other are told from those that only look so, on pairs with a label.

Two ways: the two sentences held against each other for their question; and the whole way, each side an article of its
own that is indexed and asked, which also counts what the search or the verdict misses.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import InputError
from rag.evaluation.questions import lines

if TYPE_CHECKING:
    from rag.answering.contradiction import Judged
    from rag.answering.disagreement import Difference, Said
    from rag.answering.question import Analysis
    from rag.models.encoder import Encoder
    from rag.models.reader import Reader

_KEYS = {"id", "split", "about", "conflict", "a", "b", "why"}
_Z = 1.96  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences on one question, and whether they contradict each other."""

    id: str
    about: str
    a: str
    b: str
    conflict: bool
    split: str | None = None
    sources: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs by what was said of them, by id; ``said`` are those called a conflict."""

    pairs: int
    said: tuple[str, ...]
    missed: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def right(self) -> int:
        """Conflicts that were called so."""
        return len(self.said) - len(self.wrong)


def read_pairs(file: Path, split: str | None = None) -> list[Pair]:
    """Pairs from JSON lines as in ``eval/questions/conflicts.jsonl``, of one half or of both.

    Raises:
        InputError: naming the file, the line and what is wrong there; also when no pair is left.
    """
    pairs = []
    for number, line in lines(file):
        try:
            row: dict[str, Any] = json.loads(line)
            absent = _KEYS - set(row)
            if absent:
                raise InputError(f"{file}, line {number}: key {sorted(absent)[0]!r} is missing")
            pair = Pair(
                str(row["id"]),
                str(row["about"]),
                str(row["a"]["quote"]),
                str(row["b"]["quote"]),
                bool(row["conflict"]),
                row["split"],
                (row["a"].get("source"), row["b"].get("source")),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{file}, line {number}: no pair of statements: {error}") from error
        if split is None or pair.split == split:
            pairs.append(pair)
    if not pairs:
        raise InputError(f"{file}: there is no pair" + (f" of the half {split!r}" if split else ""))
    return pairs


Sides = tuple["Analysis", "Said", "Said", "Difference | None", "Judged", "Judged"]
"""What `rag.answering.contradiction` decides by."""


def sides(pair: Pair, reader: Reader) -> Sides:
    """The two sentences as they are weighed against each other on their question."""
    from rag.answering.disagreement import Said, difference
    from rag.answering.question import analyse

    readings = reader.read(pair.about, [pair.a, pair.b])
    one, other = (
        Said(text, (read.start, read.end) if read.end > read.start else None, read.answerable)
        for text, read in zip((pair.a, pair.b), readings, strict=True)
    )
    analysis = analyse(pair.about)
    judged, turned = reader.support([(pair.a, pair.b), (pair.b, pair.a)])
    return analysis, one, other, difference(analysis, one, other), judged, turned


def told_apart(pair: Pair, reader: Reader) -> bool:
    """Whether the two sentences are taken to contradict each other on their question."""
    from rag.answering.contradiction import decided

    return decided(*sides(pair, reader))


def shown(pair: Pair, reader: Reader, encoder: Encoder, articles: Path | None = None) -> bool:
    """Whether an answer says that two articles disagree, each of them one side of the pair.

    Args:
        articles: the folder of the sources; a side that names one is that whole article, any other its sentence alone.
    """
    from rag.answering.engine import AnswerEngine
    from rag.index.index import Index
    from rag.retrieval.retriever import Retriever
    from rag.settings import load

    with tempfile.TemporaryDirectory(prefix="rag-conflict-") as name:
        folder = Path(name)
        (folder / "articles").mkdir()
        texts = {"a": pair.a, "b": pair.b}
        if articles is not None and pair.sources[0] != pair.sources[1]:
            texts |= {
                side: _article(articles, source)
                for side, source in zip("ab", pair.sources, strict=True)
                if source
            }
        for side, text in texts.items():
            (folder / "articles" / f"{side}.txt").write_text(text + "\n", encoding="utf-8")
        index = Index.open(folder / "index", settings=load(index=folder / "index"), encoder=encoder)
        try:
            index.sync(folder / "articles")
            answer = AnswerEngine(Retriever(index, index.settings, reader)).ask(pair.about)
        finally:
            index.close()
    return bool(answer.conflicts)


def _article(folder: Path, source: str) -> str:
    found = sorted(folder.glob(f"{source}*"))
    if not found:
        raise InputError(
            f"{folder} has no article whose name begins with {source}; name the folder of the sources"
        )
    return found[0].read_text(encoding="utf-8")


def score(
    pairs: Sequence[Pair], judge: Callable[[Pair], bool], progress: Callable[[int], None] | None = None
) -> Scored:
    """Judge pairs and hold the judgements against the labels; ``progress`` is called with 1 after each."""
    said, missed, wrong = [], [], []
    for pair in pairs:
        if judge(pair):
            said.append(pair.id)
            if not pair.conflict:
                wrong.append(pair.id)
        elif pair.conflict:
            missed.append(pair.id)
        if progress is not None:
            progress(1)
    return Scored(len(pairs), tuple(said), tuple(missed), tuple(wrong))


def to_json(scored: Scored) -> dict[str, Any]:
    """The numbers, ready for ``json.dumps``."""
    return {
        "pairs": scored.pairs,
        "metrics": {
            "precision": share_of(scored.right, len(scored.said)),
            "recall": share_of(scored.right, scored.right + len(scored.missed)),
        },
        "missed": list(scored.missed),
        "wrong": list(scored.wrong),
    }


def share_of(count: int, total: int) -> dict[str, Any]:
    """A share with Wilson's interval, which also has a width where all or none of a few were right."""
    if not total:
        return {"value": None, "count": 0, "total": 0, "ci95": None}
    share = count / total
    middle = share + _Z * _Z / (2 * total)
    reach = _Z * math.sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    scale = 1 + _Z * _Z / total
    low, high = max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
    return {"value": share, "count": count, "total": total, "ci95": [low, high]}
