from __future__ import annotations

import math
import random

import pytest
from tokenizers import Tokenizer

from rag.training.batches import MAX_LENGTH, NO_TARGET, Mixture, collate, cut, make_row, tokenise
from rag.training.encoding import load_tokenizer
from rag.training.examples import Example

FILLING = "Wheat prices fell in autumn after a good harvest and several mills closed. "
ANSWER = "Harold Whitcombe"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer()


def example(before: int, after: int, **more: object) -> Example:
    text = FILLING * before + f"The engineer was {ANSWER}. " + FILLING * after
    start = text.index(ANSWER)
    fields: dict[str, object] = {"spans": ((start, start + len(ANSWER)),), "evidence": 1, **more}
    return Example("wiki", "Who was the engineer?", text, **fields)  # type: ignore[arg-type]  # fields vary by test


@pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 3), (0, 60), (60, 0), (40, 40)])
def test_the_target_is_the_answer_in_any_window(tokenizer: Tokenizer, before: int, after: int) -> None:
    made = example(before, after)
    tokens = tokenise([made.first, made.second], tokenizer)
    for seed in range(10):
        row = make_row(made, tokens[made.first], tokens[made.second], random.Random(seed))
        assert len(row.ids) <= MAX_LENGTH
        assert tokenizer.decode(row.ids[row.start : row.end + 1]) == ANSWER.lower()
        assert row.start >= row.first_length


def test_an_answer_longer_than_the_window_is_no_target(tokenizer: Tokenizer) -> None:
    made = example(0, 0)
    text = FILLING * 30
    made = Example("wiki", made.first, text, spans=((0, len(text) - 20),), evidence=1)
    tokens = tokenise([made.first, made.second], tokenizer)
    for seed in range(30):
        row = make_row(made, tokens[made.first], tokens[made.second], random.Random(seed))
        assert (row.start, row.end) == (NO_TARGET, NO_TARGET)


def test_no_answer_points_at_cls_and_claims_at_nothing(tokenizer: Tokenizer) -> None:
    nothing = example(1, 1, spans=(), no_answer=True, evidence=0)
    claim = example(1, 1, spans=(), evidence=None, support=(1, 2))
    tokens = tokenise([nothing.first, nothing.second], tokenizer)
    rng = random.Random(0)
    first, second = (make_row(e, tokens[e.first], tokens[e.second], rng) for e in (nothing, claim))
    assert (first.start, first.end, first.evidence) == (0, 0, 0.0)
    assert (second.start, second.end) == (NO_TARGET, NO_TARGET)
    assert math.isnan(second.evidence)
    batch = collate([first, second])
    assert batch.support.tolist() == [[0, 0, 0], [0, 1, 1]]
    assert batch.mask.sum(1).tolist() == [len(first.ids), len(second.ids)]
    assert batch.segments[0, : first.first_length].sum() == 0


def test_sentences_that_answer_are_marked_token_by_token(tokenizer: Tokenizer) -> None:
    by_span = example(2, 2)
    start = by_span.second.index("The engineer")
    given = example(2, 2, spans=(), answering=((0, len(FILLING) - 1),))
    nothing = example(1, 1, spans=(), no_answer=True, evidence=0)
    claim = example(1, 1, spans=(), evidence=None, support=(0,))
    made = (by_span, given, nothing, claim)
    tokens = tokenise([text for e in made for text in (e.first, e.second)], tokenizer)
    rng = random.Random(0)
    rows = [make_row(e, tokens[e.first], tokens[e.second], rng) for e in made]
    batch = collate(rows)
    marked = [
        tokenizer.decode([row.ids[place] for place in (values == 1).nonzero()[:, 0]])
        for row, values in zip(rows, batch.answering, strict=True)
    ]
    assert marked[0] == tokenizer.decode(
        tokenizer.encode(by_span.second[start : start + 34], add_special_tokens=False).ids
    )
    assert marked[1].startswith("wheat prices fell") and marked[1].count("wheat") == 1
    assert marked[2] == marked[3] == ""
    passage = slice(rows[2].first_length, len(rows[2].ids) - 1)
    assert (batch.answering[2, passage] == 0).all() and batch.answering[2, : passage.start].isnan().all()
    assert batch.answering[3].isnan().all()


def test_batches_keep_within_their_tokens(tokenizer: Tokenizer) -> None:
    examples = [example(n, 0) for n in range(20)]
    tokens = tokenise([text for e in examples for text in (e.first, e.second)], tokenizer)
    rows = sorted(
        (make_row(e, tokens[e.first], tokens[e.second], random.Random(1)) for e in examples),
        key=lambda row: len(row.ids),
    )
    parts = list(cut(rows, tokens_per_batch=600, rows_per_batch=5))
    assert [row for part in parts for row in part] == rows
    assert all(len(part) <= 5 for part in parts)
    assert all(len(part) == 1 or len(part) * max(len(r.ids) for r in part) <= 600 for part in parts)


def test_drawing_goes_on_where_it_stopped(tokenizer: Tokenizer) -> None:
    examples = [example(n % 7, n % 3) for n in range(30)] + [
        Example("mined", "Who?", FILLING * n, no_answer=True, evidence=0) for n in range(1, 9)
    ]
    weights = {"wiki": 2.0, "mined": 1.0, "absent": 5.0}
    one, other = Mixture(examples, tokenizer, seed=4), Mixture(examples, tokenizer, seed=99)
    one.pool(weights, 1000, 4)
    other.restore(one.state())
    for a, b in zip(one.pool(weights, 1000, 4), other.pool(weights, 1000, 4), strict=True):
        assert a.ids.equal(b.ids)
        assert a.start.equal(b.start)
