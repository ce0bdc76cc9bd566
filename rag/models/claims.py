"""A yes/no question as the claim it asks about, in the form the reader's support head was taught."""

from __future__ import annotations

import re

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
