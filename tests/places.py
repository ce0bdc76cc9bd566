"""Where the tests' material lies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"
QUESTIONS = ROOT / "eval" / "questions" / "seeds.jsonl"
REAL_SEEDS = ROOT.parent / "shared" / "seeds"
"""The five articles as they were published; not part of the project, so tests over them skip where they are absent."""
