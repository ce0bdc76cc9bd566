"""An answer in a language model's words, every sentence of it checked against the articles before it counts.

The model sees the passages that the extractive answer was found in, and only questions that the articles answer reach
it. What it writes is cut into sentences as it comes; each is aligned to the articles' own sentences (``alignment``) or
dropped. Whatever goes wrong, the person gets the extractive answer and a line saying what happened.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from rag.answering import prompting
from rag.answering.alignment import Aligned, align
from rag.answering.citations import Numbering, Pointer
from rag.answering.events import (
    Event,
    FellBack,
    Preparing,
    StatementDropped,
    StatementReady,
    TokenReady,
    instead,
)
from rag.answering.evidence import Evidence
from rag.answering.extractive import Draft
from rag.answering.generators import protocol
from rag.answering.generators.tokens import MARGIN, count_tokens
from rag.answering.lexicon import terms
from rag.answering.question import analyse
from rag.answering.question import parts as question_parts
from rag.answering.stream_citations import CitationStream, Mark, Said, StatementStream, Text
from rag.answering.verification import Objection, exact_objections
from rag.errors import ModelError
from rag.models.reader import Reader
from rag.types import Document, Statement, Unverified

_STRONG = 0.4  # of the best sentence's probability: a statement citing one this likely answers the part
_MOST_STATEMENTS = 8
_MOST_QUESTION = 300  # characters of a question the model completed
_CUT_SHORT = 0.9  # of the tokens it may write: a last sentence without its full stop then ran out of them
_WHOLE = re.compile(r"[.!?…][\"'”’)\]]*$")
_LEAD_IN = re.compile(
    r"^(?:(?:(?:based on|according to|as (?:stated|mentioned|reported) in) )?(?:the |this |these )?(?:provided |given |above )?"
    r"(?:sources?|articles?|passages?|information|context)(?: (?:provided|given|above|\d+))?(?: (?:says?|states?|reports?))?"
    r"(?: that\b|[,:])|(?:the )?(?:answer|response)(?: is)?\s*:)\s*",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    r"\bnot in (?:these|the) (?:articles?|sources?)\b|\b(?:sources?|articles?|passages?)\b.{0,30}\b(?:do(?:es)? not|don['’]t|doesn['’]t) "
    r"(?:say|answer|mention|contain|provide|specify)\b|^i (?:do not|don['’]t|cannot|can['’]t|am not|am unable)\b|^i['’]m (?:sorry|not)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the question that the articles answer: its weighed sentences, best first, its extractive answer."""

    evidence: tuple[Evidence, ...]
    drafts: tuple[Draft, ...]


@dataclass(slots=True)
class Written:
    """What came of it; without statements the extractive answer takes over.

    Attributes:
        statements: checked and numbered by ``numbering``.
        unverified: what was dropped, with the reasons.
        note: what went wrong or had to be added, for a person.
        checking_ms: the longest that a finished sentence waited for its check.
    """

    numbering: Numbering = field(default_factory=Numbering)
    statements: list[Statement] = field(default_factory=list)
    unverified: list[Unverified] = field(default_factory=list)
    note: str | None = None
    checking_ms: float = 0.0


def write(
    question: str,
    parts: Sequence[Part],
    generator: protocol.Generator,
    reader: Reader | None,
    document_of: Callable[[str], Document],
) -> Generator[Event, None, Written]:
    """Let the model answer; yields what happens, returns what counts.

    Args:
        question: standing by itself.
        parts: what the articles answer of it, not empty.
        generator: the model.
        reader: judges its statements, where there is one.
        document_of: the document at a path; those of the evidence must be known to it.
    """
    written = Written()
    evidence = _merged(part.evidence for part in parts)
    try:
        prompt, passages = prompting.build(
            question, evidence, generator.window, generator.most_tokens, _safe_count
        )
        if not passages:
            return (
                yield from _given_up(written, f"{generator.name} has no room for the articles' sentences")
            )
        yield from preparing(generator)
        yield from _stream(question, prompt, passages, generator, reader, document_of, written)
    except (protocol.GeneratorError, ModelError) as error:
        return (yield from _given_up(written, str(error)))
    if not written.statements:
        said = "said nothing that the articles support" if written.unverified else "gave no answer"
        return (yield from _given_up(written, f"{generator.name} {said}"))
    open_parts = [part for part in parts if not _covers(written.statements, part)]
    if len(open_parts) == len(parts):
        return (yield from _given_up(written, f"what {generator.name} said does not answer the question"))
    for part in open_parts:
        for draft in part.drafts:
            yield from _cited(written, draft.text, draft.pointers)
        written.note = f"{generator.name} left a part of the question open; for that part the articles speak, word for word"
    return written


def preparing(generator: protocol.Generator) -> Generator[Event, None, None]:
    """Tell whoever waits that the model's library has to be loaded, where that is still to come."""
    if not protocol.is_ready(generator):
        yield Preparing(f"loading {generator.name}; the first time this takes a while")


