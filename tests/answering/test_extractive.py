from __future__ import annotations

import re

from rag.answering.evidence import Evidence
from rag.answering.extractive import compose, readable
from rag.answering.question import analyse
from rag.chunking.sentences import split_sentences
from rag.types import Document, Hit, ScoredSentence, Scores

PLAN = (
    "The two firms met in Tokyo. They signed a plan:\n\n"
    "  1. A small car with an electric option.\n"
    "  2. A large sedan for America.\n\n"
    "Nothing else was said. A third car may follow later."
)
ECHO = "Elsewhere it rained. In Tokyo the two firms met. They left by train."


def hit(path: str, text: str, rank: int = 1) -> Hit:
    sentences = tuple(
        ScoredSentence(span.start, span.end, text[span.start : span.end], 0.5)
        for span in split_sentences(text)
    )
    return Hit(rank, 1.0, path, path, 0, len(text), text, Scores(0.5, 1.0, 0.5), sentences)


def evidence(found: Hit, **probabilities: float) -> list[Evidence]:
    """Evidence for each sentence: the probability of the keyword it starts with, else 0.01."""
    scored = [
        Evidence(
            found,
            sentence,
            next(
                (value for key, value in probabilities.items() if key in re.findall(r"\w+", sentence.text)),
                0.01,
            ),
            (),
        )
        for sentence in found.sentences
    ]
    return sorted(scored, key=lambda item: -item.probability)


def composed(question: str, scored: list[Evidence]) -> list[str]:
    texts = {item.hit.path: item.hit.text for item in scored}
    drafts = compose(analyse(question), scored, lambda path: Document(path, path, texts[path], "0" * 64))
    for draft in drafts:
        for pointer in draft.pointers:
            assert pointer.document.text[pointer.start : pointer.end] == pointer.quote
    return [draft.text for draft in drafts]


def test_a_clear_fact_takes_one_sentence() -> None:
    scored = evidence(hit("a", PLAN), met=0.9, Nothing=0.3)
    assert composed("Where did they meet?", scored) == ["The two firms met in Tokyo."]


def test_two_candidates_nearly_as_likely_are_both_shown_in_reading_order() -> None:
    scored = evidence(hit("a", PLAN), Nothing=0.5, met=0.45)
    assert composed("Where did they meet?", scored) == [
        "The two firms met in Tokyo.",
        "Nothing else was said.",
    ]


def test_a_sentence_that_leans_back_brings_the_one_before_it() -> None:
    scored = evidence(hit("a", ECHO), left=0.9)
    assert composed("How did they leave?", scored) == ["In Tokyo the two firms met.", "They left by train."]


def test_a_list_comes_with_its_lead_in_and_all_its_items() -> None:
    lead_in = evidence(hit("a", PLAN), signed=0.9)
    texts = composed("What are the plans?", lead_in)
    assert [text[:2] for text in texts[-2:]] == ["1.", "2."]
    assert any(text.startswith("They signed a plan") for text in texts)

    item = evidence(hit("a", PLAN), sedan=0.9)
    assert [text[:2] for text in composed("What are the plans?", item)] == ["1.", "2."]


SERVICES = "They look into energy services. Chargers, storage and grids come under that head. Nobody signed. "


def test_a_list_that_the_next_sentence_gives_comes_with_it() -> None:
    scored = evidence(hit("a", SERVICES), look=0.9)
    assert composed("Which services are looked into?", scored)[-1].startswith("Chargers, storage and grids")
    assert composed("Who looks into energy services?", scored) == ["They look into energy services."]
    given = evidence(hit("a", SERVICES), Chargers=0.9)
    assert composed("Which services are looked into?", given) == [
        "Chargers, storage and grids come under that head."
    ]
    apart = evidence(hit("a", SERVICES.replace(" Chargers", "\n\nChargers")), look=0.9)
    assert composed("Which services are looked into?", apart) == ["They look into energy services."]


def test_the_same_fact_in_two_articles_is_one_statement_with_two_citations() -> None:
    first, second = hit("a", PLAN), hit("b", ECHO, rank=2)
    scored = sorted(
        [*evidence(first, met=0.9), *evidence(second, met=0.8)], key=lambda item: -item.probability
    )
    texts = {"a": PLAN, "b": ECHO}
    drafts = compose(
        analyse("Where did they meet?"), scored, lambda path: Document(path, path, texts[path], "0" * 64)
    )
    assert [pointer.document.path for pointer in drafts[0].pointers] == ["a", "b"]
    assert len(drafts) == 1


def test_a_comparison_lets_each_article_speak_once() -> None:
    scored = sorted(
        [*evidence(hit("a", PLAN), met=0.9, Nothing=0.8), *evidence(hit("b", ECHO, 2), rained=0.5)],
        key=lambda item: -item.probability,
    )
    assert composed("How do the articles differ?", scored) == [
        "The two firms met in Tokyo.",
        "Elsewhere it rained.",
    ]


def test_line_breaks_are_smoothed_in_the_statement_only() -> None:
    assert readable(" a\n  b ") == "a b"
