"""Examples for the support head: the labelled sets, and claims made from questions and from passages' own sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.training import edits, words
from rag.training.examples import (
    NEITHER,
    REFUTED,
    SUPPORTED,
    Example,
    Record,
    normalise,
    overlaps,
    read_lines,
)

LABELS: dict[str, tuple[int, ...]] = {
    "supported": (SUPPORTED,),
    "refuted": (REFUTED,),
    "nei": (NEITHER,),
    "not_supported": (REFUTED, NEITHER),
    "partial": (REFUTED, NEITHER),
}
SETS = (
    "fever_devtest",
    "fever_symmetric",
    "fm2_devtest",
    "begin_wow",
    "wice_part",
    "cad_snli",
    "conjnli_dev",
)
_SUBJECT = re.compile(
    r"^(?:who|what|which(?: [a-z]+){1,2}|how many [a-z]+|whose [a-z]+|what [a-z]+)\s+"
    r"(?=(?:is|are|was|were|has|had|have|can|could|will|would)\b(?! (?:not|n't)\b))",
    re.IGNORECASE,
)
_SUBJECT_VERB = re.compile(
    r"^who\s+(?=[a-z]+(?:ed|ew|ote|ade|ook|ave|ame|on|ought|ound|eld|ent|uilt|ays|ds|ns|ts|es)\b)", re.I
)
_MEASURES = re.compile(
    r"\b(year|date|day|time|month|century|decade|reason|percent|percentage)\b", re.IGNORECASE
)
_LONGEST_ANSWER = 8  # words
_AUXILIARY = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|may|might|must|should)\s+(?=\S)",
    re.IGNORECASE,
)
_KINDS = ("name", "name", "number", "number", "opposite", "negate")
_ELSEWHERE = 0.4  # how often a claim made of a question is read over a passage found for it, too
_LONG = 180  # words of claim and premise together: about a window of 256 word pieces
YES_NO_HELD_OUT = 400  # of boolq_dev: to measure how well yes and no are told apart


def yes_no_items(data: Path, seen: set[int]) -> list[dict[str, Any]]:
    """BoolQ's items to learn from: all but the held out ones, less what overlaps with ``eval/``."""
    items = [*read_lines(data / "train" / "yesno" / "boolq_dev.jsonl.gz")]
    return [item for item in items[:-YES_NO_HELD_OUT] if not overlaps(item["context"], seen)]


def from_yes_no(items: Sequence[dict[str, Any]]) -> Iterator[Example]:
    """Claims made of yes/no questions: supported where the answer is yes, refuted or not said where it is no."""
    for item in items:
        claim = yes_no_claim(item["question"])
        if claim is not None:
            label = (SUPPORTED,) if item["answer"] == "yes" else (REFUTED, NEITHER)
            yield Example("support:boolq", claim, item["context"], support=label)


def labelled(data: Path, seen: set[int]) -> Iterator[Example]:
    """The labelled claim sets, each its own group."""
    for name in SETS:
        items = [
            item
            for item in read_lines(data / "train" / "support" / f"{name}.jsonl.gz")
            if item["label"] in LABELS and not overlaps(item["premise"], seen)
        ]
        for item in items:
            yield Example(
                f"support:{name}", item["hypothesis"], item["premise"], support=LABELS[item["label"]]
            )


