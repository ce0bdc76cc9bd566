"""all-MiniLM-L6-v2 run by ONNX Runtime: starts in a tenth of a second, and needs no torch.

Passages are sorted by length and run in small batches, one per core at a time, each on a single thread: on
CPUs this beats spreading every operator over all cores, since nothing waits for the slowest thread and a
batch's activations stay in the core's own cache.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models import weights
from rag.models.encoder import Encoded, Passage
from rag.models.pooling import batches_by_length, pool_sentences, unit
from rag.settings import DEFAULT_ENCODER

EXPORT_VERSION = 1  # raise when the graph or the pooling changes what comes out: indexes must then be rebuilt
LAYOUT_VERSION = 2  # raise when the graph computes the same in another way: only the cached file is made anew
WINDOW = 256  # what the checkpoint was trained and published with, two specials included
DIMENSION = 384
HEADS = 12
NORM_EPSILON = 1e-12

CLS, SEP = 101, 102  # of the vocabulary whose sha256 is checked

# word pieces in a batch, padding included: measured fastest between 320 and 640 with 2 MB of cache to a core
BATCH_TOKENS = 512
# texts tokenised and sorted together: enough for batches of even length, few enough to stay small in memory
SLAB = 2048


class OnnxEncoder:
    """The built-in encoder.

    A text longer than the window is not cut: it is split into runs of word pieces that fit, and its vector is
    the mean over the tokens of all of them. (Chunks never need this; a pasted-in question may.)

    Instances may be used from several threads at once.
    """

    name = DEFAULT_ENCODER
    window = WINDOW
    dimension = DIMENSION
    fingerprint = hashlib.sha256(
        f"{weights.WEIGHTS_SHA256} {weights.TOKENIZER_SHA256} bert-graph-{EXPORT_VERSION} window {WINDOW} "
        "mean over tokens, unit length; sentences pooled from the passage".encode()
    ).hexdigest()[:32]

    def __init__(self, threads: int | None = None) -> None:
        """Args: threads: batches run at a time; by default one for each core this process may use."""
        self._threads = threads or usable_cores()
        self._lock = threading.Lock()
        self._loaded_tokenizer: Any = None
        self._loaded_session: Any = None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text, without specials."""
        return [len(encoding) for encoding in self._tokenise(list(texts))]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) unit rows, in the order given."""
        rows = np.empty((len(texts), DIMENSION), dtype=np.float32)

        def keep(
            position: int, encoding: Any, tokens: NDArray[np.float32], vector: NDArray[np.float32]
        ) -> None:
            rows[position] = vector

        for _ in self._run(list(texts), keep):
            pass
        return rows

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        """One Encoded for each passage, in the order given; ``progress`` hears how many are newly done."""
        results: dict[int, Encoded] = {}

        def keep(
            position: int, encoding: Any, tokens: NDArray[np.float32], vector: NDArray[np.float32]
        ) -> None:
            starts = np.fromiter((start for start, _ in encoding.offsets), np.int64, len(encoding))
            results[position] = pool_sentences(passages[position], starts, tokens, vector)

        for done in self._run([passage.prefix + passage.text for passage in passages], keep):
            if progress is not None:
                progress(done)
        return [results[position] for position in range(len(passages))]

    def _run(
        self,
        texts: list[str],
        keep: Callable[[int, Any, NDArray[np.float32], NDArray[np.float32]], None],
    ) -> Iterator[int]:
        """Encode all texts; yield, as batches finish, how many each held.

        ``keep`` is called once per text, on any thread, with its position, its encoding, its tokens' vectors
        (n, d) without specials, and its own unit vector.
        """
        session = self._session()
        for base in range(0, len(texts), SLAB):
            slab = texts[base : base + SLAB]
            encodings = self._tokenise(slab)
            sizes = [len(_runs(len(encoding))) * min(len(encoding) + 2, WINDOW) for encoding in encodings]

            def run(batch: list[int], base: int = base, encodings: list[Any] = encodings) -> int:
                rows = [(p, first, last) for p in batch for first, last in _runs(len(encodings[p]))]
                hidden, lengths = self._forward(session, [encodings[p].ids[a:b] for p, a, b in rows])
                row = 0
                for position in batch:
                    mine = range(row, row + len(_runs(len(encodings[position]))))
                    row = mine.stop
                    total = np.sum([hidden[r, : lengths[r]].sum(axis=0) for r in mine], axis=0)
                    tokens = np.concatenate([hidden[r, 1 : lengths[r] - 1] for r in mine])
                    keep(base + position, encodings[position], tokens, unit(total))
                return len(batch)

            yield from _spread(run, batches_by_length(sizes, BATCH_TOKENS), self._threads)

    @staticmethod
    def _forward(session: Any, rows: list[list[int]]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Token vectors (batch, tokens, d) of pieces put between [CLS] and [SEP], and each row's length."""
        lengths = np.array([len(row) + 2 for row in rows], dtype=np.int32)
        ids = np.zeros((len(rows), int(lengths.max())), dtype=np.int32)
        for row, pieces in enumerate(rows):
            ids[row, 0] = CLS
            ids[row, 1 : len(pieces) + 1] = pieces
            ids[row, len(pieces) + 1] = SEP
        (hidden,) = session.run(None, {"input_ids": ids, "lengths": lengths})
        return hidden, lengths

    def _tokenise(self, texts: list[str]) -> list[Any]:
        with self._lock:
            if self._loaded_tokenizer is None:
                self._loaded_tokenizer = _load_tokenizer()
        # half a surrogate pair, which no encoding knows, becomes one question mark, so that offsets stay
        texts = [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in texts]
        encodings: list[Any] = self._loaded_tokenizer.encode_batch(texts, add_special_tokens=False)
        return encodings

    def _session(self) -> Any:
        with self._lock:
            if self._loaded_session is None:
                self._loaded_session = _load_session(self.fingerprint)
        return self._loaded_session


