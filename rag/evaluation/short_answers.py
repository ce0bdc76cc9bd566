"""Exact match and F1 of short answers, as SQuAD's official script counts them.

Lower case, without punctuation and articles; the best of the gold wordings counts; where there is no answer, saying
nothing scores 1 and anything else 0.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact(given: str, gold: Sequence[str]) -> float:
    """1 if ``given`` is one of the gold answers; no gold answer means that none exists."""
    said = _words(given)
    return float(any(said == _words(answer) for answer in gold or ("",)))


def f1(given: str, gold: Sequence[str]) -> float:
    """The share of words that ``given`` has in common with the nearest gold answer, as F1."""
    said = _words(given)
    return max(_overlap(said, _words(answer)) for answer in gold or ("",))


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _overlap(said: Sequence[str], right: Sequence[str]) -> float:
    if not said or not right:
        return float(said == right)
    common = sum((Counter(said) & Counter(right)).values())
    return 2 * common / (len(said) + len(right))
