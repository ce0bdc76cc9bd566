"""Do the citations of an answer support its statements? By the reader's support check, where no gold source tells.

A statement that is copied from its quote needs no model: it is supported by what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.evaluation.metrics import normalise

if TYPE_CHECKING:
    from rag.models.reader import Reader
    from rag.types import Answer, Citation, Statement

SUPPORTED = 0.5  # where the reader's card names no threshold of its own


def verify(answer: Answer, reader: Reader | None) -> tuple[float | None, float | None]:
    """Share of statements that are supported, and share of citations that support their statement.

    Returns:
        (None, None) for an answer without statements, or when a model is needed and there is none.
    """
    pairs = [(statement, cited) for statement in answer.statements for cited in statement.citations]
    if not pairs:
        return None, None
    open_pairs = [(statement, cited) for statement, cited in pairs if not _copied(statement, cited)]
    if open_pairs and reader is None:
        return None, None
    holds = {(id(statement), id(cited)): True for statement, cited in pairs}
    if open_pairs and reader is not None:
        threshold = float(getattr(reader, "supported_above", SUPPORTED))
        scores = reader.support([(statement.text, cited.quote) for statement, cited in open_pairs])
        for (statement, cited), score in zip(open_pairs, scores, strict=True):
            holds[id(statement), id(cited)] = score[0] >= threshold
    supported = [
        any(holds[id(statement), id(cited)] for cited in statement.citations)
        for statement in answer.statements
    ]
    return sum(supported) / len(supported), sum(holds.values()) / len(holds)


def _copied(statement: Statement, cited: Citation) -> bool:
    # an extractive statement is its quote, but for what the display tidies
    return normalise(statement.text).rstrip(".") in normalise(cited.quote)
