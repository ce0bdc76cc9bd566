"""The Dockerfile, as far as it can be checked without Docker, and the wheel that it installs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from places import ROOT

from rag.apps.cli import app

FILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.findall(r"^([A-Z]+) ((?:.*\\\n)*.*)$", FILE, re.MULTILINE)
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def of(kind: str) -> list[str]:
    return [text for name, text in INSTRUCTIONS if name == kind]


def test_it_runs_as_nobody_special() -> None:
    names = [name for name, _ in INSTRUCTIONS]
    assert of("USER") == ["rag"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "useradd --uid 10001" in of("RUN")[1]


def test_what_it_copies_is_there_and_reaches_the_build() -> None:
    copied = [name for line in of("COPY") if not line.startswith("--") for name in line.split()[:-1]]
    assert copied == ["pyproject.toml", "constraints.txt", "README.md", "LICENSE", "rag"]
    assert IGNORED[0] == "*"
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in IGNORED


def test_it_installs_the_same_versions_and_what_exists() -> None:
    (install,) = [line for line in of("RUN") if "pip install" in line]
    assert "-c /source/constraints.txt" in install
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = re.search(r'"/source\[([a-z,-]+)\]"', install)
    assert found
    assert set(found.group(1).split(",")) <= set(project["optional-dependencies"])
    assert project["requires-python"] == ">=3.11"
    assert all(image.startswith("python:3.11-slim") for image in of("FROM"))


def test_the_page_s_commands_exist() -> None:
    page = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8").replace("\\\n", "")
    used = set(re.findall(r"rag-articles ([a-z]+)", page)) | set(
        re.findall(r"^RUN rag ([a-z]+)$", FILE, re.MULTILINE)
    )
    commands = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert used == {"sync", "ask", "serve", "mcp", "models"}
    assert used <= commands


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """An editable install finds files that a wheel may lack."""
    if find_spec("setuptools") is None:
        pytest.skip("needs setuptools, to build without fetching it")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "rag", source / "rag", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wanted = {file.relative_to(source).as_posix() for file in (source / "rag").rglob("*") if file.is_file()}
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            source,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if name.startswith("rag/")}
    assert wanted - packed <= {"rag/training/README.md"}
