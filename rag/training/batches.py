"""Examples become batches: tokenised once, windows cut to the model's length, drawn by a mix, sorted by length.

A batch is cut by its number of tokens, so that short pairs come in larger batches and little is spent on padding.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.training.edits import sentences
from rag.training.examples import Example

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

CLS, SEP = 101, 102
MAX_LENGTH, MAX_FIRST = 256, 80
NO_TARGET = -100
POOL = 24  # batches that are drawn and sorted by length together
SHORTER = 0.5  # share of question pairs cut to a shorter window: more pairs for the same time


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's word pieces and where each stands in it."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenised pair with its targets; ``start`` and ``end`` are token places, `NO_TARGET` where none.

    Attributes:
        answering: for each token of ``ids``, whether its sentence answers; None where that is not known.
    """

    ids: list[int]
    first_length: int
    start: int
    end: int
    evidence: float
    support: tuple[int, ...]
    answering: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded tensors (B, T) and targets (B,); where there is no target, evidence is nan and the support row zero.

    Attributes:
        answering: (B, T), 1 where the token's sentence answers, 0 where not, nan where unknown or not of the passage.
    """

    ids: torch.Tensor
    segments: torch.Tensor
    mask: torch.Tensor
    start: torch.Tensor
    end: torch.Tensor
    evidence: torch.Tensor
    support: torch.Tensor
    answering: torch.Tensor


def tokenise(texts: Sequence[str], tokenizer: Tokenizer) -> dict[str, Tokens]:
    """Word pieces of each distinct text, without special tokens."""
    distinct = sorted(set(texts))
    found = {}
    for begin in range(0, len(distinct), 2000):
        part = distinct[begin : begin + 2000]
        for text, encoding in zip(part, tokenizer.encode_batch(part, add_special_tokens=False), strict=True):
            offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            ids = np.array(encoding.ids, dtype=np.int32)
            found[text] = Tokens(ids, offsets[:, 0].copy(), offsets[:, 1].copy())
    return found


def make_row(example: Example, first: Tokens, second: Tokens, rng: random.Random) -> Row:
    """Put a pair together; a passage that is too long is cut to a window, around one answer where there is one."""
    question = first.ids[:MAX_FIRST].tolist()
    if example.spans and question and question[-1] == 1029 and rng.random() < 0.15:
        question = question[:-1]  # people leave the question mark out
    length = MAX_LENGTH
    if not example.support and rng.random() < SHORTER:  # a claim's proof may stand anywhere: never cut those
        length = rng.randint(112, 192)
    room = length - 3 - len(question)
    total = len(second.ids)
    target: tuple[int, int] | None = None
    if example.spans:
        start, end = example.spans[0] if len(example.spans) == 1 else rng.choice(example.spans)
        begin_token = int(np.searchsorted(second.ends, start, side="right"))
        end_token = int(np.searchsorted(second.starts, end, side="left")) - 1
        if begin_token <= end_token < total:
            target = (begin_token, end_token)
    low = 0
    if total > room:
        if target is not None and target[1] - target[0] < room:
            low = rng.randint(max(0, target[1] - room + 1), min(target[0], total - room))
        else:
            low = rng.randint(0, total - room)
    ids = [CLS, *question, SEP, *second.ids[low : low + room].tolist(), SEP]
    shift = len(question) + 2 - low
    start = end = NO_TARGET
    if target is not None:
        start, end = target[0] + shift, target[1] + shift
        if start < len(question) + 2 or end >= len(ids) - 1:
            start = end = NO_TARGET  # an answer longer than the window is cut by it
    elif example.no_answer:
        start = end = 0
    evidence = float("nan") if example.evidence is None else float(example.evidence)
    answering: NDArray[np.bool_] | None = None
    marks = sentences_that_answer(example)
    if marks is not None:
        answering = np.zeros(len(ids), dtype=bool)
        for begin, stop in marks:
            tokens = (second.starts[low : low + room] >= begin) & (second.starts[low : low + room] < stop)
            answering[len(question) + 2 : -1] |= tokens
    return Row(ids, len(question) + 2, start, end, evidence, example.support, answering)


def sentences_that_answer(example: Example) -> tuple[tuple[int, int], ...] | None:
    """The sentences (start, end) of the passage that answer; None where the example does not tell, as with claims."""
    if example.answering is not None:
        return example.answering
    if example.spans:
        return tuple(
            (begin, stop)
            for begin, stop in sentences(example.second)
            if any(begin < end and start < stop for start, end in example.spans)
        )
    return () if example.no_answer or example.evidence == 0 else None


def collate(rows: Sequence[Row]) -> Batch:
    """Pad rows to the longest."""
    import torch

    width = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    segments, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    support = torch.zeros(len(rows), 3)
    answering = torch.full((len(rows), width), float("nan"))
    for place, row in enumerate(rows):
        length = len(row.ids)
        ids[place, :length] = torch.tensor(row.ids)
        segments[place, row.first_length : length] = 1
        mask[place, :length] = 1
        for label in row.support:
            support[place, label] = 1
        if row.answering is not None:
            passage = slice(row.first_length, length - 1)
            answering[place, passage] = torch.from_numpy(row.answering[passage]).float()
    return Batch(
        ids,
        segments,
        mask,
        torch.tensor([row.start for row in rows]),
        torch.tensor([row.end for row in rows]),
        torch.tensor([row.evidence for row in rows]),
        support,
        answering,
    )


class Mixture:
    """Draws batches from groups of examples by weight; each group is gone through in a new random order every time.

    Args:
        examples: all groups together.
        seed: fixes every draw; the state is carried by `state` and `restore`.
    """

    def __init__(self, examples: Sequence[Example], tokenizer: Tokenizer, seed: int) -> None:
        self.groups: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            self.groups[example.group].append(example)
        self.tokens = tokenise([text for e in examples for text in (e.first, e.second)], tokenizer)
        self.rng = random.Random(seed)
        self.queues: dict[str, list[int]] = {}

    def _next(self, group: str) -> Example:
        queue = self.queues.get(group)
        if not queue:
            queue = list(range(len(self.groups[group])))
            self.rng.shuffle(queue)
            self.queues[group] = queue
        return self.groups[group][queue.pop()]

    def row(self, example: Example) -> Row:
        """Tokens and targets of one example, its window drawn anew."""
        return make_row(example, self.tokens[example.first], self.tokens[example.second], self.rng)

    def pool(self, weights: Mapping[str, float], tokens_per_batch: int, rows_per_batch: int) -> list[Batch]:
        """About `POOL` batches drawn by ``weights`` (of groups that have examples), sorted inside, shuffled."""
        names = [name for name in weights if self.groups.get(name)]
        drawn = self.rng.choices(names, [weights[name] for name in names], k=rows_per_batch * POOL)
        rows = sorted((self.row(self._next(name)) for name in drawn), key=lambda row: len(row.ids))
        batches = [collate(part) for part in cut(rows, tokens_per_batch, rows_per_batch)]
        self.rng.shuffle(batches)
        return batches

    def state(self) -> dict[str, object]:
        """What `restore` needs to go on as if nothing had happened (at a pool's boundary)."""
        return {
            "rng": self.rng.getstate(),
            "queues": {name: list(queue) for name, queue in self.queues.items()},
        }

    def restore(self, state: dict[str, object]) -> None:
        """Take up where `state` was taken."""
        self.rng.setstate(state["rng"])  # type: ignore[arg-type]  # came from getstate
        self.queues = dict(state["queues"])  # type: ignore[call-overload]  # came from state


def cut(rows: Sequence[Row], tokens_per_batch: int, rows_per_batch: int) -> Iterator[list[Row]]:
    """Cut rows sorted by length into batches of at most so many padded tokens and rows."""
    part: list[Row] = []
    for row in rows:
        if part and (len(part) >= rows_per_batch or len(row.ids) * (len(part) + 1) > tokens_per_batch):
            yield part
            part = []
        part.append(row)
    if part:
        yield part
