"""Two articles that disagree."""

from __future__ import annotations

from pathlib import Path

DISPUTED = "How many people died in the ferry accident near Batangas?"
_ARTICLE = "---\ntitle: Ferry\ndate: {}\n---\n{}\n"
_FIRST = (
    "Rescuers said 28 people died when the ferry capsized off Batangas on Friday. Divers went on searching."
)
_LATER = "The sinking of the ferry near Batangas cost 31 lives, the coast guard reported. The captain was questioned."


def write_disagreement(folder: Path) -> None:
    """Write both into a new folder."""
    folder.mkdir()
    (folder / "a.md").write_text(_ARTICLE.format("2026-05-02", _FIRST), encoding="utf-8")
    (folder / "b.md").write_text(_ARTICLE.format("2026-05-04", _LATER), encoding="utf-8")
