from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.evaluation.metrics import holds, is_source, judge, normalise
from rag.evaluation.questions import Question
from rag.types import Answer, Hit, Location

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("Mitsubishi Motors—34% owned by Nissan—said", "34 percent"),
        ("a stake of 34 per cent.", "34%"),
        ("It is non-binding.", "NON‑BINDING"),
        ("starting post-2028", "post 2028"),
        ("Japan’s second", "Japan's second"),
        ("“once in a century.", "once in a century"),
        ("founded in March\n  2025 [1][2].", "March 2025."),
        ("owned by Honda [1] and LG", "Honda and LG"),
    ],
)
def test_spellings_that_mean_the_same(text: str, wording: str) -> None:
    assert holds(text, [wording])


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("134% more", "34%"),
        ("1.34% more", "34%"),
        ("2,000 cars", "2"),
        ("3.4 million", "3"),
        ("the Chinese market", "China"),
        ("Hondas", "Honda"),
        ("the percentage of 34", "34%"),
    ],
)
def test_parts_of_words_and_numbers_do_not_count(text: str, wording: str) -> None:
    assert not holds(text, [wording])


def test_any_wording_is_enough_and_no_mark_survives() -> None:
    assert holds("Founded on 4 November [3].", ["Nov. 4", "4 November"])
    assert normalise("So it was [1]. And then [12].") == "so it was. and then."


def test_a_source_is_the_beginning_of_a_file_name_or_path() -> None:
    assert is_source("000_venture.txt", "000")
    assert is_source("2024/000_venture.txt", "000")
    assert is_source("2024/000_venture.txt", "2024/000")
    assert not is_source("2000_venture.txt", "000")


def test_all_facts_and_a_gold_source(question: MakeQuestion, answer: MakeAnswer) -> None:
    asked = question(expected=(("Dayz",), ("eK", "eK Wagon")), sources=("004", "001"))
    both = judge(asked, answer("The Dayz and the eK.", "004_kei.txt"), (), 1.0)
    assert both.right and both.source_cited and both.failure is None
    half = judge(asked, answer("The Dayz.", "004_kei.txt"), (), 1.0)
    assert half.facts == (True, False)
    assert half.right is False and half.failure == "missing: eK"
    elsewhere = judge(asked, answer("The Dayz and the eK.", "002_other.txt"), (), 1.0)
    assert elsewhere.right and elsewhere.source_cited is False
    assert elsewhere.failure == "right facts, wrong source"


def test_every_needed_source(question: MakeQuestion, answer: MakeAnswer) -> None:
    asked = question(sources=("001", "003"), sources_all=("001", "003"))
    assert judge(asked, answer("Nissan.", "001_a.txt"), (), 1.0).source_cited is False
    assert judge(asked, answer("Nissan.", "001_a.txt", "003_b.txt"), (), 1.0).source_cited is True


def test_a_set_without_sources_judges_none(question: MakeQuestion, answer: MakeAnswer) -> None:
    outcome = judge(question(sources=()), answer("Nissan.", "001_a.txt"), (), 1.0)
    assert outcome.source_cited is None and outcome.failure is None


def test_a_refusal_holds_no_fact(question: MakeQuestion, answer: MakeAnswer) -> None:
    refusal = answer("These articles do not say what Nissan owns.", verdict="not_found")
    wrong = judge(question(), refusal, (), 1.0)
    assert wrong.right is False and wrong.failure == "refused, though the articles say"
    unanswerable = question(answerable=False)
    assert judge(unanswerable, refusal, (), 1.0).failure is None
    invented = judge(unanswerable, answer("Nissan.", "001_a.txt", verdict="partial"), (), 1.0)
    assert invented.right is None and invented.failure == "answered, though the articles do not say"


def test_evidence_needs_the_document_and_the_words(
    question: MakeQuestion, answer: MakeAnswer, hit: MakeHit
) -> None:
    hits = (
        hit(1, "002_a.txt", "Nissan, but in another article."),
        hit(2, "001_b.txt", "The article, but other words."),
        hit(3, "001_b.txt", "Nissan owns it."),
    )
    assert judge(question(), answer("Nissan."), hits, 1.0).evidence_rank == 3
    assert judge(question(), answer("Nissan."), hits[:2], 1.0).evidence_rank is None


def test_evidence_in_a_collapsed_copy_counts(
    question: MakeQuestion, answer: MakeAnswer, hit: MakeHit
) -> None:
    copied = hit(1, "000_copy.txt", "Nissan owns it.")
    object.__setattr__(copied, "also_in", (Location("001_original.txt", "Title", 0, 15),))
    assert judge(question(), answer("Nissan."), (copied,), 1.0).evidence_rank == 1


def test_citations_against_the_gold_sources(question: MakeQuestion, answer: MakeAnswer) -> None:
    either = question(sources=("001", "002"))
    both = question(sources=("001", "002"), sources_all=("001", "002"))
    said = answer("Nissan.", "001_a.txt", "009_z.txt")
    one, all_of = judge(either, said, (), 1.0), judge(both, said, (), 1.0)
    assert (one.citation_precision, one.citation_recall) == (0.5, 1.0)
    assert (all_of.citation_precision, all_of.citation_recall) == (0.5, 0.5)
    refusal = judge(either, answer("No.", verdict="not_found"), (), 1.0)
    assert (refusal.citation_precision, refusal.citation_recall) == (None, None)


def test_short_answers_are_scored_where_the_set_gives_them(
    question: MakeQuestion, answer: MakeAnswer
) -> None:
    asked = question(expected=(), answers=("in March 2025", "March 2025"), sources=())
    said = answer("It is due in March 2025.", "001_a.txt")
    object.__setattr__(said, "short_answer", "March 2025")
    right = judge(asked, said, (), 1.0)
    assert (right.exact, right.f1, right.right, right.facts) == (1.0, 1.0, True, (True,))
    whole = judge(asked, answer("In March 2025.", "001_a.txt"), (), 1.0)
    assert (whole.exact, whole.f1) == (1.0, 1.0)  # no short answer: the text itself, without its marks
    assert judge(question(), said, (), 1.0).f1 is None
    unanswerable = question(answerable=False)
    assert judge(unanswerable, answer("No.", verdict="not_found"), (), 1.0).f1 == 1.0
    assert judge(unanswerable, said, (), 1.0).f1 == 0.0


def test_a_question_nobody_knows_the_truth_of_is_never_wrong(
    question: MakeQuestion, answer: MakeAnswer
) -> None:
    asked = question(answerable=None)
    for said in (answer("Nissan.", "001_a.txt"), answer("No.", verdict="not_found")):
        outcome = judge(asked, said, (), 1.0)
        assert (outcome.right, outcome.failure, outcome.f1) == (None, None, None)
