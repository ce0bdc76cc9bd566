from __future__ import annotations

from collections.abc import Callable

import ir_measures
import pytest

from rag.evaluation.metrics import Outcome, judge
from rag.evaluation.questions import Question
from rag.evaluation.summary import summarise
from rag.types import Answer, Hit

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]


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


def test_graded_values_are_means_over_those_that_have_one(question: MakeQuestion, answer: MakeAnswer) -> None:
    asked = [question(id=f"a{n}", expected=(), answers=("the red car",), sources=()) for n in range(2)]
    said = [answer("Red car.", "001_a.txt"), answer("A blue car.", "001_a.txt")]
    judged = [judge(one, reply, (), 1.0) for one, reply in zip(asked, said, strict=True)]
    judged.append(judge(question(id="n", answerable=False), answer("No.", verdict="not_found"), (), 1.0))
    summary = summarise(judged)
    assert (summary.f1.value, summary.f1.total) == (pytest.approx((1.0 + 0.5 + 1.0) / 3), 3)
    assert (summary.f1_answerable.value, summary.f1_answerable.total) == (pytest.approx(0.75), 2)
    assert summary.exact_answerable.count == 1


def test_refusals_alone_make_no_short_answer_score(outcomes: list[Outcome]) -> None:
    summary = summarise(outcomes)
    assert summary.f1.value is None and summary.exact.total == 0


def test_questions_of_unknown_truth_are_counted_apart(question: MakeQuestion, answer: MakeAnswer) -> None:
    refused = judge(question(answerable=None), answer("No.", verdict="not_found"), (), 1.0)
    summary = summarise([refused])
    assert summary.verdicts == {(None, "not_found"): 1}
    assert summary.refusal_precision.total == 0
    assert (summary.kinds[0].answerable, summary.kinds[0].unanswerable) == (0, 0)
