"""Commands with the scores they must reach, run and held against them: ``eval/expected.yaml`` says OK or FAIL.

Each command runs in a process of its own, as a person would run it, and its ``--json`` is read. A score above what is
expected is fine, and said, so that somebody raises the expectation.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from rag.errors import InputError, MissingExtraError

Verdict = Literal["OK", "FAIL", "SKIP"]
_PROGRAM = (sys.executable, "-c", "from rag.apps.cli import main; main()")
_LIMIT_SECONDS = 3600


class Expected(BaseModel):
    """The score that one measure must have: ``score`` less (or, if ``lower`` is better, plus) ``tolerance``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: float
    tolerance: float = 0.0
    lower: bool = False

    def holds(self, got: float) -> bool:
        """Whether a score is good enough."""
        worse = got - self.score if self.lower else self.score - got
        return worse <= self.tolerance + 1e-9

    def is_beaten(self, got: float) -> bool:
        """Whether a score is better than the tolerance explains."""
        better = self.score - got if self.lower else got - self.score
        return better > self.tolerance + 1e-9


class Entry(BaseModel):
    """One command and what must come out.

    Attributes:
        command: what stands behind ``rag``; ``--json`` is added.
        articles: a folder to sync into an index of its own first, which the command then uses.
        expect: place in the JSON (``metrics.right.value``) -> score.
        needs: files or folders without which the entry is skipped.
        ci: whether it belongs to the small set that CI runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    command: str
    expect: dict[str, Expected]
    articles: str | None = None
    needs: tuple[str, ...] = ()
    ci: bool = False
    note: str | None = None

    @model_validator(mode="after")
    def _something_is_expected(self) -> Entry:
        if not self.expect:
            raise ValueError("'expect' names no measure")
        return self


class Result(BaseModel):
    """One measure of one entry, held against its score."""

    model_config = ConfigDict(frozen=True)

    name: str
    measure: str
    verdict: Verdict
    expected: float | None = None
    tolerance: float | None = None
    got: float | None = None
    told: str = ""


def read_expected(file: Path) -> list[Entry]:
    """The entries of an ``expected.yaml``.

    Raises:
        InputError: the file cannot be used; it says where and why.
        MissingExtraError: the YAML reader is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("rag eval check", "eval") from error
    try:
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}; name a file like eval/expected.yaml"
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not YAML: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{file} holds no list of commands")
    entries = []
    for place, row in enumerate(rows, start=1):
        try:
            entries.append(Entry.model_validate(row))
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'entry'}: {one['msg']}" for one in error.errors()
            )
            raise InputError(f"{file}, entry {place}: {told}") from error
    names = [entry.name for entry in entries]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{file}: the name {min(doubled)!r} is used twice")
    return entries


def chosen(entries: Sequence[Entry], only: Sequence[str], ci: bool) -> list[Entry]:
    """The entries to run: those named, else those for CI, else all.

    Raises:
        InputError: a name that no entry has.
    """
    known = {entry.name for entry in entries}
    if unknown := sorted(set(only) - known):
        raise InputError(f"there is no entry {unknown[0]!r}; known: {', '.join(sorted(known))}")
    return [entry for entry in entries if (entry.name in only if only else entry.ci or not ci)]


def check(
    entries: Sequence[Entry], work: Path, say: Callable[[str], None] = lambda told: None
) -> Iterator[Result]:
    """Run the entries one after the other; a result for each measure, as soon as it is known.

    Args:
        work: where indexes are made and kept.
        say: told what is being run.
    """
    for entry in entries:
        missing = [need for need in entry.needs if not Path(need).exists()]
        if missing:
            yield _of_all(entry, "SKIP", f"{missing[0]} is not here")
            continue
        say(f"{entry.name}: rag {entry.command}")
        environment = {**os.environ}
        if entry.articles is not None:
            environment["RAG_INDEX"] = str(work / entry.name)
            told = _run(["sync", entry.articles, "--json"], environment)
            if isinstance(told, str):
                yield _of_all(entry, "FAIL", f"sync: {told}")
                continue
        told = _run([*shlex.split(entry.command), "--json"], environment)
        if isinstance(told, str):
            yield _of_all(entry, "FAIL", told)
            continue
        for measure, expected in entry.expect.items():
            yield _held(entry.name, measure, expected, _at(told, measure))


def _run(arguments: Sequence[str], environment: dict[str, str]) -> dict[str, Any] | str:
    """What a command printed, or what it said when it failed."""
    try:
        done = subprocess.run(
            [*_PROGRAM, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {_LIMIT_SECONDS} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return "printed no JSON"
    return told if isinstance(told, dict) else "printed no JSON object"


def _at(told: Any, place: str) -> Any:
    """The value at ``a.b.c``; keys that hold dots themselves are found, too. None when there is none."""
    if not place:
        return told
    if not isinstance(told, dict):
        return None
    parts = place.split(".")
    for count in range(len(parts), 0, -1):
        key = ".".join(parts[:count])
        if key in told:
            return _at(told[key], ".".join(parts[count:]))
    return None


def _held(name: str, measure: str, expected: Expected, got: Any) -> Result:
    limits = {"expected": expected.score, "tolerance": expected.tolerance}
    if not isinstance(got, int | float) or isinstance(got, bool):
        return Result(name=name, measure=measure, verdict="FAIL", told="not in the output", **limits)
    good = expected.holds(got)
    told = "better than expected: raise it" if expected.is_beaten(got) else ""
    return Result(name=name, measure=measure, verdict="OK" if good else "FAIL", got=got, told=told, **limits)


def _of_all(entry: Entry, verdict: Verdict, told: str) -> Result:
    return Result(name=entry.name, measure=", ".join(entry.expect), verdict=verdict, told=told)
