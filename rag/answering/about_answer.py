"""Questions about the answer before: "Who says so?", "Are you sure?", "Show me the passage", "What do the others say?".

They are answered from the previous answer's own citations: nothing is searched for, but for what other articles say.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from rag.answering.citations import Numbering, Pointer, marked
from rag.models.reader import Reader
from rag.types import Answer, Citation, Document, Filters, Query, Statement

if TYPE_CHECKING:
    from rag.answering.conversation import Turn
    from rag.answering.engine import AnswerEngine

Kind: TypeAlias = Literal["who", "sure", "passage", "others"]

_POLITE = (
    r"^\W*(?:(?:and|so|but|ok|okay|please|well|really|hm+|could you|can you|would you|will you)[,?!\s]+)*"
)
_ENDS = r"(?:[,\s]+(?:please|then|exactly|again|though|about (?:this|that|it)|on (?:this|that)))*\W*$"
_ASKED: tuple[tuple[Kind, str], ...] = (
    (
        "others",
        r"(?:what|how) (?:do|does|did|about|have) (?:the |any )?other (?:articles?|sources?|reports?|ones?|papers?|media)(?: (?:say|report|write|tell|said))?"
        r"|what (?:do|did) (?:the )?others (?:say|report|write|think|tell)|does any(?:one| other article| other source) (?:else )?(?:say|agree|confirm|report)\w*(?: (?:so|it|that|this|the same|otherwise|something else))?"
        r"|do (?:the )?(?:others|other (?:articles|sources|reports)) (?:agree|confirm (?:it|that|this)|say (?:so|the same|otherwise|something else))",
    ),
    (
        "who",
        r"(?:who|which (?:article|source|report|paper)s?|what (?:article|source)s?) (?:says?|said|claims?|claimed|reports?|reported|wrote|writes?|states?|told (?:you|us|them)) (?:so|that|this|it)"
        r"|says who|according to (?:whom|who|what|which (?:article|source)s?)|where (?:do|did) you (?:get|have|find|read|take) (?:this|that|it)(?: from)?|where is (?:this|that|it) from"
        r"|what(?:['’]s| is| are) (?:your|the) (?:source|sources|evidence|proof)(?: (?:for|of) (?:this|that|it))?|how do you know(?: (?:this|that|it|so))?|source|sources",
    ),
    (
        "sure",
        r"(?:are you|you['’]re|you are|how) (?:really |quite |absolutely |so )?(?:sure|certain|confident)(?: are you)?|is (?:this|that|it) (?:really )?(?:true|right|correct|certain|so)"
        r"|really|(?:is|was) (?:that|this|it) confirmed|how (?:reliable|certain|sure) is (?:this|that|it)|do you mean (?:it|that)",
    ),
    (
        "passage",
        r"(?:show|give|quote|read|let)(?: me| us)?(?: see)? (?:the |that |this |its )?(?:exact |original |whole |full )?(?:passages?|quotes?|quotations?|text|words?|wording|sentences?|lines?|paragraphs?|source text|context)"
        r"|what (?:does|did) (?:it|the (?:article|source|text)) (?:say )?(?:exactly|literally|word for word)(?: say)?|what (?:are|were) the exact words|where (?:does|did) it say (?:so|that|this|it)",
    ),
)
_LONGEST = 120  # characters; who asks about an answer says it in a few words
_SURE, _FAIRLY = 0.75, 0.5
_NEAR = 100  # passages among which those of other articles are looked for
_OTHERS = 20  # other articles asked at most
_NO_OTHERS = "The other articles do not say."


@cache
def _compiled() -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile(f"{_POLITE}(?:{pattern}){_ENDS}", re.IGNORECASE)) for kind, pattern in _ASKED
    )


def asked_about(question: str) -> Kind | None:
    """What a question wants to know of the answer before it; None for a question about the articles."""
    question = question.strip()
    if len(question) > _LONGEST:
        return None
    return next((kind for kind, pattern in _compiled() if pattern.match(question)), None)


def without_asides(history: Sequence[Turn]) -> list[Turn]:
    """A conversation without the questions about its answers: "Who says so?" is no topic that a follow-up goes on with."""
    return [turn for turn in history if asked_about(turn if isinstance(turn, str) else turn[0]) is None]


def answer_about(
    engine: AnswerEngine,
    question: str,
    history: Sequence[Turn],
    filters: Filters | None,
    previous: Answer | None,
) -> Answer | None:
    """What the engine answers to a question about its previous answer; None for any other question.

    Args:
        engine: asked for what other articles say, and, where the caller kept no answer, once more for the previous one.
        question: as typed.
        history: the conversation, ``without_asides``.
        filters: which documents may answer.
        previous: the answer before, where the caller has it.
    """
    if asked_about(question) is None:
        return None
    if previous is None and history:
        last = history[-1]
        previous = engine.ask(last if isinstance(last, str) else last[0], history[:-1], filters)
    if previous is None:
        return None

    def ask_others(query: str, cited: Sequence[str]) -> Answer:
        near, _ = engine.retriever.retrieve_with_vector(Query(query, query, filters or Filters()), _NEAR)
        paths = [path for path in dict.fromkeys(hit.path for hit in near) if path not in cited]
        if not paths:
            return Answer(query, query, "not_found", _NO_OTHERS)
        left = tuple(glob.escape(path) for path in paths[:_OTHERS])
        return engine.ask(query, filters=replace(filters or Filters(), paths=left))

    return respond(question, previous, engine.retriever.index.document, engine.reader, ask_others)


def respond(
    question: str,
    previous: Answer,
    document_of: Callable[[str], Document],
    reader: Reader | None = None,
    ask_others: Callable[[str, Sequence[str]], Answer] | None = None,
) -> Answer | None:
    """Answer a question about the previous answer; None when it is not one, or there is nothing to be asked about.

    Args:
        question: as typed.
        previous: the answer before, with its citations.
        document_of: the document at a path; raises what it raises when an article is gone.
        reader: judges how sure the answer is, where there is one.
        ask_others: asks a question of all articles but those at the given paths.
    """
    kind = asked_about(question)
    if kind is None or not previous.statements:
        return None
    if kind == "others":
        if ask_others is None:
            return None
        cited = [source.path for source in previous.sources]
        answer = replace(ask_others(previous.query, cited), question=question, query=previous.query)
        return replace(answer, text=_NO_OTHERS) if answer.verdict == "not_found" else answer
    numbering = Numbering()
    tell = {"who": _who, "sure": _sure, "passage": _passage}[kind]
    statements = [
        told
        for statement in previous.statements
        for text, citations in tell(statement, document_of, reader)
        if (told := numbering.cite(text, [_pointer(one, document_of) for one in citations])) is not None
    ]
    statements = list(dict.fromkeys(statements))
    if not statements:
        return None
    return Answer(
        question=question,
        query=previous.query,
        verdict="answered",
        text=" ".join(marked(statement) for statement in statements),
        statements=tuple(statements),
        sources=numbering.sources,
        generator="extractive",
    )


_Told: TypeAlias = list[tuple[str, Sequence[Citation]]]


def _who(statement: Statement, document_of: Callable[[str], Document], reader: Reader | None) -> _Told:
    """One line for each source: what it is, by whom and when, and its words."""
    return [
        (f"{_described(document_of(citation.path))}: “{_line(citation.quote)}”", [citation])
        for citation in statement.citations
    ]


def _passage(statement: Statement, document_of: Callable[[str], Document], reader: Reader | None) -> _Told:
    """The paragraph each quote stands in."""
    return [
        (_line(_paragraph(document_of(citation.path).text, citation.start, citation.end)), [citation])
        for citation in statement.citations
    ]


def _sure(statement: Statement, document_of: Callable[[str], Document], reader: Reader | None) -> _Told:
    """Each statement with how well its quotes bear it out and how many articles say it."""
    from rag.answering.verification import (
        verify_all,
    )  # with its word lists, which no other question here needs

    verified = verify_all([(statement.text, [citation.quote]) for citation in statement.citations], reader)
    support = max((one.support for one in verified), default=0.0)
    objections = [objection.reason for one in verified for objection in one.objections]
    copied = any(_line(statement.text) in _line(citation.quote) for citation in statement.citations)
    articles = len({citation.path for citation in statement.citations})
    told = "one article says" if articles == 1 else f"{articles} articles say"
    if copied:
        how = f"Yes, {told} so, word for word"
    elif all(one.objections for one in verified):
        how = f"Not quite ({objections[0]}); {told}"
    else:
        how = f"{'Yes' if support >= _SURE else 'Fairly' if support >= _FAIRLY else 'Not very'}, {told} so"
    return [(f"{how}: “{_line(statement.text)}”", statement.citations)]


def _described(document: Document) -> str:
    told = [document.title]
    if document.author:
        told.append(f"by {document.author}")
    if document.source:
        told.append(document.source)
    if document.published:
        told.append(document.published)
    return ", ".join(told)


def _paragraph(text: str, start: int, end: int) -> str:
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    return text[first : len(text) if last < 0 else last]


def _line(text: str) -> str:
    return " ".join(text.split())


def _pointer(citation: Citation, document_of: Callable[[str], Document]) -> Pointer:
    return Pointer(document_of(citation.path), citation.start, citation.end, citation.quote, citation.support)
