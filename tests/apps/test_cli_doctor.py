"""``rag doctor`` over real indexes: whole, stale, missing, and tampered with."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.apps.cli import app
from rag.apps.cli_doctor import _names
from rag.index.index import CATALOG, Index
from rag.models.encoder import Encoder


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(
            f"Report {number}\n\nThe mill of ward {number} burnt down.", "utf-8"
        )
    return folder


@pytest.fixture
def synced(articles: Path, tmp_path: Path, encoder: Encoder) -> Path:
    with Index.open(tmp_path / "index", encoder=encoder) as index:
        index.sync(articles)
    return tmp_path / "index"


def checked(index: Path, exit_code: int) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["doctor", "--json", "--index", str(index)])
    assert done.exit_code == exit_code, done.output
    return {one["role"]: one for one in json.loads(done.stdout)["checks"]}


def test_all_is_well(synced: Path) -> None:
    found = checked(synced, 0)
    for role in ("python", "packages", "cache", "encoder", "reader", "index", "articles"):
        assert found[role]["works"] is True, found[role]
    assert "3 articles, 3 passages" in str(found["index"]["detail"])
    told = CliRunner().invoke(app, ["doctor", "--index", str(synced)])
    assert told.exit_code == 0
    assert "as they were synced" in told.stdout


def test_articles_that_changed_since(synced: Path, articles: Path) -> None:
    (articles / "0.txt").write_text("Report 0\n\nThe mill of ward 0 stands.", "utf-8")
    (articles / "1.txt").unlink()
    (articles / "9.md").write_text("# Nine\n\nA new one.", "utf-8")
    told = checked(synced, 0)["articles"]
    assert told["works"] is None
    assert "1 new (9.md); 1 changed (0.txt); 1 gone (1.txt); next step: rag sync" in str(told["detail"])


def test_no_index(tmp_path: Path) -> None:
    told = checked(tmp_path / "nowhere", 1)["index"]
    assert told["works"] is False
    assert "rag sync" in str(told["detail"])


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ('UPDATE chunks SET "end" = 100000 WHERE id = 1', "1 passages lie outside their article's text"),
        ("DELETE FROM embeddings WHERE id = 1", "1 passages have no embedding"),
        (
            "UPDATE texts SET text = 'x' WHERE document_id = 1",
            "1 articles' texts are not as long as recorded",
        ),
    ],
)
def test_an_index_that_somebody_tampered_with(synced: Path, harm: str, named: str) -> None:
    with sqlite3.connect(synced / CATALOG) as db:
        db.execute(harm)
    db.close()
    told = checked(synced, 1)["index"]
    assert told["works"] is False
    assert named in str(told["detail"])
    assert "next step" in str(told["detail"])


def test_a_folder_that_is_gone(synced: Path, articles: Path) -> None:
    articles.rename(articles.with_name("moved"))
    assert checked(synced, 1)["articles"]["works"] is False


def test_names_of_required_packages() -> None:
    lines = ["a-b>=1", "c[x]==2; python_version > '3'", 'd>=0.5; extra == "openai"', "e ; extra == 'eval'"]
    assert _names(lines, None) == ["a-b", "c"]
    assert _names(lines, "openai") == ["d"]
    assert _names(lines, "eval") == ["e"]
