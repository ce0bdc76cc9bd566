"""Two articles that disagree."""

from __future__ import annotations

from pathlib import Path

DISPUTED = "Is the rescue agreement of Batangas and Calapan binding?"
_ARTICLE = "---\ntitle: Ferry\ndate: {}\n---\n{}\n"
FIRST = (
    "The rescue agreement of Batangas and Calapan is non-binding, the two ports said. Talks are to begin now."
)
LATER = "With Friday's signatures Batangas and Calapan are legally bound by the rescue agreement. Ferries sail on."


def write_disagreement(folder: Path) -> None:
    """Write both into a new folder."""
    folder.mkdir()
    (folder / "a.md").write_text(_ARTICLE.format("2026-05-02", FIRST), encoding="utf-8")
    (folder / "b.md").write_text(_ARTICLE.format("2026-05-04", LATER), encoding="utf-8")
