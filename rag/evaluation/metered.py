"""What a language model was given to read and what it wrote, and what that costs: asked of every run with a model.

Tokens are counted by tiktoken (cl100k_base), as prompts are budgeted. A provider counts with the model's own tokenizer
and adds its own framing, so these are estimates; prices are the caller's, since a table of them would be out of date.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rag.answering.generators.protocol import Generator, Prompt
from rag.answering.generators.tokens import count_tokens
from rag.errors import InputError


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of all requests for one question: ``read`` in prompts, ``written`` in answers."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in whatever currency the caller thinks in."""

    read: float
    written: float

    @classmethod
    def parse(cls, text: str) -> Price:
        """Read ``"0.15,0.60"``.

        Raises:
            InputError: these are not two numbers.
        """
        try:
            read, written = (float(part) for part in text.split(","))
        except ValueError:
            raise InputError(
                f"the price {text!r} is not two numbers; give what a million tokens cost, read and written: 0.15,0.60"
            ) from None
        if read < 0 or written < 0:
            raise InputError(f"the price {text!r} is below nothing; give two numbers from 0 up")
        return cls(read, written)

    def of(self, usage: Usage) -> float:
        """What that costs."""
        return (usage.read * self.read + usage.written * self.written) / 1e6


class Metered:
    """A generator that keeps what it was told and what it said; handed to the engine in the generator's place.

    Words that come after the engine has stopped listening are not seen; a provider may charge for a few of them.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.name, self.window, self.most_tokens = generator.name, generator.window, generator.most_tokens
        self._read: list[str] = []
        self._written: list[str] = []
        self._guard = threading.Lock()

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        """As the generator itself."""
        with self._guard:
            self._read += [prompt.system, prompt.user]
        said: list[str] = []
        try:
            for token in self.generator.stream(prompt, most_tokens):
                said.append(token)
                yield token
        finally:
            with self._guard:
                self._written.append("".join(said))

    def taken(self) -> Usage:
        """What was used since the last call; counted here, so that no answer waits for it."""
        with self._guard:
            read, written = self._read, self._written
            self._read, self._written = [], []
        return Usage(sum(map(count_tokens, read)), sum(map(count_tokens, written)))


def total(answers: Iterable[Mapping[str, Any]]) -> Usage | None:
    """The sum over the recorded answers of a run; None where no model was there to use any."""
    known = [answer["tokens"] for answer in answers if "tokens" in answer]
    if not known:
        return None
    return Usage(sum(one["read"] for one in known), sum(one["written"] for one in known))
