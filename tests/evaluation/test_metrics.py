from __future__ import annotations

from collections.abc import Callable

import ir_measures
import pytest

from rag.evaluation.metrics import Outcome, holds, is_source, judge, normalise, summarise
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


@pytest.fixture
def outcomes(question: MakeQuestion, answer: MakeAnswer, hit: MakeHit) -> list[Outcome]:
    """Ten answerable (7 right, of those 6 from the right source; 2 refused) and five that are not (3 refused)."""
    evidence = {1: 5, 2: 2, 4: 1, 5: 1}  # rank -> questions; one has none
    ranks = [rank for rank, times in evidence.items() for _ in range(times)] + [None]
    made = []
    for number, rank in enumerate(ranks):
        asked = question(id=f"a{number}", kind="fact" if number < 6 else "why")
        hits = [hit(place, "009_x.txt", "…") for place in range(1, 6)]
        if rank is not None:
            hits[rank - 1] = hit(rank, "001_x.txt", "Nissan.")
        if number < 7:
            said = answer("Nissan.", "009_x.txt" if number == 6 else "001_x.txt")
        elif number == 7:
            said = answer("Honda.", "001_x.txt")
        else:
            said = answer("Not in these articles.", verdict="not_found")
        made.append(judge(asked, said, hits, 10.0 * (number + 1)))
    for number in range(5):
        asked = question(id=f"n{number}", kind="fact", answerable=False, near_miss=number < 4)
        refused = number >= 2
        said = answer("No.", verdict="not_found") if refused else answer("Yes.", "001_x.txt")
        made.append(judge(asked, said, (), 1000.0))
    return made


def test_the_shares_count_what_they_say(outcomes: list[Outcome]) -> None:
    summary = summarise(outcomes)

    def counts(name: str) -> tuple[int, int]:
        share = getattr(summary, name)
        return share.count, share.total

    assert counts("right") == (7, 10)
    assert counts("source_cited") == (6, 7)
    assert counts("refusal_precision") == (3, 5)
    assert counts("refusal_recall") == (3, 5)
    assert counts("near_miss_recall") == (2, 4)
    assert counts("wrongly_refused") == (2, 10)
    assert summary.right.value == pytest.approx(0.7)
    assert {k: (s.count, s.total) for k, s in summary.evidence_recall.items()} == {
        1: (5, 10),
        3: (7, 10),
        5: (9, 10),
    }
    assert summary.median_ms == 80.0
    assert summary.statements == 1.0
    assert summary.verdicts == {
        (True, "answered"): 8,
        (True, "not_found"): 2,
        (False, "answered"): 2,
        (False, "not_found"): 3,
    }
    assert [(row.kind, row.answerable, row.right, row.unanswerable) for row in summary.kinds] == [
        ("fact", 6, 6, 5),
        ("why", 4, 1, 0),
    ]


def test_evidence_recall_is_success_at_k_of_ir_measures(outcomes: list[Outcome]) -> None:
    answerable = [outcome for outcome in outcomes if outcome.question.answerable]
    qrels = [ir_measures.Qrel(outcome.question.id, "evidence", 1) for outcome in answerable]
    run = [
        ir_measures.ScoredDoc(
            outcome.question.id, "evidence" if place == outcome.evidence_rank else f"other{place}", 1 / place
        )
        for outcome in answerable
        for place in range(1, 6)
    ]
    measures = [ir_measures.parse_measure(f"Success@{k}") for k in (1, 3, 5)]
    theirs = ir_measures.calc_aggregate(measures, qrels, run)
    ours = summarise(outcomes).evidence_recall
    assert [ours[k].value for k in (1, 3, 5)] == pytest.approx([theirs[measure] for measure in measures])


def test_intervals_hold_the_share_repeat_with_the_seed_and_narrow_with_more(outcomes: list[Outcome]) -> None:
    few, again, many = summarise(outcomes), summarise(outcomes), summarise(outcomes * 20)
    assert few == again
    assert few.right != summarise(outcomes, seed=1).right
    for share in (few.right, many.right):
        assert share.low is not None and share.high is not None and share.value is not None
        assert share.low < share.value < share.high
    # the binomial's own standard error, 1.96 * sqrt(.7 * .3 / 200), within a tenth
    assert many.right.high is not None and many.right.low is not None
    assert (many.right.high - many.right.low) / 2 == pytest.approx(0.0635, rel=0.1)


def test_nothing_to_divide_by(question: MakeQuestion, answer: MakeAnswer) -> None:
    summary = summarise([judge(question(), answer("Nissan.", "001_x.txt"), (), 1.0)])
    assert summary.refusal_recall.value is None and summary.refusal_recall.low is None
    assert summary.refusal_precision.total == 0
    with pytest.raises(ValueError, match="no outcomes"):
        summarise([])
