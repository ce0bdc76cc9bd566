"""The data folder becomes one file of examples: read, cleaned of what is measured on, with negatives made."""

from __future__ import annotations

import logging
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.training import claims, clips, edits, lessons, words
from rag.training.examples import (
    HELD_OUT_FROM,
    PLAIN,
    WIKI,
    WORD,
    Example,
    Record,
    eval_grams,
    held_out_titles,
    normalise,
    overlaps,
    read_lines,
    read_records,
    write_examples,
)
from rag.training.mining import mine

log = logging.getLogger(__name__)

WORDED = {"wiki": 9000, "adversarial": 2000, "mined": 5000, "edited": 2000}
FRAMES = (
    ("Can you tell me ", "?"),
    ("Could you say ", "?"),
    ("Tell me: ", "?"),
    ("I would like to know ", "."),
    ("I'm wondering ", "."),
    ("Do we know ", "?"),
    ("Do the articles say ", "?"),
    ("According to the articles, ", "?"),
    ("In the reports, ", "?"),
    ("So ", "?"),
    ("And ", "?"),
    ("Please explain ", "."),
    ("Remind me, ", "?"),
    ("Any idea ", "?"),
    ("", ", exactly?"),
    ("", " then?"),
    ("", " according to the news?"),
    ("", ", if it is known?"),
)
QAMR_PER_SENTENCE, QAMR_TOTAL, REDDIT_TOTAL = 8, 8000, 5000


def prepare(
    data: Path,
    work: Path,
    seed: int = 0,
    written: Path = lessons.FOLDER,
) -> None:
    """Write ``work/examples.jsonl.gz`` and ``work/held_out.jsonl.gz``; does nothing where both are there.

    Args:
        data: the data folder (``train/`` is learned from, ``eval/`` only to keep its texts out).
        work: where everything made on the way is kept.
        written: the folder of what was written by hand; the passages it is about are in ``data``.
    """
    examples_file, held_file = work / "examples.jsonl.gz", work / "held_out.jsonl.gz"
    if examples_file.exists() and held_file.exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    seen = eval_grams(data)
    log.info("%d word runs of eval/ to keep out", len(seen))
    wiki = read_records(data, WIKI, seen)
    held_titles = held_out_titles(data)
    held = [r for r in wiki if r.source == HELD_OUT_FROM and r.title in held_titles]
    held_contexts = {r.context for r in held}
    wiki = [
        r
        for r in wiki
        if r.context not in held_contexts and not (r.source == HELD_OUT_FROM and r.title in held_titles)
    ]
    plain = _plain(read_records(data, PLAIN, seen), rng)
    log.info("%d wiki, %d plain, %d held out", len(wiki), len(plain), len(held))

    paragraphs = sorted({r.context for r in wiki + held})
    wrong = _mined(wiki + held, paragraphs, work, rng)
    wrong_wiki, wrong_held = wrong[: len(wiki)], wrong[len(wiki) :]

    examples: list[Example] = []
    examples += _answered(wiki, "wiki")
    examples += _answered(plain, "plain")
    examples += _adversarial(wiki)
    examples += _with_wrong(wiki, wrong_wiki)
    examples += _near_misses(wiki, rng)
    examples += _grafted(wiki, rng)
    examples += clips.clipped(wiki)
    examples += clips.asked_otherwise(wiki, rng)
    examples += _sentences(data, seen)
    yes_no = claims.yes_no_items(data, seen)
    examples += _settling(yes_no, rng)
    examples += claims.labelled(data, seen)
    examples += claims.from_yes_no(yes_no)
    fever = [
        (e.first, e.second) for e in examples if e.group in ("support:fever_devtest", "support:fm2_devtest")
    ]
    examples += claims.unrelated(rng.sample(fever, min(6000, len(fever))), rng)
    examples += claims.from_questions(wiki, wrong_wiki, rng)
    first_wrong: dict[str, Sequence[str]] = {}
    for record, others in zip(wiki, wrong_wiki, strict=True):
        first_wrong.setdefault(record.context, others)
    contexts = sorted(first_wrong)
    similar = [first_wrong[context] for context in contexts]
    examples += claims.from_sentences(contexts, similar, rng)
    examples += words.from_sentences(contexts, similar, rng)
    examples += claims.joined(contexts, similar, rng)
    examples += _worded(examples, rng)
    examples += lessons.taught(data, seen, written)
    log.info("examples: %s", dict(Counter(e.group for e in examples)))

    held_examples = [
        *_answered(held, "wiki"),
        *_adversarial(held),
        *_with_wrong(held, [o[:1] for o in wrong_held]),
    ]
    write_examples(held_examples, held_file)
    write_examples(examples, examples_file)


