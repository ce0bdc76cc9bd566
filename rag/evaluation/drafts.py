"""A first question set from somebody's own articles, without any model: drafts for a person to accept or reject.

Only patterns that mostly come out as English are used: a sentence that begins with a name and its verb becomes a
"who or what" question, one with an auxiliary and a date a "when" question, a name, date or amount inside becomes a
gap. A question becomes unanswerable when its name is exchanged for one that the article never mentions.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rag.chunking.sentences import split_sentences
from rag.documents.read import list_files, read_document
from rag.errors import InputError
from rag.evaluation.questions import Question, lines
from rag.types import Document

Status = Literal["draft", "accepted", "rejected"]
GAP = "_____"
_WORDS = (7, 36)  # shorter sentences say too little, longer ones make riddles

_MONTH = (
    r"January|February|March|April|May|June|July|August|September|October|November|December|"
    r"(?:Jan|Feb|Aug|Sept?|Oct|Nov|Dec)\."
)
_DAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_DATE = re.compile(
    rf"\b(?:(?:in|on|by|since|until|from|before|after|during) )?"
    rf"((?:\d{{1,2}} )?(?:{_MONTH})(?: \d{{1,2}}(?!\d))?(?:,? \d{{4}})?"
    rf"|(?:19|20)\d\d|{_DAY})(?!\w)"
)
_AMOUNT = re.compile(
    r"(?<![\w.,])((?:[$€£¥]\s?)?\d+(?:[.,]\d+)*(?:\s?%|\s(?:percent|per cent|million|billion|trillion|euros|dollars|"
    r"yen|pounds|people|cars|vehicles|jobs|km|kilometres|miles|years|months|days|hours))+)"
)
_CAPITAL = r"[A-Z][\w&’'-]*"
_NAME = re.compile(rf"(?<![\w“\"'‘])({_CAPITAL}(?: (?:of |de |van |von )?{_CAPITAL})*)")
_VERB = (
    r"is|was|are|were|has|have|had|will|would|can|could|may|might|said|says|told|owns|makes|made|plans|wants|gets|sells|"
    r"won|lost|met|became|began|runs|leads|bought|sold|took|gave|found|built|left|came|went|held|saw|\w{3,}ed"
)
_SUBJECT = re.compile(
    rf"^(?:The )?({_CAPITAL}(?: (?:of |and )?{_CAPITAL})*)(?:, [^,]{{3,60}},)? ((?:{_VERB})\b.+)[.]$"
)
_AUXILIARY = re.compile(r"^(.{3,80}?) (will|was|were|is|are|has|had|would|may) (.+)[.]$")
_INVERTED = re.compile(r"\w+ing\b|Not\b|Only\b")  # "Developing … is", "Not only is": no subject to ask with
_CLAUSE = 5  # words; a shorter rest of a sentence asks for too little
_NO_NAMES = frozenset(
    "The This That These Those It Its He She They We You I In On At By For From With And But Or If When While Where As "
    "What Who Why How Some Many Most All Both Each After Before Since Despite Although There Here Our Your His Her "
    "Their Jan Feb Aug Sep Sept Oct Nov Dec An A No Not So Yet Then Now Under Over".split()
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question that may become part of a set, with the sentence it was made from.

    Attributes:
        how: "subject", "when", "gap" or "swapped".
        start, end: of the sentence, in the article's text.
    """

    status: Status
    how: str
    path: str
    start: int
    end: int
    sentence: str
    question: Question


