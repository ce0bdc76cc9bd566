"""Example questions made from the articles themselves, without a model, and kept only when the engine answers them.

A sentence of the kind "Honda and Nissan have agreed to …" is turned round by a handful of patterns ("What have Honda
and Nissan agreed to do?"). The patterns are strict, as a few good questions are wanted and most sentences may be passed
over; then each candidate is put to the engine, and stays only if the answer is full and cites the very sentence the
question was made from. English only: in other languages the page simply shows no examples.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.chunking.sentences import split_sentences
from rag.types import Answer, Document

READ_CHARACTERS = 6_000  # of each article: news says what matters early
LONGEST_SENTENCE = 400  # characters; the patterns' time grows faster than a sentence
LONGEST_QUESTION = 80  # characters; an example must be read at a glance

# --- what sentences are made of ---

_WORD = r"[A-Z][\w&]*(?:[-’'][A-Z]?\w+)*"  # a capitalised word: Nissan, L-H, O’Brien
_NAME = rf"{_WORD}(?: (?:of |the |for )?{_WORD}){{0,4}}"
_NAMES = rf"{_NAME}(?:(?:, {_NAME})* and {_NAME})?"
_THING = r"[Tt]he (?:[a-z]+(?:-[a-z]+)? ){1,3}?"
_SUBJECT = rf"(?P<s>(?:[Tt]he )?{_NAMES})"
_CLAUSE = r"(?:^|[,;:—–] ?(?:so |and |but |as |while |that |where )?|\bthat )"  # where a clause may begin
_AUX = r"(?P<aux>has|have|had|is|are|was|were|will)"
_PLAIN = r"[^,;:“”\"()–—]"  # a character of a clause without asides
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.|Feb\.|Mar\.|Apr\.|Aug\.|Sept?\.|Oct\.|Nov\.|Dec\.)"
)
_DATE = rf"(?:{_MONTH}(?: \d{{1,2}})?(?:,? \d{{4}})?|\d{{1,2}} {_MONTH}(?: \d{{4}})?|\d{{4}})\b"
_ROLE = (
    r"(?:president|chief|minister|secretary|spokes(?:man|woman|person)|governor|mayor|director|chair(?:man|woman)?"
    r"|analyst|professor|officer|founder|head|leader|coach|captain|economist|senator|ambassador|manager|judge"
    r"|scientist|researcher|commissioner|executive)"
)
_PERSON = r"(?P<p>[A-Z][a-z]+ (?:[A-Z]\. )?[A-Z][a-z]+(?:-[A-Z][a-z]+)?)"
_BASE = {
    "announced": "announce",
    "agreed": "agree",
    "bought": "buy",
    "decided": "decide",
    "founded": "found",
    "launched": "launch",
    "offered": "offer",
    "opened": "open",
    "pledged": "pledge",
    "promised": "promise",
    "refused": "refuse",
    "signed": "sign",
    "unveiled": "unveil",
}
_DOING = "|".join(_BASE)

# Each rule: the kind of question, what a sentence must look like, and the question; {verb} is the verb's base form and
# {does} agrees with the subject.
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "why",
        re.compile(
            rf"{_CLAUSE}{_SUBJECT} {_AUX} (?P<rest>{_PLAIN}{{6,60}}?),? (?:(?:partly|mainly|largely) )?because "
        ),
        "Why {aux} {s} {rest}?",
    ),
    (
        "why",
        re.compile(rf", so {_SUBJECT} {_AUX} (?P<rest>{_PLAIN}{{6,45}}?)(?: and |[,;.])"),
        "Why {aux} {s} {rest}?",
    ),
    (
        "why",
        re.compile(
            rf"\b(?:[Oo]ne|[Tt]he|[Aa]nother)(?: \w+)? reason (?:that|why) (?P<s>the \w+|(?:the )?{_NAMES}) {_AUX} "
            rf"(?P<rest>{_PLAIN}{{6,70}}?) (?:is|was) "
        ),
        "Why {aux} {s} {rest}?",
    ),
    (
        "when",
        re.compile(rf"{_CLAUSE}{_SUBJECT} {_AUX} (?P<rest>{_PLAIN}{{4,45}}?) (?:in|on) {_DATE}"),
        "When {aux} {s} {rest}?",
    ),
    (
        "when",
        re.compile(
            rf"\b(?P<s>{_THING}[a-z]+|{_NAME}), which (?P<aux>is|was|will|has|had) (?P<rest>{_PLAIN}{{4,45}}?) "
            rf"(?:in|on) {_DATE}"
        ),
        "When {aux} {s} {rest}?",
    ),
    (
        "when",
        re.compile(
            rf"\b[Ii]n {_MONTH}, {_SUBJECT} (?:has |have |had )?(?P<verb>{_DOING}) "
            rf"(?P<rest>(?:a|an|the) {_PLAIN}{{4,40}}?)(?: of their own)?(?= \(|[,;.])"
        ),
        "When did {s} {verb} {rest}?",
    ),
    (
        "how much",
        re.compile(rf"\b(?P<o>{_NAME})[—,–]? ?(?:in|of) which (?P<s>{_NAME}) (?P<verb>holds|owns) (?=\d)"),
        "How much of {o} does {s} {verb}?",
    ),
    (
        "how much",
        re.compile(
            rf"\b(?P<s>{_NAME}) (?P<verb>holds|owns) \d[\d.]*(?:%| per ?cent| percent) of (?P<o>{_NAME})"
        ),
        "How much of {o} does {s} {verb}?",
    ),
    (
        "how much",
        re.compile(rf"\b(?P<o>{_NAME})[—,–]? ?\d[\d.]*(?:%| per ?cent| percent)[- ]owned by (?P<s>{_NAME})"),
        "How much of {o} does {s} own?",
    ),
    (
        "what",
        re.compile(
            rf"{_CLAUSE}{_SUBJECT} (?P<aux>has|have|had) (?:also )?(?P<past>agreed|decided|pledged|promised|offered"
            r"|refused) to [a-z]"
        ),
        "What {aux} {s} {past} to do?",
    ),
    (
        "what",
        re.compile(
            rf"{_CLAUSE}{_SUBJECT} (?P<verb>agreed|decided|pledged|promised|offered|refused) to [a-z]"
        ),
        "What did {s} {verb} to do?",
    ),
    (
        "what",
        re.compile(rf"{_CLAUSE}{_SUBJECT} (?:also )?(?P<verb>plan|aim|intend|hope|want)s? to [a-z]"),
        "What {does} {s} {verb} to do?",
    ),
    (
        "what",
        re.compile(
            rf"{_CLAUSE}{_SUBJECT} (?:have |has )?(?:also )?(?P<verb>unveiled|launched|announced) "
            r"(?:a|an|the|its|their) "
        ),
        "What did {s} {verb}?",
    ),
    ("what is", re.compile(rf"\b(?P<s>{_WORD}(?: {_WORD}){{1,3}}), which is (?:a|an|the) "), "What is {s}?"),
    (
        "what is",
        re.compile(r"\b[a-z]+ [a-z]+(?:-[a-z]+)? \((?P<s>[A-Z]{3,5})s?\)"),
        "What does {s} stand for?",
    ),
    (
        "said",
        re.compile(rf"\b{_PERSON}, {_PLAIN}*\b{_ROLE}\b{_PLAIN}*, (?:said|commented|added)\b"),
        "What did {p} say?",
    ),
    ("said", re.compile(rf"\b{_ROLE} {_PERSON} (?:said|commented|added)\b"), "What did {p} say?"),
    ("said", re.compile(rf"\bsaid {_PERSON}, {_PLAIN}*\b{_ROLE}\b"), "What did {p} say?"),
    ("who", re.compile(rf"\b{_PERSON}, (?:the |a |an |{_WORD}[’']s ){_PLAIN}*\b{_ROLE}\b"), "Who is {p}?"),
    ("who", re.compile(rf"\b{_ROLE} {_PERSON}\b"), "Who is {p}?"),
)
_KINDS = ("when", "why", "how much", "what", "said", "what is", "who")  # the ones that show most, first
_NO_NAME = re.compile(
    r"(?:It|He|She|They|We|I|You|This|That|These|Those|There|Here|What|Who|When|In|On|At|As|By|If|But|And|Its|Their"
    r"|His|Her|Our|My|Your|Both|Each|Earlier|Then|Such|Some|Many|Most|All|For|With|After|Before|While|Since|One|Last"
    r"|Next|Not|No|An?|Two|Three|Mr|Mrs|Ms|Dr)\b"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question and the sentence it was made from."""

    question: str
    kind: str
    path: str
    start: int
    end: int