def _plain(records: list[Record], rng: random.Random) -> list[Record]:
    """Thin out qamr (at most 8 a sentence) and reddit; shortest annotated answer only for qamr, whose spans overlap."""
    rng.shuffle(records)
    kept, per_sentence, totals = [], Counter[str](), Counter[str]()
    limits = {"qamr": QAMR_TOTAL, "squadshifts_reddit": REDDIT_TOTAL}
    for record in records:
        if totals[record.source] >= limits.get(record.source, len(records)):
            continue
        if record.source == "qamr":
            if per_sentence[record.context] >= QAMR_PER_SENTENCE:
                continue
            per_sentence[record.context] += 1
        totals[record.source] += 1
        kept.append(record)
    return kept


def _mined(
    records: Sequence[Record], paragraphs: list[str], work: Path, rng: random.Random
) -> list[list[str]]:
    vectors = work / "mining.npz"
    questions = [record.question for record in records]
    if vectors.exists():
        stored = np.load(vectors)
        question_vectors, paragraph_vectors = stored["questions"], stored["paragraphs"]
    else:
        question_vectors, paragraph_vectors = _embed(questions), _embed(paragraphs)
        np.savez(vectors, questions=question_vectors, paragraphs=paragraph_vectors)
    place = {paragraph: number for number, paragraph in enumerate(paragraphs)}
    found = mine(
        questions,
        [record.answer_texts for record in records],
        [place[record.context] for record in records],
        paragraphs,
        question_vectors,
        paragraph_vectors,
        rng,
    )
    return [[paragraphs[other] for other in others] for others in found]


def _embed(texts: Sequence[str]) -> NDArray[np.float32]:
    from rag.training.encoding import embed

    return embed(texts)


def _answered(records: Sequence[Record], group: str) -> Iterator[Example]:
    for r in records:
        if r.answers:
            yield Example(group, r.question, r.context, spans=r.answers, evidence=1)


def _adversarial(records: Sequence[Record]) -> Iterator[Example]:
    for r in records:
        if not r.answers:
            yield Example("adversarial", r.question, r.context, no_answer=True, evidence=0)


def _with_wrong(records: Sequence[Record], wrong: Sequence[Sequence[str]]) -> Iterator[Example]:
    for record, others in zip(records, wrong, strict=True):
        if not record.answers:
            continue  # the one right passage of an unanswerable question is already a negative
        for other in others:
            yield Example("mined", record.question, other, no_answer=True, evidence=0)


def _near_misses(records: Sequence[Record], rng: random.Random) -> Iterator[Example]:
    """Questions edited so that their own passage no longer answers, and passages without the answering sentences."""
    by_title: dict[str, list[str]] = defaultdict(list)
    for context, title in sorted({(r.context, r.title) for r in records}):
        by_title[title].append(context)
    name_cache: dict[str, list[str]] = {}

    def names_of(context: str) -> list[str]:
        if context not in name_cache:
            name_cache[context] = [context[a:b] for a, b in edits.names(context)]
        return name_cache[context]

    for record in records:
        if not record.answers:
            continue
        near = rng.sample(by_title[record.title], min(4, len(by_title[record.title])))
        outside = [
            n for context in near for n in names_of(context) if n.lower() not in record.context.lower()
        ]
        answers = " ".join(record.answer_texts).lower()
        inside = [n for n in names_of(record.context) if n.lower() not in answers]
        changed = [
            edits.swap_name(record.question, inside if rng.random() < 0.3 else outside, rng),
            edits.swap_number(record.question, rng),
            edits.swap_opposite(record.question, rng),
            edits.negate(record.question, rng) if rng.random() < 0.12 else None,
        ]
        for question in changed:
            if question:
                yield Example("edited", question, record.context, no_answer=True, evidence=0)
        cut = without_answer(record)
        if cut:
            yield Example("cut", record.question, cut, no_answer=True, evidence=0)


