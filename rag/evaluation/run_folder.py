"""A run as a folder: what made it, one line per question, the numbers, and a report to read.

run.json       what was asked of what, by which settings, code and machine
answers.jsonl  a line per question, written as it is answered
summary.json, summary.md, report.html   made anew whenever the run ends or is resumed
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from rag.errors import InputError
from rag.evaluation.records import Record, read_records, to_line

RUN, ANSWERS, SUMMARY = "run.json", "answers.jsonl", "summary.json"
DEFAULT_PLACE = Path("eval/out")
# what must be equal for a run to be continued: the rest (machine, times, versions) is only told
_SAME = ("kind", "questions", "corpus", "settings", "reader")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder, and what is already done in it."""

    path: Path
    about: dict[str, Any]
    done: tuple[Record, ...] = ()

    def open_answers(self) -> TextIO:
        """The file of answers, for appending whole lines to what is done."""
        file = self.path / ANSWERS
        if not self.done:
            return file.open("w", encoding="utf-8")
        # whatever was cut off in the middle of a line goes
        kept = "".join(to_line(record) + "\n" for record in self.done)
        partial = file.with_suffix(".part")
        partial.write_text(kept, encoding="utf-8")
        partial.replace(file)
        return file.open("a", encoding="utf-8")

    def write(self, name: str, text: str) -> Path:
        """Write one of the run's files as a whole."""
        file = self.path / name
        file.write_text(text, encoding="utf-8")
        return file

    def write_json(self, name: str, value: Any) -> Path:
        """Write one of the run's files as JSON."""
        return self.write(name, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def default_path(stem: str) -> Path:
    """A folder of its own for a run that starts now."""
    return DEFAULT_PLACE / f"{stem}-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}"


def start(path: Path, about: dict[str, Any]) -> RunFolder:
    """Make the folder of a new run.

    Raises:
        InputError: something is there already, or the folder cannot be made.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(
                f"{path} is not empty; name another folder, or continue that run with --resume {path}"
            )
        path.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(path, about)
        folder.write_json(RUN, about)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; name another folder") from error
    return folder


def resume(path: Path, about: dict[str, Any]) -> RunFolder:
    """Take up a run where it stopped.

    Raises:
        InputError: there is no run, or it asks other questions, of other articles, or with other settings.
    """
    before = read_about(path)
    for name in _SAME:
        if before.get(name) != about.get(name):
            raise InputError(
                f"{path} cannot be resumed: its {name} {_short(before.get(name), about.get(name))}; "
                "next step: start a new run"
            )
    file = path / ANSWERS
    done = tuple(read_records(file)) if file.exists() else ()
    return RunFolder(path, before, done)


def read_about(path: Path) -> dict[str, Any]:
    """What made the run in a folder.

    Raises:
        InputError: the folder holds no run.
    """
    try:
        about = json.loads((path / RUN).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} holds no run ({RUN}: {error.strerror}); name a folder that rag eval made"
        ) from error
    except ValueError as error:
        raise InputError(f"{path / RUN} is damaged: {error}; start a new run") from error
    if not isinstance(about, dict):
        raise InputError(f"{path / RUN} is damaged: not an object; start a new run")
    return about


def _short(before: Any, after: Any) -> str:
    """Where two values differ, in a few words."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        told = ", ".join(f"{name} {before.get(name)!r}, now {after.get(name)!r}" for name in names[:3])
        return f"had {told}"
    return f"were {before!r}, now {after!r}"
