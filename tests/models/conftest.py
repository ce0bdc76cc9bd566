"""Fixtures of the models' tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.models.weights import packaged_folder


@pytest.fixture
def model_copy(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder that holds the packaged model (weights by link), with some JSON files changed."""

    def copy(name: str, **changes: dict[str, object]) -> Path:
        source, target = packaged_folder(), tmp_path / name
        for file in source.rglob("*"):
            copied = target / file.relative_to(source)
            if file.is_dir():
                continue
            copied.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".safetensors":
                copied.symlink_to(file)
            else:
                copied.write_bytes(file.read_bytes())
        for stem, change in changes.items():
            file = (
                next(target.rglob(f"{stem}.json")) if stem != "pooling" else target / "1_Pooling/config.json"
            )
            file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **change}), "utf-8")
        return target

    return copy
