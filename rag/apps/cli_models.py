"""``rag models``: which models are configured and whether each works; the language model is tried with one token."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.errors import RagError

if TYPE_CHECKING:
    from rich.console import Console

    from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying one model.

    Attributes:
        role: encoder, reader or generator.
        name: as in the settings.
        works: whether it did what it is for; None when there is nothing to try.
        detail: what it said, or what went wrong and the next step.
        seconds: how long the first use took, loading included.
    """

    role: str
    name: str
    works: bool | None
    detail: str
    seconds: float = 0.0


def trials(settings: Settings) -> list[Trial]:
    """Try every configured model once; the generator that answers by default before those one can choose."""
    from rag.apps.language_models import configured

    return [
        _tried("encoder", settings.encoder, lambda: _encoder(settings)),
        _tried("reader", settings.reader, lambda: _reader(settings)),
        _tried("generator", settings.generator, lambda: _generator(settings)),
        *(
            _tried("generator", one.generator, functools.partial(_generator, one))
            for one in configured(settings)
            if one is not settings
        ),
    ]


def show(console: Console, found: list[Trial]) -> None:
    """Print what came of it, a line each."""
    from rich.text import Text

    from rag.apps.terminal import plain

    for trial in found:
        mark, style = {True: ("works", "green"), False: ("fails", "bold red"), None: ("-", "dim")}[
            trial.works
        ]
        line = Text(f"{trial.role:<10}", style="dim").append(f"{mark:<6}", style=style)
        line.append(plain(trial.name), style="bold")
        timed = f"  ({trial.seconds:.1f} s)" if trial.works and trial.seconds >= 0.05 else ""
        console.print(line.append(f"  {plain(trial.detail)}{timed}", style="default"))


def to_json(found: list[Trial]) -> dict[str, Any]:
    """What ``rag models --json`` prints."""
    return {
        "models": [
            {
                "role": trial.role,
                "name": trial.name,
                "works": trial.works,
                "detail": trial.detail,
                "seconds": round(trial.seconds, 3),
            }
            for trial in found
        ]
    }


def _tried(role: str, name: str, use: Callable[[], str | None]) -> Trial:
    started = time.perf_counter()
    try:
        detail = use()
    except RagError as error:
        return Trial(role, name, False, str(error))
    if detail is None:
        return Trial(role, name, None, "needs no model")
    return Trial(role, name, True, detail, time.perf_counter() - started)


def _encoder(settings: Settings) -> str:
    from rag.models.encoder import load_encoder

    encoder = load_encoder(settings.encoder)
    encoder.encode_queries(["one"])
    return f"{encoder.dimension} dimensions, {encoder.window} tokens"


def _reader(settings: Settings) -> str | None:
    from rag.models.reader import load_reader

    reader = load_reader(settings.reader)
    if reader is None:
        return None
    reader.support([("One.", "One.")])
    return "answers and judges support"


def _generator(settings: Settings) -> str | None:
    from rag.answering.generators.configured import load_generator
    from rag.answering.generators.protocol import GeneratorError, Prompt

    generator = load_generator(settings)
    if generator is None:
        return None
    said = "".join(generator.stream(Prompt("Answer with one word.", "Say: yes"), 1))
    if not said.strip():
        raise GeneratorError(f"{generator.name} was reached and said nothing; is it a chat model?")
    return f"said {said.strip()!r}"
