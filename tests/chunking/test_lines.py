"""Blocks: which line breaks carry meaning, in text by the paragraph and in text wrapped at a width."""

from __future__ import annotations

import pytest

from rag.chunking.lines import split_blocks

WRAPPED = (
    "The Agricultural Stabilization and\nConservation Service has set these values for commodities that\n"
    "are offered from government stocks, effective through the next\nbusiness day."
)


def blocks(text: str) -> list[str]:
    return [text[block.start : block.end] for block in split_blocks(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "A headline\nA paragraph.\nAnother.", ["A headline", "A paragraph.", "Another."], id="lines"
        ),
        pytest.param(WRAPPED, [WRAPPED], id="wrapped"),
        pytest.param(f"{WRAPPED}\n\n{WRAPPED}", [WRAPPED, WRAPPED], id="wrapped-paragraphs"),
        pytest.param(
            f"{WRAPPED}\nFigures\n{WRAPPED}", [WRAPPED, "Figures", WRAPPED], id="heading-in-wrapped"
        ),
        pytest.param(
            f"{WRAPPED}\nWheat   2.55   2.40\nCorn    1.35   1.92",
            [WRAPPED, "Wheat   2.55   2.40", "Corn    1.35   1.92"],
            id="table-in-wrapped",
        ),
        pytest.param(
            "- one\n- two\n  and more\n- three", ["- one", "- two\n  and more", "- three"], id="list"
        ),
        pytest.param("# Head\nbody goes on", ["# Head", "body goes on"], id="heading"),
        pytest.param("Head\n====\nBody.", ["Head", "====", "Body."], id="underlined-heading"),
        pytest.param("One.\n\n* * *\n\nTwo.", ["One.", "* * *", "Two."], id="rule"),
        pytest.param("  \n\n ", [], id="nothing"),
    ],
)
def test_blocks(text: str, expected: list[str]) -> None:
    assert blocks(text) == expected


def test_a_marker_is_set_apart_from_the_words() -> None:
    text = "Two things:\n 1. Batteries\n (b) e-Axles\n- motors\nA. Smith said so.\n# Head"
    found = split_blocks(text, 0, len(text))
    assert [text[block.content : block.end] for block in found] == [
        "Two things:",
        "Batteries",
        "e-Axles",
        "motors",
        "A. Smith said so.",
        "Head",
    ]