def _questions(sentence: str) -> Iterator[tuple[str, str]]:
    """The questions one sentence may answer, as (kind, question)."""
    for kind, pattern, wording in _RULES:
        found = pattern.search(sentence)
        if not found:
            continue
        words = {name: text.strip() for name, text in found.groupdict().items() if text}
        subject = words.get("s") or words.get("p", "")
        if _NO_NAME.match(subject):
            continue
        words["does"] = "do" if " and " in subject else "does"
        if subject.startswith("The "):
            words["s"] = "the " + subject[4:]
        if verb := words.get("verb"):
            words["verb"] = _BASE.get(verb, verb.removesuffix("s"))
        question = wording.format(**words)
        if len(question) <= LONGEST_QUESTION:
            yield kind, question


def _rank(candidate: Candidate) -> tuple[int, bool]:
    """The better kinds first, and before others those that name somebody or something."""
    named = any(word[0].isupper() for word in candidate.question.split()[1:])
    return _KINDS.index(candidate.kind), not named


def candidates(documents: Iterable[Document]) -> list[Candidate]:
    """Questions made from the openings of articles, best kinds first and the articles taking turns."""
    shelves: list[list[Candidate]] = []
    for document in documents:
        found: dict[str, Candidate] = {}
        end = min(len(document.text), document.body_start + READ_CHARACTERS)
        for span in split_sentences(document.text, document.body_start, end):
            if span.end - span.start > LONGEST_SENTENCE:
                continue
            sentence = " ".join(document.text[span.start : span.end].split())
            for kind, question in _questions(sentence):
                found.setdefault(question, Candidate(question, kind, document.path, span.start, span.end))
        shelves.append(sorted(found.values(), key=_rank))
    rounds = max((len(shelf) for shelf in shelves), default=0)
    mixed = [shelf[at] for at in range(rounds) for shelf in shelves if at < len(shelf)]
    return list({candidate.question: candidate for candidate in mixed}.values())


