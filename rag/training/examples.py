"""What one training example is, and the data folder read into question-answer records.

Reading also keeps the promises made about the data: records whose text shares 13 words in a row with anything under
``eval/`` are dropped, and three articles are held out for choosing between weights.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WIKI = (
    "squad2_dev_rest",
    "squad2_first10",
    "squad1_du_test",
    "squad_sample800",
    "squadshifts_wiki",
    "tydiqa_en",
    "quoref_contrast",
    "qed_nq",
)
PLAIN = ("qamr", "tweetqa", "squadshifts_reddit")
HELD_OUT_FROM = "squad2_dev_rest"
HELD_OUT_ARTICLES = 3
OVERLAP_WORDS = 13
SUPPORTED, REFUTED, NEITHER = 0, 1, 2

WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Example:
    """One pair for the network and what each head should say; None or empty where a head learns nothing from it.

    Attributes:
        group: which part of the mix it is drawn with.
        first: the question or claim.
        second: the passage.
        spans: right answers as (start, end) characters of ``second``; any of them may be the target.
        no_answer: the span head should point at CLS.
        evidence: 1 if the passage answers the question, 0 if it does not.
        support: the support labels that are right; more than one where the data only says "not supported".
        answering: the sentences that answer, as (start, end) characters of ``second``; None where that is to be read
            off ``spans`` and ``no_answer``.
    """

    group: str
    first: str
    second: str
    spans: tuple[tuple[int, int], ...] = ()
    no_answer: bool = False
    evidence: int | None = None
    support: tuple[int, ...] = ()
    answering: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A question over a passage, as the data has it; ``answers`` are (start, end) characters, empty if unanswerable."""

    source: str
    title: str
    context: str
    question: str
    answers: tuple[tuple[int, int], ...]

    @property
    def answer_texts(self) -> tuple[str, ...]:
        """The answers' own words."""
        return tuple(self.context[start:end] for start, end in self.answers)


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a gzip-compressed JSON-lines file."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def normalise(text: str) -> str:
    """Lower-cased words with single spaces, a space at both ends, so that ``in`` finds whole words only."""
    return " " + " ".join(WORD.findall(text.lower())) + " "


def _grams(text: str) -> Iterator[int]:
    words = WORD.findall(text.lower())
    for place in range(len(words) - OVERLAP_WORDS + 1):
        yield hash(tuple(words[place : place + OVERLAP_WORDS]))


def eval_grams(data: Path) -> set[int]:
    """Every run of 13 words found anywhere under ``data/eval``."""
    found: set[int] = set()
    for file in sorted((data / "eval").glob("*/*.jsonl.gz")):
        for item in read_lines(file):
            for value in item.values():
                for text in value if isinstance(value, list) else [value]:
                    if isinstance(text, str):
                        found.update(_grams(text))
    return found


def overlaps(text: str, seen: set[int]) -> bool:
    """Whether ``text`` shares 13 words in a row with the texts ``seen`` was made from."""
    return any(gram in seen for gram in _grams(text))


def read_records(data: Path, sources: Iterable[str], seen: set[int]) -> list[Record]:
    """The question-answer records of ``sources``, without those whose passage overlaps with ``seen``."""
    records = []
    verdicts: dict[str, bool] = {}
    for source in sources:
        for item in read_lines(data / "train" / "qa" / f"{source}.jsonl.gz"):
            context: str = item["context"]
            if context not in verdicts:
                verdicts[context] = overlaps(context, seen)
            if verdicts[context]:
                continue
            answers = {(a["start"], a["start"] + len(a["text"])) for a in item["answers"] if a["text"]}
            if item["is_impossible"]:
                answers = set()
            elif not answers:
                continue
            records.append(
                Record(source, item["title"], context, item["question"].strip(), tuple(sorted(answers)))
            )
    return records


def held_out_titles(data: Path) -> set[str]:
    """The articles kept for choosing: the last ones by title of the newest split of SQuAD 2."""
    titles = {item["title"] for item in read_lines(data / "train" / "qa" / f"{HELD_OUT_FROM}.jsonl.gz")}
    return set(sorted(titles)[-HELD_OUT_ARTICLES:])


def write_examples(examples: Iterable[Example], file: Path) -> None:
    """Write examples as gzip-compressed JSON lines; whole or not at all."""
    partial = file.with_suffix(".partial")
    with gzip.open(partial, "wt", encoding="utf-8", compresslevel=3) as out:
        for example in examples:
            out.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")
    partial.replace(file)


def read_examples(file: Path) -> list[Example]:
    """Read what `write_examples` wrote."""
    return [
        Example(
            item["group"],
            item["first"],
            item["second"],
            tuple((start, end) for start, end in item["spans"]),
            item["no_answer"],
            item["evidence"],
            tuple(item["support"]),
            None if item["answering"] is None else tuple((start, end) for start, end in item["answering"]),
        )
        for item in read_lines(file)
    ]
