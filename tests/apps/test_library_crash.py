"""An upload that is killed leaves whole articles, old or new, and an index that goes on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from apps.upload_loop import ARTICLES, edition
from index.word_encoder import WordEncoder
from places import ROOT

from rag.apps.library import Library
from rag.index.index import Index
from rag.settings import Settings

KILLS = 4
TESTS = ROOT / "tests"


def test_a_killed_upload_leaves_no_part_of_an_article(tmp_path: Path) -> None:
    folder, place = tmp_path / "articles", tmp_path / "index"
    for name, data in edition(0).items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(data)
    settings = Settings(index=place, chunk_tokens=24, chunk_overlap=1)
    with Index.open(place, settings=settings, encoder=WordEncoder()) as index:
        index.sync(folder)
    chance = random.Random(7)
    command = [sys.executable, str(TESTS / "apps" / "upload_loop.py"), str(place)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(ROOT)])}
    for _ in range(KILLS):
        writer = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(chance.uniform(0, 0.3))
        writer.kill()
        last = max(int(line) for line in ["0", *writer.stdout.read().split()])
        writer.stdout.close()
        writer.wait()
        editions = [edition(number) for number in range(last + 3)]
        files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("a*.txt")
            if not is_hidden(file, folder)
        }
        assert len(files) == ARTICLES
        assert all(any(data == one[name] for one in editions) for name, data in files.items())
        with Index.open(place, settings=settings, encoder=WordEncoder()) as index:
            index.sync(folder)
            assert {info.path for info in index.documents()} == set(files)
            assert Library(index).put("deep/0/a0.txt", editions[0]["deep/0/a0.txt"]).outcome in (
                "replaced",
                "unchanged",
            )


def is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