def _rests_on(answer: Answer, candidate: Candidate) -> bool:
    """Whether the answer is full and cites the sentence the question was made from."""
    return answer.verdict == "answered" and any(
        citation.path == candidate.path and citation.start < candidate.end and candidate.start < citation.end
        for item in answer.statements
        for citation in item.citations
    )


def pick(
    found: Sequence[Candidate],
    ask: Callable[[str], Answer],
    wanted: int = 4,
    seconds: float = 6.0,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Put candidates to the engine until enough are answered from where they were made.

    Different kinds of questions about different articles come first; a second on an article, then a second of a kind,
    only when the list would stay short.

    Args:
        found: in order of preference.
        ask: the engine.
        wanted: how many to return at most.
        seconds: when to stop looking, as a big index may answer slowly.
        clock: what tells the time.
    """
    deadline = clock() + seconds
    kept: list[Candidate] = []
    refused: set[Candidate] = set()
    for most_alike, most_near in ((1, 1), (1, 2), (2, 2)):
        for candidate in found:
            if len(kept) == wanted or clock() > deadline:
                return [item.question for item in kept]
            alike = sum(item.kind == candidate.kind for item in kept)
            near = sum(item.path == candidate.path for item in kept)
            if candidate in kept or candidate in refused or alike >= most_alike or near >= most_near:
                continue
            if _rests_on(ask(candidate.question), candidate):
                kept.append(candidate)
            else:
                refused.add(candidate)
    return [item.question for item in kept]
