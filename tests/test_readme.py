"""The README says what is there: its settings, commands, links and pictures."""

from __future__ import annotations

import re

import pytest
from places import ROOT

from rag.apps.cli import app
from rag.settings import Settings

README = (ROOT / "README.md").read_text("utf-8")


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 200


def shown(default: object) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_is_in_its_table_with_its_default() -> None:
    rows = {
        name: default.strip(" `")
        for names, defaults in re.findall(
            r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| ([^|]+) \|", README, re.MULTILINE
        )
        for name, default in zip(re.findall(r"[a-z_]+", names), defaults.split(", "), strict=True)
    }
    assert rows == {name: shown(field.default) for name, field in Settings.model_fields.items()}


def test_every_command_is_named() -> None:
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    assert set(re.findall(r"^\| `rag ([a-z]+)", README, re.MULTILINE)) == commands


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
