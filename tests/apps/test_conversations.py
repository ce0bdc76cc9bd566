"""The store on a real file: kept apart by browser, found again after a restart, gone when deleted."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from rag.apps.conversation_files import export, feedback_questions
from rag.apps.conversations import UNDO_SECONDS, Conversations, Turn, default_file
from rag.errors import InputError
from rag.evaluation.questions import read_questions
from rag.types import Answer, Citation, Source, Statement

MINE, YOURS = "browser-mine", "browser-yours"
TALK = "conversation-1"


def answer(
    question: str, text: str = "It opens in May.", path: str = "a.md", short: str | None = None
) -> Answer:
    said = Statement(text, (Citation(1, path, "A plant", 3, 3 + len(text), text, 1.0),))
    sources = (Source(1, path, "A plant", "2025-05-02"),)
    return Answer(
        question, question, "answered", f"{text}[1]", (said,), sources, short, timings_ms={"total": 3.5}
    )


def turn(ident: str, question: str = "When does it open?", **changes: object) -> Turn:
    return Turn(ident, question, answer(question), shas={"a.md": "0" * 64}, **changes)  # type: ignore[arg-type]  # any field


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "talks.sqlite"


def test_what_was_kept_is_there_after_a_restart(file: Path) -> None:
    store = Conversations(file, clock=lambda: 100.0)
    store.append(MINE, TALK, turn("turn-0001"), shelf="seeds")
    store.append(MINE, TALK, Turn("turn-0002", "And?", problem="the index is being written"), shelf="seeds")
    store.close()
    again = Conversations(file)
    first, second = again.turns(MINE, TALK)
    assert first.answer == answer("When does it open?")
    assert first.shas == {"a.md": "0" * 64} and first.asked == 100.0
    assert second.answer is None and second.problem == "the index is being written"
    listed = again.listed(MINE)
    assert [(c.id, c.title, c.shelf, c.turns) for c in listed] == [(TALK, "When does it open?", "seeds", 2)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_browser_sees_and_changes_nothing(file: Path) -> None:
    store = Conversations(file)
    store.append(MINE, TALK, turn("turn-0001"))
    assert store.listed(YOURS) == [] and store.turns(YOURS, TALK) == []
    assert not store.rename(YOURS, TALK, "Mine now") and not store.delete(YOURS, TALK)
    assert not store.rate(YOURS, TALK, "turn-0001", "down")
    assert export(store, YOURS, TALK, "json") is None
    store.append(YOURS, TALK, turn("turn-0001", "Something else?"))  # even with the same ids
    assert store.listed(MINE)[0].title == "When does it open?"
    assert [one.question for one in store.turns(MINE, TALK)] == ["When does it open?"]


def test_the_latest_is_first_and_words_find_titles_questions_and_answers(file: Path) -> None:
    now = iter(range(1, 100))
    store = Conversations(file, clock=lambda: float(next(now)))
    store.append(MINE, "talk-ships", turn("turn-0001", "Wo liegt die STRASSE?"))
    store.append(MINE, "talk-plant", turn("turn-0001", "100% of what_?"))
    store.append(MINE, "talk-ships", turn("turn-0002", "And Straße two?"))
    assert [c.id for c in store.listed(MINE)] == ["talk-ships", "talk-plant"]
    assert [c.id for c in store.listed(MINE, "straße TWO")] == ["talk-ships"]
    assert [c.id for c in store.listed(MINE, "100%")] == ["talk-plant"]
    assert store.listed(MINE, "10_%") == []
    assert len(store.listed(MINE, "opens may")) == 2  # in the answers
    assert store.rename(MINE, "talk-plant", "  Zebra \n crossing ")
    assert [c.title for c in store.listed(MINE, "zebra")] == ["Zebra crossing"]
    assert not store.rename(MINE, "talk-plant", "  ")


def test_deleting_can_be_undone_for_a_minute_and_then_leaves_no_trace(file: Path) -> None:
    now = [0.0]
    store = Conversations(file, clock=lambda: now[0])
    store.append(MINE, TALK, turn("turn-0001", "A secretword?"))
    assert store.delete(MINE, TALK) and store.listed(MINE) == [] and store.turns(MINE, TALK) == []
    assert store.cited("") == {}
    assert store.restore(MINE, TALK) and len(store.turns(MINE, TALK)) == 1
    store.delete(MINE, TALK)
    now[0] = UNDO_SECONDS + 1
    store.listed(MINE)
    assert not store.restore(MINE, TALK)
    store.close()
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT COUNT(*) FROM turns").fetchone() == (0,)
    db.close()
    assert b"secretword" not in file.read_bytes()


def test_a_turn_asked_again_replaces_it_and_what_follows(file: Path) -> None:
    store = Conversations(file)
    for number in (1, 2, 3):
        store.append(MINE, TALK, turn(f"turn-000{number}", f"{number}?"))
    store.append(MINE, TALK, turn("turn-0004", "2, said better?"), replaces="turn-0002")
    assert [one.question for one in store.turns(MINE, TALK)] == ["1?", "2, said better?"]
    store.append(MINE, TALK, turn("turn-0005", "5?"), replaces="turn-that-is-not-there")
    assert [one.question for one in store.turns(MINE, TALK)] == ["1?", "2, said better?", "5?"]


def test_articles_know_how_often_they_were_cited(file: Path) -> None:
    store = Conversations(file)
    store.append(MINE, TALK, turn("turn-0001"), shelf="seeds", place="/a/seeds")
    store.append(YOURS, TALK, turn("turn-0001"), shelf="seeds", place="/a/seeds")
    store.append(MINE, "talk-other", turn("turn-0001"), shelf="seeds", place="/b/seeds")
    assert store.cited("/a/seeds") == {"a.md": 2} and store.cited("/b/seeds") == {"a.md": 1}
    assert store.cited("seeds") == {}


def test_ids_no_page_makes_are_refused(file: Path) -> None:
    store = Conversations(file)
    for bad in ("", "short", "../../etc/passwd", "a" * 65, "white space", "quote'quote"):
        with pytest.raises(InputError, match="is no id"):
            store.append(bad, TALK, turn("turn-0001"))
        with pytest.raises(InputError, match="is no id"):
            store.append(MINE, bad, turn("turn-0001"))
    with pytest.raises(InputError, match="allowed: up, down"):
        store.rate(MINE, TALK, "turn-0001", "sideways")  # type: ignore[arg-type]  # what a browser might send
    assert store.listed(MINE) == []


def test_an_export_holds_every_answer_and_no_live_markup(file: Path) -> None:
    store = Conversations(file, clock=lambda: 0.0)
    evil = "See <script>x</script> ![a](http://b) `code`"
    store.append(MINE, TALK, Turn("turn-0001", "What *now*?", answer("q", evil, short="May")), shelf="seeds")
    store.append(MINE, TALK, Turn("turn-0002", "And?", problem="no index"))
    name, text = export(store, MINE, TALK, "markdown") or ("", "")
    assert name == "what-now.md"
    assert "## What \\*now\\*?" in text and "**May**" in text and "no index" in text
    assert "<script" not in text.replace("\\<", "") and "![" not in text.replace("\\[", "")
    assert "[1]" in text and "1. A plant (2025-05-02, a.md)" in text
    name, written = export(store, MINE, TALK, "json") or ("", "")
    value = json.loads(written)
    assert name == "what-now.json" and value["turns"][0]["answer"]["statements"][0]["text"] == evil
    assert value["created"] == "1970-01-01T00:00:00+00:00" and value["turns"][1]["problem"] == "no index"


def test_judged_answers_become_a_question_set_that_eval_reads(file: Path, tmp_path: Path) -> None:
    store = Conversations(file)
    store.append(MINE, TALK, Turn("turn-0001", "When?", answer("When?", short="May")), shelf="seeds")
    store.append(MINE, TALK, Turn("turn-0002", "Who?", answer("Who?")), shelf="seeds")
    refused = Answer("What?", "What?", "not_found", "Not in these articles.")
    store.append(MINE, TALK, Turn("turn-0003", "What?", refused), shelf="seeds")
    store.append(YOURS, TALK, turn("turn-0001"), shelf="other")
    for ident, thumb, reason in (("1", "up", ""), ("2", "down", " wrong person "), ("3", "up", "")):
        assert store.rate(MINE, TALK, f"turn-000{ident}", thumb, reason)  # type: ignore[arg-type]  # a Thumb
    store.rate(YOURS, TALK, "turn-0001", "up")
    out = tmp_path / "feedback" / "seeds.jsonl"
    assert feedback_questions(store, out, "seeds") == 3
    good, bad, rightly_refused = read_questions(out)
    assert good.answerable is True and good.facts == (("May",),) and good.sources == ("a.md",)
    assert bad.answerable is None and bad.note == "judged bad: wrong person"
    assert bad.history == (("When?", "It opens in May.[1]"),) and bad.kind == "followup"
    assert rightly_refused.answerable is False and len(rightly_refused.history) == 2
    assert store.rate(MINE, TALK, "turn-0002", None)  # taken back
    assert feedback_questions(store, out, "seeds") == 2
    assert feedback_questions(store, out) == 3


def test_threads_may_write_at_once(file: Path) -> None:
    store, other = Conversations(file), Conversations(file)

    def write(one: Conversations, talk: str) -> None:
        for number in range(20):
            one.append(MINE, talk, turn(f"turn-{number:04}", f"{number}?"))

    jobs = [(store, "talk-0001"), (store, "talk-0002"), (other, "talk-0003"), (other, "talk-0001")]
    threads = [threading.Thread(target=write, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(store.turns(MINE, f"talk-000{n}")) for n in (1, 2, 3)] == [20, 20, 20]


def test_what_cannot_be_used_is_told_with_the_next_step(tmp_path: Path) -> None:
    file = tmp_path / "talks.sqlite"
    file.write_bytes(b"this is no database at all, just some text" * 40)
    with pytest.raises(InputError, match=r"talks\.sqlite: file is not a database; next step"):
        Conversations(file)
    with pytest.raises(InputError, match="next step"):
        Conversations(file / "below" / "a-file.sqlite")
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(InputError, match=r"another version \(format 9"):
        Conversations(newer)


def test_what_an_earlier_version_kept_is_taken_over(file: Path) -> None:
    store = Conversations(file)
    store.append(MINE, TALK, turn("turn-0001"), shelf="seeds")
    store.close()
    with sqlite3.connect(file) as db:
        db.execute("ALTER TABLE conversations DROP COLUMN place")
        db.execute("PRAGMA user_version = 1")
    db.close()
    again = Conversations(file)
    assert again.turns(MINE, TALK)[0].question == "When does it open?"
    again.append(MINE, TALK, turn("turn-0002"), shelf="seeds", place="/a/seeds")
    assert again.cited("/a/seeds") == {"a.md": 2}
    again.close()
    assert len(Conversations(file).turns(MINE, TALK)) == 2


def test_an_answer_of_another_shape_costs_only_itself(file: Path) -> None:
    store = Conversations(file)
    store.append(MINE, TALK, turn("turn-0001"))
    store.append(MINE, TALK, turn("turn-0002"))
    with sqlite3.connect(file) as db:
        db.execute("UPDATE turns SET answer = '{\"verdict\": \"perhaps\"}' WHERE id = 'turn-0001'")
    db.close()
    first, second = store.turns(MINE, TALK)
    assert (
        first.answer is None and "another version" in first.problem and first.question == "When does it open?"
    )
    assert second.answer is not None


def test_the_default_place_is_the_users_data_folder(tmp_path: Path) -> None:
    assert default_file() == tmp_path / "data" / "rag" / "conversations.sqlite"
