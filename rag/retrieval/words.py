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
_MOST_STEMS = 200_000  # remembered; some 20 MB
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


class _Stems(dict[str, str]):
    """Stems by word as written. A plain look-up for words met before: a question meets some ten thousand."""

    def __missing__(self, word: str) -> str:
        terms = _analyser().analyze(word)
        if len(self) >= _MOST_STEMS:
            self.clear()
        self[word] = stem = terms[0] if terms else word
        return stem


_STEMS = _Stems()


def stems(text: str) -> list[str]:
    """The words of a text in order: lower case, accents folded, English stems."""
    return [_STEMS[word] for word in _WORD_RE.findall(text)]


class Question:
    """The words and pairs of a question, ready to be looked for."""

    def __init__(self, text: str) -> None:
        said = stems(text)
        dull = set(stems(" ".join(STOPWORDS)))
        telling = [word for word in said if word not in dull]
        self.words = {word: n for n, word in enumerate(dict.fromkeys(telling or said))}
        pairs = [pair for pair in pairwise(said) if not dull.issuperset(pair)]
        self.pairs = {pair: n for n, pair in enumerate(dict.fromkeys(pairs))}


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
    if not passages:
        return []
    words, pairs = question.words, question.pairs
    owners = np.repeat(np.arange(len(passages)), [len(sentences) for sentences in passages])
    said = np.zeros((len(owners), len(words)), dtype=bool)
    said_pairs = np.zeros((len(owners), len(pairs)), dtype=bool)
    wanted = {*words, *(word for pair in pairs for word in pair)}
    for row, sentence in enumerate(sentence for sentences in passages for sentence in sentences):
        line = stems(sentence)
        here = wanted.intersection(line)
        said[row, [words[word] for word in here if word in words]] = True
        if len(here) > 1:
            said_pairs[row, [pairs[pair] for pair in pairs.keys() & set(pairwise(line))]] = True
    in_title = np.zeros((len(passages), len(words)), dtype=bool)
    for row, title in enumerate(titles):
        in_title[row, [words[word] for word in words.keys() & set(stems(title))]] = True

    weights = _weights(said, owners, len(passages))
    alone, with_title = said @ weights, (said | in_title[owners]) @ weights
    shares = (1 - _TITLE_SHARE) * alone + _TITLE_SHARE * with_title
    shares += _PAIR_WEIGHT * (said_pairs @ _weights(said_pairs, owners, len(passages)))
    ends = np.cumsum([len(sentences) for sentences in passages])
    return np.split(shares.astype(np.float32), ends[:-1])


def _weights(said: NDArray[np.bool_], owners: NDArray[np.int64], passages: int) -> NDArray[np.float64]:
    """Inverse frequencies over the passages (as BM25 has them over a collection), scaled to sum to 1."""
    holding = np.zeros((passages, said.shape[1]), dtype=bool)
    np.logical_or.at(holding, owners, said)
    frequency = holding.sum(axis=0)
    weights = np.log1p((passages - frequency + 0.5) / (frequency + 0.5))
    return np.asarray(weights / max(float(weights.sum()), 1e-9), dtype=np.float64)