def unrelated(pairs: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[Example]:
    """Claims with the premise of another claim that shares a name with them, or any other: neither."""
    by_name: dict[str, list[int]] = {}
    for place, (_, premise) in enumerate(pairs):
        for start, end in edits.names(premise):
            by_name.setdefault(premise[start:end].lower(), []).append(place)
    for claim, premise in pairs:
        places = [place for a, b in edits.names(claim) for place in by_name.get(claim[a:b].lower(), ())]
        others = [
            pairs[place][1] for place in places if pairs[place][1] != premise and pairs[place][0] != claim
        ]
        other = rng.choice(others) if others and rng.random() < 0.5 else rng.choice(pairs)[1]
        if other != premise:
            yield Example("support:unrelated", claim, other, support=(NEITHER,))


def yes_no_claim(question: str) -> str | None:
    """The question without its leading auxiliary: "Did Renault join?" is "Renault join."; None where there is none.

    Putting the verb back in its place would take a parser; the reader learns this form instead.
    """
    asked = question.strip().rstrip("?").rstrip()
    match = _AUXILIARY.match(asked)
    if match is None:
        return None
    rest = asked[match.end() :]
    return f"{rest[0].upper()}{rest[1:]}."


def question_claim(question: str, answer: str) -> str | None:
    """A statement made of a question whose question word is its subject, else None ("who did X meet" is not)."""
    body = question.rstrip(" ?")
    match = _SUBJECT.match(body) or _SUBJECT_VERB.match(body)
    if not match or _MEASURES.search(match.group()) or not 0 < len(answer.split()) <= _LONGEST_ANSWER:
        return None
    return f"{answer[0].upper()}{answer[1:]} {body[match.end() :]}."


def alike(answer: str, context: str, rng: random.Random) -> str | None:
    """Another span of ``context`` of the same kind as ``answer`` (number for number, name for name), else None."""
    find = edits.NUMBER.search(answer)
    if find:
        others = [m.group() for m in edits.NUMBER.finditer(context) if m.group() not in answer]
        return answer.replace(find.group(), rng.choice(others)) if others else None
    if answer[:1].isupper():
        spans = _names(context)
        others = [
            span
            for span in spans
            if span.lower() not in answer.lower() and answer.lower() not in span.lower()
        ]
        return rng.choice(others) if others else None
    return None


def from_questions(
    records: Sequence[Record], wrong_passages: Sequence[Sequence[str]], rng: random.Random
) -> Iterator[Example]:
    """Claims made of question and answer: right, with a wrong answer of the same kind, and over what does not tell.

    Where the sentence that answers names all that the claim names, the claim is read over it alone, too, as citations
    are; and over another sentence of the passage, which speaks of the same thing and says neither.
    """
    for record, others in zip(records, wrong_passages, strict=True):
        if not record.answers:
            continue
        answer = min(record.answer_texts, key=len)
        claim = question_claim(record.question, answer)
        if claim is None:
            continue
        false = alike(answer, record.context, rng)
        false_claim = false and question_claim(record.question, false)
        against = (REFUTED,) if edits.NUMBER.search(answer) else (REFUTED, NEITHER)
        yield Example("support:asked", claim, record.context, support=(SUPPORTED,))
        if false_claim:
            yield Example("support:asked", false_claim, record.context, support=against)
        if others and rng.random() < _ELSEWHERE:
            yield Example("support:asked", claim, rng.choice(others), support=(NEITHER,))
        place = record.context.find(answer)
        spans = edits.sentences(record.context)
        telling = next((record.context[a:b] for a, b in spans if a <= place < b), "")
        if telling and all(claim[a:b] in telling for a, b in edits.names(claim)):
            yield Example("support:close", claim, telling, support=(SUPPORTED,))
            if false_claim:
                yield Example("support:close", false_claim, telling, support=against)
            forms = [normalise(text) for text in record.answer_texts]
            rest = [
                text
                for text in (record.context[a:b] for a, b in spans)
                if not any(form in normalise(text) for form in forms)
            ]
            near = words.most_like(claim, rest)
            if near:
                yield Example("support:close", claim, near, support=(NEITHER,))


def _changed(
    claim: str, kind: str, pool: Sequence[str], rng: random.Random
) -> tuple[str, tuple[int, ...]] | None:
    """The claim with one thing changed, and its label; where ``kind`` finds nothing to change, a number or a name.

    Another number, an opposite or a "not" contradicts the sentence; with another name it may be true as well.
    """
    first = {
        "name": lambda: edits.swap_name(claim, pool, rng),
        "number": lambda: edits.swap_number(claim, rng),
        "opposite": lambda: edits.swap_opposite(claim, rng),
        "negate": lambda: edits.negate(claim, rng),
    }
    for one in (kind, "number", "name"):
        changed = first[one]()
        if changed:
            return changed, (REFUTED, NEITHER) if one == "name" else (REFUTED,)
    return None


def from_sentences(
    contexts: Sequence[str], similar: Sequence[Sequence[str]], rng: random.Random
) -> Iterator[Example]:
    """Claims that are a passage's own sentence (supported), the same with one thing changed, or read over a similar
    passage (neither).

    The premise is the whole passage, as it is when a citation is checked.
    """
    for context, others in zip(contexts, similar, strict=True):
        spans = [(a, b) for a, b in edits.sentences(context) if 6 <= len(context[a:b].split()) <= 40]
        pool = _names(context, *others[:1])
        for a, b in rng.sample(spans, min(2, len(spans))):
            claim = words.shortened(context[a:b].strip(), rng)
            draw = rng.random()
            if draw < 0.35:
                yield Example("support:made", claim, context, support=(SUPPORTED,))
            elif draw < 0.8:
                changed = _changed(claim, rng.choice(_KINDS), pool, rng)
                if changed:
                    yield Example("support:made", changed[0], context, support=changed[1])
            elif others:
                yield Example("support:made", claim, rng.choice(others), support=(NEITHER,))


def joined(
    contexts: Sequence[str], similar: Sequence[Sequence[str]], rng: random.Random
) -> Iterator[Example]:
    """Sentences that tell two things at once, as language models write them; over a passage and what is found with it.

    Each is right in both halves (supported), or one half has another number, name or word, or is of a passage that is
    not there. The premise is long, so that the proof has to be found in it.
    """
    vocabulary = words.Vocabulary.of(contexts)
    for context, others in zip(contexts, similar, strict=True):
        spans = [(a, b) for a, b in edits.sentences(context) if 5 <= len(context[a:b].split()) <= 25]
        if len(spans) < 2 or not others:
            continue
        other = rng.choice(others)
        beside = [other[a:b].strip() for a, b in edits.sentences(other)]
        claims = [words.shortened(context[a:b].strip(), rng) for a, b in rng.sample(spans, 2)]
        room = _LONG - len(context.split()) - sum(len(claim.split()) for claim in claims)
        kept: list[str] = []
        for text in beside:
            if sum(len(one.split()) for one in [*kept, text]) > room:
                break
            kept.append(text)
        if room < 0:
            continue
        parts = [context, " ".join(kept)]
        rng.shuffle(parts)
        premise = " ".join(parts).strip()
        yield Example("support:joined", _fused(claims, rng), premise, support=(SUPPORTED,))
        place = rng.randrange(2)
        changed: tuple[str, tuple[int, ...]] | None
        absent = [text for text in beside if text not in kept and 5 <= len(text.split()) <= 25]
        draw = rng.random()
        if draw < 0.45:
            changed = _changed(claims[place], rng.choice(_KINDS), _names(context, other), rng)
        elif draw < 0.75 or not absent:
            word = words.exchanged(
                claims[place], words.said_in(premise), words.said_in(other), vocabulary, rng
            )
            changed = (word, (REFUTED, NEITHER)) if word else None
        else:
            changed = rng.choice(absent), (NEITHER,)
        if changed:
            claims[place] = changed[0]
            yield Example("support:joined", _fused(claims, rng), premise, support=changed[1])


def _fused(claims: Sequence[str], rng: random.Random) -> str:
    first, second = claims
    if rng.random() < 0.3:
        return f"{first} {second}"
    return f"{first.rstrip('.')}{rng.choice((', and ', ', while ', '; ', ' and '))}{second}"


def _names(*texts: str) -> list[str]:
    return [text[a:b] for text in texts for a, b in edits.names(text)]
