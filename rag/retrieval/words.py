"""How much of a question a sentence says in its own words: the exact complement to what vectors see.

A sentence's share of the question's words and of its pairs of neighbouring words, each weighted by how
telling it is among the passages at hand. Rare words of the question (a name, a figure) decide; words that
stand in every candidate count next to nothing, so that no list of the collection's word counts is needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Function words that stand in most questions. A pair counts when one of the two is not among these.
_FUNCTION_WORDS = (
    "a about an and any are as at be been but by can could did do does for from had has have how i if in into is it "
    "its many me much of on or s say says tell that the their them then there these they this those to was we were "
    "what when where which who whom whose why will with would you"
)
STOPWORDS = frozenset(_FUNCTION_WORDS.split())

_WORD_RE = re.compile(r"[^\W_]+")
_PAIR_WEIGHT = 0.6  # of pairs beside single words
_TITLE_SHARE = 0.5  # how far a word in the title counts as said by each sentence below it


@lru_cache(maxsize=1)
def _analyser() -> Any:
    import tantivy

    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    terms = _analyser().analyze(word)
    return terms[0] if terms else word


def stems(text: str) -> list[str]:
    """The words of a text in order: lower case, accents folded, English stems."""
    return [_stem(word) for word in _WORD_RE.findall(text.lower())]


class Question:
    """The words and pairs of a question, ready to be looked for."""

    def __init__(self, text: str) -> None:
        said = stems(text)
        dull = {_stem(word) for word in STOPWORDS}
        telling = [word for word in said if word not in dull]
        self.words = list(dict.fromkeys(telling or said))
        self.pairs = list(dict.fromkeys(p for p in pairwise(said) if not (p[0] in dull and p[1] in dull)))


def coverage(
    question: Question, titles: Sequence[str], passages: Sequence[Sequence[str]]
) -> list[NDArray[np.float32]]:
    """For each passage, how much of the question each of its sentences says, 0..1.6.

    Args:
        question: what is looked for.
        titles: of each passage's document.
        passages: each passage's sentences.

    Returns:
        one array per passage, (its sentences,).
    """
    words, pairs = question.words, question.pairs
    found: list[NDArray[np.bool_]] = []  # (sentences, words)
    found_pairs: list[NDArray[np.bool_]] = []  # (sentences, pairs)
    wanted = set(words) | {word for pair in pairs for word in pair}
    for sentences in passages:
        lines = [stems(sentence) for sentence in sentences]
        present = [wanted.intersection(line) for line in lines]
        found.append(_matrix([[word in line for word in words] for line in present], len(words)))
        rows = []
        for line, here in zip(lines, present, strict=True):
            possible = [first in here and second in here for first, second in pairs]
            if any(possible):
                neighbours = set(pairwise(line))
                possible = [pair in neighbours for pair in pairs]
            rows.append(possible)
        found_pairs.append(_matrix(rows, len(pairs)))
    weights, pair_weights = _weights(found), _weights(found_pairs)
    shares = []
    for title, hits, pair_hits in zip(titles, found, found_pairs, strict=True):
        in_title = set(stems(title))
        with_title = hits | np.array([word in in_title for word in words], dtype=bool)
        said = (1 - _TITLE_SHARE) * (hits @ weights) + _TITLE_SHARE * (with_title @ weights)
        shares.append((said + _PAIR_WEIGHT * (pair_hits @ pair_weights)).astype(np.float32))
    return shares


def _matrix(rows: list[list[bool]], width: int) -> NDArray[np.bool_]:
    return np.array(rows, dtype=bool).reshape(len(rows), width)


def _weights(found: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Inverse frequencies over the passages (as BM25 has them over a collection), scaled to sum to 1."""
    holding = np.array([hits.any(axis=0) for hits in found], dtype=np.float64).sum(axis=0)
    weights = np.log1p((len(found) - holding + 0.5) / (holding + 0.5))
    return np.asarray(weights / max(float(weights.sum()), 1e-9))
