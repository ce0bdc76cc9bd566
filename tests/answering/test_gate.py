from __future__ import annotations

import pytest

from rag.answering.evidence import Material
from rag.answering.gate import Gate
from rag.answering.question import analyse
from rag.types import Document, Hit, ScoredSentence, Scores

ARTICLE = (
    "Nissan and Honda met in March 2024. Rivals such as Tesla did not. Honda president Toshihiro Mibe spoke."
)


def passes(
    question: str, passage: str = "Rivals such as Tesla did not.", published: str | None = None
) -> bool:
    start = ARTICLE.index(passage)
    sentence = ScoredSentence(start, start + len(passage), passage, 0.5)
    hit = Hit(1, 1.0, "a", "News", start, sentence.end, passage, Scores(0.5, 1.0, 0.5), (sentence,))
    material = Material([hit])
    analysis = material.corrected(analyse(question, material.names))
    gate = Gate(analysis, lambda path: Document(path, "News", ARTICLE, "0" * 64, published=published))
    return gate.passes(hit, material.passages[0])


@pytest.mark.parametrize(
    ("question", "answerable"),
    [
        ("Who runs Tesla?", True),
        ("Who runs Toyota?", False),
        ("What did Nissan do in 2024?", True),
        ("What did Nissan do in 2019?", False),
        ("Did Nissan or Toyota meet?", True),
        ("Which companies did Toyota and Honda meet?", True),
        ("What is said about Toyota Motor?", False),
        ("Who runs Tesal?", True),
        ("Who met?", True),
    ],
)
def test_names_and_numbers_must_be_in_the_article(question: str, answerable: bool) -> None:
    assert passes(question) is answerable


@pytest.mark.parametrize(
    ("question", "published", "answerable"),
    [
        ("What did Nissan do in August 2025?", None, False),
        ("What did Nissan do in August 2025?", "2025-08-19", True),
        ("What did Nissan do on August 18, 2025?", "2025-08-19", True),
        ("What did Nissan do on August 29, 2025?", "2025-08-19", False),
        ("What did Nissan do in June 2025?", "2025-08-19", False),
        ("What did Nissan do in August 2023?", "2025-08-19", False),
        ("What did Nissan do in August 2025?", "2025", False),
    ],
)
def test_the_day_of_publication_counts_as_said(
    question: str, published: str | None, answerable: bool
) -> None:
    assert passes(question, published=published) is answerable


@pytest.mark.parametrize(
    ("question", "answerable"),
    [
        ("Did Nissan and Honda meet in Osaka?", True),
        ("Did Nissan and Honda meet in the Hague?", True),
        ("Did they meet in Osaka?", False),
        ("Did Toyota and Honda meet in March?", False),
        ("Who of Nissan and Honda was in Osaka?", False),
    ],
)
def test_a_yes_or_no_may_ask_for_a_name_the_article_lacks(question: str, answerable: bool) -> None:
    assert passes(question) is answerable
