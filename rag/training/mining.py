"""Hard negatives: for each question, the paragraphs a retriever would wrongly hand over.

Wrong means that none of the question's answers occurs in the paragraph. Ranked by the sum of BM25 and dense cosine,
both scaled to 0..1 per question, since that is what the product's own retrieval does.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.training.examples import WORD, normalise

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

K1, B = 1.2, 0.75


def bm25_matrix(texts: Sequence[str]) -> tuple[csr_matrix, dict[str, int]]:
    """BM25 weights (words, texts), so that a row sum over a question's words is its score; and the vocabulary."""
    from scipy.sparse import csr_matrix

    counts = [Counter(WORD.findall(text.lower())) for text in texts]
    vocabulary: dict[str, int] = {}
    for count in counts:
        for word in count:
            vocabulary.setdefault(word, len(vocabulary))
    spread = Counter(word for count in counts for word in count)
    mean = sum(sum(count.values()) for count in counts) / len(counts)
    rows, columns, values = [], [], []
    for place, count in enumerate(counts):
        damp = K1 * (1 - B + B * sum(count.values()) / mean)
        for word, times in count.items():
            idf = math.log(1 + (len(texts) - spread[word] + 0.5) / (spread[word] + 0.5))
            rows.append(vocabulary[word])
            columns.append(place)
            values.append(idf * times * (K1 + 1) / (times + damp))
    shape = (len(vocabulary), len(texts))
    return csr_matrix((np.array(values, dtype=np.float32), (rows, columns)), shape=shape), vocabulary


def _scaled(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = scores.min(1, keepdims=True), scores.max(1, keepdims=True)
    scaled: NDArray[np.float32] = (scores - low) / np.maximum(high - low, 1e-6)
    return scaled


def mine(
    questions: Sequence[str],
    answers: Sequence[Sequence[str]],
    own: Sequence[int],
    paragraphs: Sequence[str],
    question_vectors: NDArray[np.float32],
    paragraph_vectors: NDArray[np.float32],
    rng: random.Random,
    depth: int = 10,
    keep: int = 4,
) -> list[list[int]]:
    """For each question, up to ``keep`` wrong paragraphs drawn from its ``depth`` best.

    Args:
        own: the paragraph each question was written about, never taken.
        question_vectors, paragraph_vectors: unit rows.
    """
    from scipy.sparse import csr_matrix

    matrix, vocabulary = bm25_matrix(paragraphs)
    plain = [normalise(paragraph) for paragraph in paragraphs]
    found: list[list[int]] = []
    for begin in range(0, len(questions), 512):
        block = range(begin, min(begin + 512, len(questions)))
        rows, columns = [], []
        for row, place in enumerate(block):
            known = [
                vocabulary[word] for word in WORD.findall(questions[place].lower()) if word in vocabulary
            ]
            rows += [row] * len(known)
            columns += known
        asked = csr_matrix(
            (np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(block), len(vocabulary))
        )
        lexical = np.asarray((asked @ matrix).todense())
        dense = question_vectors[begin : block.stop] @ paragraph_vectors.T
        scores = _scaled(lexical) + _scaled(dense)
        best = np.argpartition(-scores, depth * 3, axis=1)[:, : depth * 3]
        for row, place in enumerate(block):
            ranked = best[row][np.argsort(-scores[row, best[row]])]
            forms = [form for form in (normalise(answer) for answer in answers[place]) if form.strip()]
            wrong = [
                int(other)
                for other in ranked
                if other != own[place] and not any(form in plain[other] for form in forms)
            ][:depth]
            found.append(rng.sample(wrong, min(keep, len(wrong))))
    return found
