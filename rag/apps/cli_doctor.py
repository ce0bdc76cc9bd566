"""``rag doctor``: looks at everything an answer needs, part by part, and says what to do about what is amiss."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from rag.apps.cli_models import Trial, trials
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.index.index import Index
    from rag.settings import Settings

_DISTRIBUTION = "rag-articles"
_EXTRAS = ("openai", "ollama", "anthropic", "gguf", "eval")
_SHOWN = 3  # names in a line; the count tells how many there are


def examine(settings: Settings) -> Iterator[Trial]:
    """Look at one part after the other; what is wrong is in a Trial's ``works`` and ``detail``, nothing is raised."""
    yield _python()
    yield from _packages()
    yield _cache()
    yield from trials(settings)
    yield from _index(settings)


def _python() -> Trial:
    works = sys.version_info >= (3, 11)
    told = "" if works else "; next step: make a virtual environment with Python 3.11 or newer"
    return Trial("python", platform.python_version(), works, f"{sys.prefix}{told}")


def _packages() -> Iterator[Trial]:
    """The required packages by presence, and which extras are there."""
    try:
        wanted = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Trial(
            "packages", _DISTRIBUTION, False, "not installed; next step: pip install -c constraints.txt -e ."
        )
        return
    missing = [name for name in _names(wanted, None) if not _is_there(name)]
    if missing:
        told = f"missing: {', '.join(missing)}; next step: pip install -c constraints.txt -e ."
        yield Trial("packages", _DISTRIBUTION, False, told)
    else:
        yield Trial(
            "packages",
            _DISTRIBUTION,
            True,
            f"{metadata.version(_DISTRIBUTION)}, all that it requires is there",
        )
    for extra in _EXTRAS:
        lacking = [name for name in _names(wanted, extra) if not _is_there(name)]
        if lacking:
            told = f'not installed; should you want it: pip install -c constraints.txt -e ".[{extra}]"'
            yield Trial("extra", extra, None, told)
        else:
            yield Trial("extra", extra, True, "installed")


def _names(requirements: list[str], extra: str | None) -> list[str]:
    """The packages that an extra (None: the core) requires."""
    found = []
    for line in requirements:
        requirement, _, marker = line.partition(";")
        named = extra is not None and f'"{extra}"' in marker.replace("'", '"')
        if named or (extra is None and "extra" not in marker):
            name = requirement.strip()
            for end in " <>=!~[(":
                name = name.split(end)[0]
            found.append(name)
    return found


def _is_there(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _cache() -> Trial:
    from rag.models.weights import cache_folder

    folder = cache_folder()
    near = folder
    while not near.exists() and near != near.parent:
        near = near.parent
    if os.access(near, os.W_OK):
        return Trial("cache", str(folder), True, "can be written")
    told = "cannot be written, so the encoder is prepared at every start; next step: set XDG_CACHE_HOME"
    return Trial("cache", str(folder), False, told)


def _index(settings: Settings) -> Iterator[Trial]:
    from rag.index.index import Index

    name = str(settings.index)
    started = time.perf_counter()
    try:
        with Index.open(settings.index, settings=settings, create=False) as index:
            status = index.status()
            wrong = index.problems()
            index.lexical("a", 1, None)  # opens, and mends what is behind
            index.dense(index.encoder.encode_queries(["a"])[0], 1, None)
            if wrong:
                told = "; ".join(wrong) + f"; next step: remove {name} and sync again"
                yield Trial("index", name, False, told)
                return
            told = f"{status.documents} articles, {status.chunks} passages, whole and in step"
            yield Trial("index", name, True, told, time.perf_counter() - started)
            yield _folder(index)
    except RagError as error:
        yield Trial("index", name, False, str(error))


def _folder(index: Index) -> Trial:
    """Whether the folder of articles still says what the index holds."""
    from rag.documents.read import list_files

    recorded = index.status().folder
    if recorded is None:
        return Trial("articles", "-", None, "never synced; next step: rag sync FOLDER")
    folder = Path(recorded)
    if not folder.is_dir():
        told = "the folder is not there; answers still come from the index; next step: bring it back, or sync another"
        return Trial("articles", recorded, False, told)
    try:
        held = {info.path: info.sha256 for info in index.documents()}
        there = {file.relative_to(folder).as_posix(): file for file in list_files(folder)}
        changed = [
            path
            for path, file in there.items()
            if path in held and hashlib.sha256(file.read_bytes()).hexdigest() != held[path]
        ]
    except OSError as error:
        return Trial("articles", recorded, False, f"{error.filename} cannot be read: {error.strerror}")
    parts = [
        _some("new", sorted(there.keys() - held.keys())),
        _some("changed", sorted(changed)),
        _some("gone", sorted(held.keys() - there.keys())),
    ]
    told = "; ".join(part for part in parts if part)
    if told:
        return Trial(
            "articles", recorded, None, f'{told}; next step: rag sync "{recorded}" --index {index.path}'
        )
    return Trial("articles", recorded, True, "as they were synced")


def _some(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{more})"
