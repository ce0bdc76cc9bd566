"""Questions as claims, in the forms the reader's support head was taught."""

from __future__ import annotations

import re

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


def yes_no_claim(question: str) -> str | None:
    """The question without its leading auxiliary: "Did Renault join?" is "Renault join."; None where there is none.

    Putting the verb back in its place would take a parser; the reader learns this form instead, at training.
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