def draft(folder: Path, *, most: int = 60, seed: int = 13) -> list[Draft]:
    """Drafts from a folder of articles, evenly over articles and kinds; the same for the same seed.

    Args:
        folder: of articles, as for ``rag sync``.
        most: how many at most, a third of them unanswerable.
        seed: of what is chosen.

    Raises:
        InputError: the folder cannot be used, or nothing in it makes a question.
    """
    documents = [read_document(file, folder) for file in list_files(folder)]
    drawn = random.Random(seed)
    answerable: list[list[Draft]] = []
    names = {document.path: set(_names(document.text)) for document in documents}
    for document in documents:
        made = list(_of_document(document))
        drawn.shuffle(made)
        made.sort(key=lambda one: one.how == "gap")  # real questions before gaps
        answerable.append(made)
    kept = _in_turn(answerable, most - most // 3)
    swapped = []
    for one in drawn.sample(kept, len(kept)):
        other = _swapped(one, names, drawn)
        if other is not None:
            swapped.append(other)
    drafts = [*kept, *swapped[: most // 3]]
    if not drafts:
        raise InputError(
            f"{folder}: no sentence there makes a question (names, dates, amounts in plain sentences); "
            "write the set by hand, eval/README.md has the format"
        )
    return [
        replace(one, question=one.question.model_copy(update={"id": f"{folder.name or 'draft'}-{place:03d}"}))
        for place, one in enumerate(drafts, start=1)
    ]


def _in_turn(groups: Sequence[Sequence[Draft]], most: int) -> list[Draft]:
    """One of each article in turn, never two of the same sentence."""
    kept: list[Draft] = []
    used: set[tuple[str, int]] = set()
    queues = [list(group) for group in groups]
    while len(kept) < most and any(queues):
        for queue in queues:
            while queue:
                one = queue.pop(0)
                if (one.path, one.start) not in used:
                    used.add((one.path, one.start))
                    kept.append(one)
                    break
    return kept[:most]


def _of_document(document: Document) -> Iterator[Draft]:
    for span in split_sentences(document.text, document.body_start):
        sentence = " ".join(document.text[span.start : span.end].split())
        if not _WORDS[0] <= len(sentence.split()) <= _WORDS[1] or not sentence.endswith("."):
            continue
        for how, text, answer in _asked(sentence):
            yield Draft(
                "draft",
                how,
                document.path,
                span.start,
                span.end,
                sentence,
                _question(text, answer, document.path),
            )


def _asked(sentence: str) -> Iterator[tuple[str, str, str]]:
    """(how, question, answer) for each pattern the sentence fits."""
    plain = not re.search(r"[“”\";:]", sentence)  # quotes and second sentences make no clean question
    subject = _SUBJECT.match(sentence)
    if plain and subject and subject[1].split()[0] not in _NO_NAMES:
        clause = subject[2].split(", ")[0].strip(" ,")  # what follows a comma mostly says who said so
        if len(clause.split()) >= _CLAUSE:
            yield "subject", f"Who or what {clause}?", subject[1]
    date = _DATE.search(sentence)
    parts = _AUXILIARY.match(sentence)
    if plain and date and parts and date.start() > parts.start(3):
        between = sentence[parts.start(3) : date.start()].strip()
        clean = "," not in between.rstrip(",") and "," not in parts[1] and not _INVERTED.match(parts[1])
        if between and clean and len(parts[1].split()) <= 12:
            first = parts[1] if _is_name(parts[1].split()[0]) else parts[1][0].lower() + parts[1][1:]
            yield "when", f"When {parts[2]} {first} {between.rstrip(',')}?", date[1]
    for pattern in (_AMOUNT, _DATE, _NAME):
        spans = [one for one in pattern.finditer(sentence) if one.start(1) > 0]
        if pattern is _NAME:
            spans = sorted(
                (one for one in spans if _stands_free(sentence, one)), key=lambda one: -len(one[1])
            )
        if spans:
            low, high = spans[0].span(1)
            yield "gap", f"Which words are missing here: {sentence[:low]}{GAP}{sentence[high:]}", spans[0][1]
            return


def _stands_free(text: str, found: re.Match[str]) -> bool:
    """A name in the middle of a sentence, by itself: no part of "U.S." or "e-Axle", nothing in brackets."""
    before, after = text[: found.start(1)], text[found.end(1) :]
    inside = re.search(r"[a-z,] $", before) is not None
    return inside and not re.match(r"\.\w|\.,|[-)]", after) and _is_name(found[1].split()[0])


def _is_name(word: str) -> bool:
    return word[:1].isupper() and word not in _NO_NAMES and not _DATE.match(word)


def _names(text: str) -> Iterator[str]:
    for found in _NAME.finditer(text):
        if _stands_free(text, found):
            yield re.sub(r"[’']s?$", "", found[1])


def _question(text: str, answer: str, path: str) -> Question:
    return Question(
        id="draft", question=text, kind="fact", answerable=True, answers=(answer,), sources=(path,)
    )


def _swapped(one: Draft, names: dict[str, set[str]], drawn: random.Random) -> Draft | None:
    """The question with a name of another article in place of its own; None where that cannot be done."""
    own = list(_names(one.question.question))
    here = names[one.path]
    mentioned = {word for name in here for word in name.split()}
    # a stranger shares no word with any name of the article, or it might be the same thing
    strangers = sorted(
        {
            name
            for path, others in names.items()
            if path != one.path
            for name in others
            if not set(name.split()) & mentioned
        }
    )
    if not own or not strangers or one.how == "gap":
        return None
    stranger = drawn.choice(strangers)
    question = Question(
        id="draft",
        question=one.question.question.replace(max(own, key=len), stranger),
        kind="fact",
        answerable=False,
        near_miss=True,
    )
    return replace(one, how="swapped", question=question)


def write_drafts(file: Path, drafts: Sequence[Draft]) -> None:
    """Write drafts, one JSON object per line, as a whole.

    Raises:
        InputError: the file cannot be written.
    """
    rows = []
    for one in drafts:
        row = {name: getattr(one, name) for name in ("status", "how", "path", "start", "end", "sentence")}
        question = one.question.model_dump(mode="json", exclude_defaults=True)
        rows.append(json.dumps({**row, "question": question}, ensure_ascii=False))
    partial = file.with_name(file.name + ".part")  # a review that is cut off must not lose the drafts
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text("\n".join(rows) + "\n", encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}; name another file") from error


def read_drafts(file: Path) -> list[Draft]:
    """Drafts as ``write_drafts`` wrote them.

    Raises:
        InputError: naming the file and the line that is no draft.
    """
    drafts = []
    for number, line in lines(file):
        try:
            row = json.loads(line)
            question = Question.model_validate_json(json.dumps(row.pop("question")))
            drafts.append(Draft(question=question, **row))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{file}, line {number}: no draft: {error}; make drafts with rag eval make"
            ) from error
    return drafts


def write_accepted(file: Path, drafts: Sequence[Draft]) -> int:
    """Write the accepted questions as a set; returns how many.

    Raises:
        InputError: none was accepted, or the file cannot be written.
    """
    accepted = [one.question for one in drafts if one.status == "accepted"]
    if not accepted:
        raise InputError(f"no draft was accepted, so there is nothing to write to {file}")
    try:
        rows = [
            json.dumps(q.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False) for q in accepted
        ]
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}; name another file") from error
    return len(accepted)
