from __future__ import annotations

from collections.abc import Callable

from rag.evaluation.verification import verify
from rag.models.reader import load_reader
from rag.types import Answer, Citation, Statement

MakeAnswer = Callable[..., Answer]

SOURCE = "Toshihiro Mibe is the president of Honda and lives in Japan."


def stated(answer: MakeAnswer, *statements: tuple[str, tuple[str, ...]]) -> Answer:
    made = answer("x", "a.txt")
    parts = tuple(
        Statement(text, tuple(Citation(n, "a.txt", "T", 0, len(q), q, 1.0) for n, q in enumerate(quotes, 1)))
        for text, quotes in statements
    )
    object.__setattr__(made, "statements", parts)
    return made


def test_what_is_copied_needs_no_model(answer: MakeAnswer) -> None:
    assert verify(stated(answer, (SOURCE, (SOURCE,))), None) == (1.0, 1.0)


def test_what_is_not_copied_cannot_be_checked_without_a_model(answer: MakeAnswer) -> None:
    assert verify(stated(answer, ("Mibe leads Honda.", (SOURCE,))), None) == (None, None)
    assert verify(answer("No.", verdict="not_found"), None) == (None, None)


def test_the_reader_tells_support_from_none(answer: MakeAnswer) -> None:
    reader = load_reader("auto")
    made = stated(
        answer,
        ("Toshihiro Mibe is Honda's president.", (SOURCE, "Bread is baked in ovens.")),
        ("Toshihiro Mibe is the president of Toyota.", ("Bread is baked in ovens.",)),
    )
    assert verify(made, reader) == (0.5, 1 / 3)