def _grafted(records: Sequence[Record], rng: random.Random) -> Iterator[Example]:
    """Questions of one article asked of a name in another's passage: it speaks of the one named, and of other things.

    A passage that says much of what the question says (a third of its other words) is left alone: it might answer.
    """
    passages = sorted({(record.context, record.title) for record in records})
    named = [
        (context, title, names)
        for context, title in passages
        if (names := sorted({context[a:b] for a, b in edits.names(context)} - set(edits.MONTHS)))
    ]
    for record in records:
        places = [
            (a, b)
            for a, b in edits.names(record.question)
            if record.question[a:b] in record.context and record.question[a:b] not in edits.MONTHS
        ]
        if not record.answers or len(places) != 1:
            continue
        context, title, names = rng.choice(named)
        (start, end), other = places[0], rng.choice(names)
        asked = {
            word[:5]
            for word in WORD.findall((record.question[:start] + record.question[end:]).lower())
            if len(word) > 3
        }
        said = {word[:5] for word in WORD.findall(context.lower())}
        if title != record.title and asked and len(asked & said) * 3 <= len(asked):
            question = record.question[:start] + other + record.question[end:]
            yield Example("grafted", question, context, no_answer=True, evidence=0)


def without_answer(record: Record) -> str | None:
    """The passage without every sentence that holds an answer; None if little is left or the answer still occurs."""
    spans = edits.sentences(record.context)
    forms = [form for form in (normalise(text) for text in record.answer_texts) if form.strip()]
    kept = [
        record.context[a:b].strip()
        for a, b in spans
        if not any(form in normalise(record.context[a:b]) for form in forms)
        and not any(start < b and a < end for start, end in record.answers)
    ]
    text = " ".join(kept)
    return text if len(kept) >= 2 and len(text.split()) >= 30 else None


def _sentences(data: Path, seen: set[int]) -> Iterator[Example]:
    """Single sentences that answer a question or do not (selqa)."""
    for item in read_lines(data / "train" / "sentence" / "selqa.jsonl.gz"):
        if overlaps(item["sentence"], seen):
            continue
        right = bool(item["label"])
        yield Example(
            "selqa+" if right else "selqa-",
            item["question"],
            item["sentence"],
            no_answer=not right,
            evidence=int(right),
            answering=((0, len(item["sentence"])),) if right else (),
        )


def _worded(examples: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    """Questions as people put them to a machine or a colleague, answerable and not: the words around say nothing."""
    for group, wanted in WORDED.items():
        found = [example for example in examples if example.group == group and example.first.endswith("?")]
        for example in rng.sample(found, min(wanted, len(found))):
            question = example.first.rstrip("?").rstrip()
            before, after = rng.choice(FRAMES)
            yield replace(example, group="worded", first=f"{before}{question}{after}")


def _settling(items: Sequence[dict[str, Any]], rng: random.Random) -> Iterator[Example]:
    """Passages that settle a yes/no question, and passages that a search would hand over and that do not."""
    passages = sorted({item["context"] for item in items})
    place = {passage: number for number, passage in enumerate(passages)}
    questions = [item["question"] for item in items]
    wrong = mine(
        questions,
        [()] * len(items),
        [place[item["context"]] for item in items],
        passages,
        _embed(questions),
        _embed(passages),
        rng,
        keep=2,
    )
    for item, others in zip(items, wrong, strict=True):
        yield Example("boolq+", item["question"], item["context"], evidence=1)
        for other in others:
            yield Example("boolq-", item["question"], passages[other], evidence=0)