def usable_cores() -> int:
    """Cores this process may run on, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _runs(pieces: int) -> list[tuple[int, int]]:
    """Spans of word pieces that fit the window beside two specials; one empty span for a text without any."""
    size = WINDOW - 2
    return [(first, min(first + size, pieces)) for first in range(0, max(pieces, 1), size)]


def _spread(run: Callable[[list[int]], int], batches: list[list[int]], threads: int) -> Iterator[int]:
    """Run batches on a few threads (ONNX Runtime releases the GIL); a lone batch runs on this one."""
    if len(batches) == 1 or threads == 1:
        for batch in batches:
            yield run(batch)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
    try:
        for future in as_completed([pool.submit(run, batch) for batch in batches]):
            yield future.result()
    finally:  # Ctrl-C must not wait for the whole queue
        pool.shutdown(wait=True, cancel_futures=True)


def _load_tokenizer() -> Any:
    from tokenizers import Tokenizer

    content = weights.read_checked(weights.packaged_folder() / "tokenizer.json", weights.TOKENIZER_SHA256)
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_truncation()  # the file asks for 128 pieces, padded; nothing is ever cut off here
    tokenizer.no_padding()
    return tokenizer


def _build() -> Any:
    from safetensors.numpy import load

    from rag.models.bert_graph import build_bert

    content = weights.read_checked(weights.packaged_folder() / "model.safetensors", weights.WEIGHTS_SHA256)
    return build_bert(load(content), HEADS, NORM_EPSILON)


def _load_session(fingerprint: str) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # batches run side by side instead; see the module's docstring
    options.inter_op_num_threads = 1
    # the graph is written in fused operators already: looking for more to fuse only costs start-up time
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3  # errors only; they are raised as well
    model = weights.cached_onnx(f"{fingerprint}-{LAYOUT_VERSION}", _build)
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )
    except (
        states.Fail,
        states.InvalidArgument,
        states.InvalidGraph,
        states.InvalidProtobuf,
        states.NoSuchFile,
        states.RuntimeException,
    ) as error:
        raise ModelError(
            f"ONNX Runtime cannot load the encoder from {weights.cache_folder()}: {error}; next step: remove "
            "that folder, it is made again"
        ) from error
