"""The Encoder seam: text becomes unit vectors; and the one place that turns a setting into an Encoder.

A passage is encoded once, together with its title prefix. Its vector is the mean over all its tokens; each
sentence's vector is the mean over that sentence's tokens from the same forward pass (late chunking), so that
answering compares the question with every sentence without running the model again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.settings import DEFAULT_ENCODER
from rag.types import Sentence


@dataclass(frozen=True, slots=True)
class Passage:
    """What is encoded: ``prefix + text``; sentence offsets count from the start of ``text``."""

    prefix: str
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A passage's vectors.

    Attributes:
        vector: (d,), unit length.
        sentence_vectors: (number of sentences, d), unit rows, half precision to halve what is stored.
    """

    vector: NDArray[np.float32]
    sentence_vectors: NDArray[np.float16]


class Encoder(Protocol):
    """Text -> unit vector.

    ``window`` is the most word pieces one forward pass sees, two specials included; ``fingerprint`` changes
    whenever the vectors would.
    """

    @property
    def name(self) -> str:
        """As the user would name it in the settings."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash over weights and everything else that shapes the vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def window(self) -> int:
        """Word pieces that fit, two specials included."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text, without specials."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) unit rows, in the order given."""
        ...

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        """One Encoded for each passage, in the order given; ``progress`` hears how many are newly done."""
        ...


def load_encoder(name: str) -> Encoder:
    """The encoder of that name: the built-in one, or any sentence-transformers model name or folder.

    Cheap: weights are loaded at first use.

    Raises:
        ModelError: the model is not on this machine.
    """
    if name == DEFAULT_ENCODER:
        from rag.models.onnx_encoder import OnnxEncoder

        return OnnxEncoder()
    from rag.models.st_encoder import SentenceTransformersEncoder

    return SentenceTransformersEncoder(name)