def condense(question: str, history: Sequence[tuple[str, str]], generator: protocol.Generator) -> str | None:
    """The question standing by itself, in the model's words; None when it gives nothing usable.

    Every name, figure and date of it must come from the conversation, so that no model can change the subject.

    Args:
        question: the follow-up.
        history: earlier (question, answer) pairs, oldest first.
    """
    told = "\n".join(f"Question: {asked}\nAnswer: {answered}" for asked, answered in history)
    prompt = protocol.Prompt(
        prompting.template("condense_system"),
        prompting.filled("condense_user", history=told, question=question),
    )
    try:
        with closing(_tokens(generator, prompt, 80)) as tokens:
            text = "".join(tokens)
    except protocol.GeneratorError:
        return None
    line = next((stripped for line in text.splitlines() if (stripped := line.strip(' \t"“”*'))), "")
    line = re.sub(
        r"^(?:question|standalone question|rewritten question)\s*:\s*", "", line, flags=re.IGNORECASE
    )
    if not line.endswith("?") or len(line) > _MOST_QUESTION:
        return None
    strange = [one for one in exact_objections(line, [told, question]) if one.kind != "opposite"]
    return None if strange else line


def is_echo(statement: str, question: str) -> bool:
    """Whether a statement says nothing that the question did not say, which answers none but a yes/no question."""
    if any(analyse(part).kind == "yesno" for part in question_parts(question)):
        return False
    said = terms(statement)
    return bool(said) and set(said) <= set(terms(question))


def _stream(
    question: str,
    prompt: protocol.Prompt,
    passages: Sequence[prompting.Passage],
    generator: protocol.Generator,
    reader: Reader | None,
    document_of: Callable[[str], Document],
    written: Written,
) -> Generator[Event, None, None]:
    marks, sentences = CitationStream(len(passages)), StatementStream()
    heard: set[str] = set()
    repeated = 0

    def judged(said: Iterable[Said]) -> Generator[Event, None, None]:
        nonlocal repeated
        for one in said:
            wording = _without_lead_in(one.text)
            if not wording or _DECLINES.search(wording):
                continue
            if wording.casefold() in heard:
                repeated += 1
                continue
            heard.add(wording.casefold())
            started = time.perf_counter()
            aligned = (
                Aligned((), (Objection("words", wording, "it only repeats the question"),))
                if is_echo(wording, question)
                else align(wording, one.sources, passages, document_of, reader)
            )
            written.checking_ms = max(written.checking_ms, (time.perf_counter() - started) * 1000)
            if aligned.pointers:
                yield from _cited(written, wording, aligned.pointers)
            else:
                reasons = dict.fromkeys(objection.reason for objection in aligned.objections)
                dropped = Unverified(wording, tuple(reasons))
                written.unverified.append(dropped)
                yield StatementDropped(dropped)

    count = 0
    with closing(_tokens(generator, prompt, generator.most_tokens)) as tokens:
        for token in tokens:
            count += 1
            pieces = marks.feed(token)
            yield from _shown(pieces)
            yield from judged(sentences.feed(pieces))
            # a small model that has begun to repeat itself will not stop by itself
            if repeated >= 2 or len(heard) >= _MOST_STATEMENTS:
                return
    pieces = marks.close()
    yield from _shown(pieces)
    rest = [*sentences.feed(pieces), *sentences.close()]
    if rest and count >= _CUT_SHORT * generator.most_tokens and not _WHOLE.search(rest[-1].text):
        dropped = Unverified(rest.pop().text, ("it breaks off in the middle",))
        written.unverified.append(dropped)
        yield from judged(rest)
        yield StatementDropped(dropped)
    else:
        yield from judged(rest)


def _tokens(
    generator: protocol.Generator, prompt: protocol.Prompt, most_tokens: int
) -> Generator[str, None, None]:
    yield from generator.stream(prompt, most_tokens)


def _shown(pieces: Sequence[Text | Mark]) -> Generator[Event, None, None]:
    text = "".join(piece.text for piece in pieces if isinstance(piece, Text))
    if text:
        yield TokenReady(text)


def _cited(written: Written, text: str, pointers: Sequence[Pointer]) -> Generator[Event, None, None]:
    statement = written.numbering.cite(text, pointers)
    if statement is not None and statement not in written.statements:
        written.statements.append(statement)
        yield StatementReady(statement)


def _given_up(written: Written, what_happened: str) -> Generator[Event, None, Written]:
    note = instead(what_happened)
    yield FellBack(note)
    return Written(unverified=written.unverified, note=note, checking_ms=written.checking_ms)


def _merged(lists: Iterable[Sequence[Evidence]]) -> list[Evidence]:
    """The evidence of all parts, best first, each sentence once."""
    found: dict[tuple[str, int], Evidence] = {}
    for item in sorted((item for one in lists for item in one), key=lambda item: -item.probability):
        found.setdefault((item.hit.path, item.sentence.start), item)
    return list(found.values())


def _covers(statements: Sequence[Statement], part: Part) -> bool:
    """Whether a statement rests on a sentence that was found likely to answer the part."""
    if not part.evidence:
        return True
    strong = [
        (item.hit.path, item.sentence.start, item.sentence.end)
        for item in part.evidence
        if item.probability >= _STRONG * part.evidence[0].probability
    ]
    strong += [
        (pointer.document.path, pointer.start, pointer.end)
        for draft in part.drafts
        for pointer in draft.pointers
    ]
    return any(
        citation.path == path and citation.start < end and start < citation.end
        for statement in statements
        for citation in statement.citations
        for path, start, end in strong
    )


def _without_lead_in(text: str) -> str:
    """ "According to the sources, sales fell." says no more than "Sales fell."."""
    bare = _LEAD_IN.sub("", text)
    return bare[:1].upper() + bare[1:]


def _safe_count(text: str) -> float:
    return count_tokens(text) * MARGIN
