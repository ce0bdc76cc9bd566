"""What made a run: settings, versions, machine, state of the code, and which articles were asked about.

Two runs may be compared when their questions and their articles are the same; both are named by a digest of
content, never by a path.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.evaluation.questions import Question

if TYPE_CHECKING:
    from rag.index.index import Index

PACKAGES = (
    "rag-articles",
    "faiss-cpu",
    "ir-measures",
    "numpy",
    "onnxruntime",
    "tantivy",
    "tokenizers",
    "scikit-learn",
    "scipy",
)
_ENVIRONMENT = ("OMP_NUM_THREADS",)


def now() -> str:
    """The time as an ISO string, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def software() -> dict[str, str | None]:
    """Versions of Python and of what shapes a result; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def machine() -> dict[str, Any]:
    """What the times were measured on; no name that would tell whose it is."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        usable = os.cpu_count() or 1
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": usable,
        "memory_gb": _memory_gb(),
        "environment": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def git_state() -> dict[str, Any] | None:
    """The commit of the code that ran, and whether it was changed since; None outside a repository."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=here, capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/rag")
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.SubprocessError):
        return None


def digest(parts: Iterable[str]) -> str:
    """A short name for content: sha256 over the parts, each with its length."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8")
        total.update(f"{len(raw)}:".encode())
        total.update(raw)
    return total.hexdigest()[:16]


def questions_digest(questions: Sequence[Question]) -> str:
    """Names a set by what is asked and expected; notes do not count."""
    return digest(question.model_dump_json(exclude_defaults=True, exclude={"note"}) for question in questions)


def corpus(index: Index) -> dict[str, Any]:
    """The articles of an index, and what made its passages."""
    documents = index.documents()
    status = index.status()
    return {
        "digest": digest(part for info in documents for part in (info.path, info.sha256)),
        "documents": status.documents,
        "chunks": status.chunks,
        "encoder": status.encoder,
        "encoder_fingerprint": status.fingerprint,
        "chunker": status.chunker,
    }


def about(
    kind: str, questions: dict[str, Any], index: Index, reader: str | None, seed: int, **extra: Any
) -> dict[str, Any]:
    """What made a run, as ``run.json`` keeps it.

    Args:
        kind: "answers" or "retrieval".
        questions: what was asked: file, split, count, digest.
        reader: the fingerprint of the reader that took part.
        seed: of the intervals.
        extra: settings of the run that are no Settings.
    """
    return {
        "kind": kind,
        "command": command(),
        "started": now(),
        "questions": questions,
        "corpus": corpus(index),
        "settings": {**index.settings.model_dump(mode="json", exclude={"index"}), **extra},
        "reader": reader,
        "software": software(),
        "machine": machine(),
        "git": git_state(),
        "seed": seed,
    }


def command() -> str:
    """The command line, with the program by its name."""
    import shlex

    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
