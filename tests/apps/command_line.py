"""The command line as a person calls it, within this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rag.apps import cli


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run ``rag`` with these arguments; its exit code."""
    monkeypatch.setattr(sys, "argv", ["rag", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert isinstance(left.value.code, int)
    return left.value.code
