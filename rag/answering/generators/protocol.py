"""What a generator is: text in, tokens out, one kind of error when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from rag.errors import RagError


class GeneratorError(RagError):
    """A model that cannot be reached, refuses, takes too long or breaks off; the message says which, for a person."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told: who it is to be, and what it is asked."""

    system: str
    user: str


class Generator(Protocol):
    """Anything that writes.

    Attributes:
        name: as in the settings, e.g. ``ollama:llama3.2``.
        window: tokens that prompt and answer may have together.
        most_tokens: tokens an answer may have.

    One that has much to load at first use has ``is_ready`` too, see below.
    """

    name: str
    window: int
    most_tokens: int

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        """Yield the answer's tokens as they come.

        Raises:
            GeneratorError: nothing (more) will come.
        """
        ...


def is_ready(generator: Generator) -> bool:
    """Whether its first token will not have to wait for a library to be imported or a model to be loaded."""
    return bool(getattr(generator, "is_ready", True))
