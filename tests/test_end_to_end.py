"""The installed `rag` command in a subprocess, as a newcomer would run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import SEEDS

RAG = str(Path(sys.executable).parent / "rag")


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RAG, *arguments], capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with seeds/ in it and no index yet."""
    shutil.copytree(SEEDS, tmp_path / "work" / "seeds")
    return tmp_path / "work"


def test_from_articles_to_a_cited_answer(folder: Path) -> None:
    synced = json.loads(run("sync", "seeds/", "--json", cwd=folder).stdout)
    assert synced["added"] == synced["documents"] == 5
    assert synced["failed"] == []

    asked = run(
        "ask", "When will the joint venture of Mitsubishi and Nissan be founded?", "--json", cwd=folder
    )
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert set(answer) == {
        "question", "query", "verdict", "text", "short_answer", "statements", "sources", "generator", "timings_ms"
    }  # fmt: skip
    assert answer["verdict"] == "answered"
    assert "March 2025" in answer["text"]
    assert [source["number"] for source in answer["sources"]] == list(range(1, len(answer["sources"]) + 1))
    for statement in answer["statements"]:
        for citation in statement["citations"]:
            text = (folder / "seeds" / citation["path"]).read_text("utf-8")
            assert text[citation["start"] : citation["end"]] == citation["quote"]
            assert f"[{citation['number']}]" in answer["text"]

    assert json.loads(run("sync", "seeds/", "--json", cwd=folder).stdout)["unchanged"] == 5


def test_a_changed_article_changes_the_answer_and_a_deleted_one_leaves_it(folder: Path) -> None:
    question = "When will the joint venture of Mitsubishi and Nissan be founded?"
    run("sync", "seeds/", cwd=folder)
    article = next((folder / "seeds").glob("000_*"))
    article.write_text(article.read_text("utf-8").replace("March 2025", "June 2031"), "utf-8")
    assert json.loads(run("sync", "seeds/", "--json", cwd=folder).stdout)["changed"] == 1
    answer = json.loads(run("ask", question, "--json", cwd=folder).stdout)
    assert "June 2031" in answer["text"]
    assert "March 2025" not in answer["text"]

    article.unlink()
    assert json.loads(run("sync", "seeds/", "--json", cwd=folder).stdout)["removed"] == 1
    answer = json.loads(run("ask", question, "--json", cwd=folder).stdout)
    assert "June 2031" not in answer["text"]
    assert all(source["path"] != article.name for source in answer["sources"])


def test_without_an_index_ask_syncs_seeds_first_and_says_so(folder: Path) -> None:
    done = run("ask", "Who is the president of Honda?", cwd=folder)
    assert done.returncode == 0
    assert "syncing seeds" in done.stderr
    assert "Toshihiro Mibe" in done.stdout
    assert "Sources" in done.stdout


def test_search_prints_passages_as_json(folder: Path) -> None:
    found = json.loads(run("search", "lithium-ion batteries", "-k", "2", "--json", cwd=folder).stdout)
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    for hit in found["hits"]:
        assert set(hit) == {"rank", "score", "path", "title", "start", "end", "text", "scores"}
        assert set(hit["scores"]) == {"dense", "lexical", "sentence"}
        text = (folder / "seeds" / hit["path"]).read_text("utf-8")
        assert text[hit["start"] : hit["end"]] == hit["text"]


def test_a_question_the_articles_do_not_answer_is_refused(folder: Path) -> None:
    done = run("ask", "Who is the chief executive of Tesla?", "--json", cwd=folder)
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "not_found"
    assert answer["statements"] == answer["sources"] == []


def test_a_follow_up_is_searched_with_its_context(folder: Path) -> None:
    done = run("ask", "What did he say?", "--history", "Who is the president of Honda?", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert answer["question"] == "What did he say?"
    assert answer["query"] == "What did the person who is the president of Honda say?"
    assert "once in a century" in answer["text"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sync", "nowhere/"], "nowhere"),
        (["ask", "   "], "empty"),
        (["ask", "x", "--after", "yesterday"], "YYYY-MM-DD"),
        (["eval", "missing.jsonl"], "missing.jsonl"),
        (["status", "--index", "index/none"], "rag sync"),
    ],
)
def test_a_user_error_is_one_clear_line_and_exit_2(folder: Path, arguments: list[str], said: str) -> None:
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_is_named_with_the_allowed_ones(folder: Path) -> None:
    (folder / "rag.toml").write_text("chunk_tokns = 100\n", "utf-8")
    done = run("ask", "x", cwd=folder)
    assert done.returncode == 2
    assert "chunk_tokns" in done.stderr
    assert "chunk_tokens" in done.stderr


@pytest.mark.parametrize("command", ["sync", "search", "ask", "chat", "status", "eval"])
def test_help_teaches(folder: Path, command: str) -> None:
    done = run(command, "--help", cwd=folder, COLUMNS="100", TERM="dumb")
    assert done.returncode == 0
    assert "Usage: rag" in done.stdout
