"""Conversations at rest: one SQLite file in the user's data folder, kept apart by browser.

A browser is known by an opaque random id that it keeps to itself; whoever does not know the id sees none of its
conversations. A turn keeps the whole Answer as JSON, so that it can be drawn again as it was, and the sha256 of each
cited article, so that the page can say what has changed since. What is deleted stays for a minute, for "undo", and is
then overwritten (``secure_delete``).
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic import TypeAdapter, ValidationError

from rag.errors import InputError
from rag.types import Answer

Thumb: TypeAlias = Literal["up", "down"]

UNDO_SECONDS = 60.0
LONGEST_TITLE = 120  # characters
LONGEST_REASON = 1_000
MOST_LISTED = 500
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SPACES = re.compile(r"\s+")
_VERSION = 2
_SCHEMA = """
CREATE TABLE conversations (
    browser TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, folded TEXT NOT NULL, shelf TEXT NOT NULL,
    created REAL NOT NULL, changed REAL NOT NULL, deleted REAL, place TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (browser, id)
) WITHOUT ROWID;
CREATE TABLE turns (
    browser TEXT NOT NULL, conversation TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL,
    question TEXT NOT NULL, answer TEXT, problem TEXT NOT NULL, stopped INTEGER NOT NULL, shas TEXT NOT NULL,
    trace TEXT NOT NULL, asked REAL NOT NULL, folded TEXT NOT NULL, thumb TEXT, reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (browser, conversation, id),
    FOREIGN KEY (browser, conversation) REFERENCES conversations (browser, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX recent ON conversations (browser, changed);
"""

_answers = TypeAdapter(Answer)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it.

    Attributes:
        id: chosen by the page, unique in its conversation.
        answer: None where ``problem`` says what went wrong.
        stopped: the person stopped it; ``answer`` holds what had arrived.
        shas: sha256 of each cited article when it was cited, by path.
        trace: what "why this answer" shows, as the page wrote it.
        asked: when, in seconds since 1970.
        thumb: the person's judgement, with its ``reason``.
    """

    id: str
    question: str
    answer: Answer | None = None
    problem: str = ""
    stopped: bool = False
    shas: Mapping[str, str] = field(default_factory=dict)
    trace: Mapping[str, object] = field(default_factory=dict)
    asked: float = 0.0
    thumb: Thumb | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the list. ``shelf`` names the index it was held over; times are seconds since 1970."""

    id: str
    title: str
    shelf: str
    created: float
    changed: float
    turns: int


def default_file() -> Path:
    """``rag/conversations.sqlite`` in ``$XDG_DATA_HOME`` or ``~/.local/share``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "rag" / "conversations.sqlite"


class Conversations:
    """The store. Safe to use from several threads; other processes may use the same file.

    Args:
        file: where to keep them, made if absent and readable by its owner only; None keeps them in memory.
        clock: seconds since 1970.

    Raises:
        InputError: the file cannot be used, with the cause and the next step.
    """

    def __init__(self, file: Path | None, clock: Callable[[], float] = time.time) -> None:
        self.file = file
        self._clock = clock
        self._guard = threading.RLock()
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(
                file or ":memory:", check_same_thread=False, timeout=10.0, isolation_level=None
            )
            self._db.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; "
                "PRAGMA secure_delete = ON;"
            )
            self._adopt()
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"conversations cannot be kept in {file}: {error}; next step: check that file and its permissions, "
                "move it aside, or set XDG_DATA_HOME to another folder"
            ) from error

    def _adopt(self) -> None:
        with self._writing() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for line in filter(str.strip, _SCHEMA.split(";")):
                    db.execute(line)
            elif version == 1:  # which of several indexes of one name was asked was not kept then
                db.execute("ALTER TABLE conversations ADD COLUMN place TEXT NOT NULL DEFAULT ''")
            elif version != _VERSION:
                raise InputError(
                    f"{self.file} was written by another version (format {version}, not {_VERSION}); next step: "
                    "move it aside or update this program"
                )
            db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.rollback()
                raise
            self._db.commit()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Name cause and next step when the file cannot be used any more."""
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"the conversations in {self.file or 'memory'} cannot be used: {error}; next step: check the disk's "
                "space and the file's permissions, then reload the page"
            ) from error

    def close(self) -> None:
        """Close the file; what was kept in memory is gone."""
        with self._guard:
            self._db.close()

    # --- what the page does ---

    def append(
        self,
        browser: str,
        conversation: str,
        turn: Turn,
        shelf: str = "",
        replaces: str | None = None,
        place: str = "",
    ) -> None:
        """Add a turn; the conversation is made with its first one, and named by its question.

        Args:
            browser: the id the browser keeps.
            conversation: the id the page chose.
            turn: what was asked and answered; ``asked`` is set here when it is 0.
            shelf: the index it was asked of.
            replaces: a turn of this conversation that is taken out, with whatever follows it.
            place: where that index lies; others may have its name.

        Raises:
            InputError: an id that no page makes.
        """
        browser, conversation, ident = _id(browser), _id(conversation), _id(turn.id)
        now = self._clock()
        text = turn.answer.text if turn.answer else ""
        with self._told(), self._writing() as db:
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?) ON CONFLICT DO UPDATE SET "
                "changed = excluded.changed, shelf = excluded.shelf, place = excluded.place, deleted = NULL",
                (
                    browser,
                    conversation,
                    _title(turn.question),
                    _folded(turn.question),
                    shelf,
                    now,
                    now,
                    place,
                ),
            )
            key = (browser, conversation)
            if replaces is not None:
                db.execute(
                    "DELETE FROM turns WHERE browser = ? AND conversation = ? AND position >= "
                    "(SELECT position FROM turns WHERE browser = ? AND conversation = ? AND id = ?)",
                    (*key, *key, replaces),
                )
            db.execute(
                "INSERT OR REPLACE INTO turns (browser, conversation, id, position, question, answer, problem, "
                "stopped, shas, trace, asked, folded) VALUES (?, ?, ?, (SELECT 1 + COALESCE(MAX(position), 0) "
                "FROM turns WHERE browser = ? AND conversation = ?), ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    ident,
                    *key,
                    turn.question,
                    _answers.dump_json(turn.answer).decode() if turn.answer else None,
                    turn.problem,
                    turn.stopped,
                    json.dumps(dict(turn.shas)),
                    json.dumps(dict(turn.trace)),
                    turn.asked or now,
                    _folded(f"{turn.question} {text}"),
                ),
            )
        self._purge()

    def listed(self, browser: str, search: str = "", limit: int = MOST_LISTED) -> list[Conversation]:
        """A browser's conversations, the latest first; the words of ``search`` must all occur in one (or its title)."""
        self._purge()
        words = _folded(search).split()
        asked = "".join(
            " AND (c.folded LIKE ? ESCAPE '!' OR EXISTS (SELECT 1 FROM turns t WHERE t.browser = c.browser "
            "AND t.conversation = c.id AND t.folded LIKE ? ESCAPE '!'))"
            for _ in words
        )
        patterns = [pattern for word in words for pattern in [f"%{_literal(word)}%"] * 2]
        with self._told(), self._guard:
            rows = self._db.execute(
                "SELECT c.id, c.title, c.shelf, c.created, c.changed, (SELECT COUNT(*) FROM turns t WHERE "
                "t.browser = c.browser AND t.conversation = c.id) FROM conversations c "
                f"WHERE c.browser = ? AND c.deleted IS NULL{asked} ORDER BY c.changed DESC, c.id LIMIT ?",
                (browser, *patterns, limit),
            ).fetchall()
        return [Conversation(*row) for row in rows]

    def conversation(self, browser: str, conversation: str) -> Conversation | None:
        """One conversation's line, or None when this browser has none of that id."""
        with self._told(), self._guard:
            row = self._db.execute(
                "SELECT id, title, shelf, created, changed, (SELECT COUNT(*) FROM turns t WHERE t.browser = ?1 "
                "AND t.conversation = ?2) FROM conversations WHERE browser = ?1 AND id = ?2 AND deleted IS NULL",
                (browser, conversation),
            ).fetchone()
        return Conversation(*row) if row else None

    def turns(self, browser: str, conversation: str) -> list[Turn]:
        """A conversation's turns in order; empty when this browser has none of that id."""
        with self._told(), self._guard:
            rows = self._db.execute(
                "SELECT t.id, t.question, t.answer, t.problem, t.stopped, t.shas, t.trace, t.asked, t.thumb, t.reason "
                "FROM turns t JOIN conversations c ON c.browser = t.browser AND c.id = t.conversation "
                "WHERE t.browser = ? AND t.conversation = ? AND c.deleted IS NULL ORDER BY t.position",
                (browser, conversation),
            ).fetchall()
        return [_turn(row) for row in rows]

    def rename(self, browser: str, conversation: str, title: str) -> bool:
        """Give it another title; False when there is none of that id or the title is blank."""
        title = _title(title)
        if not title:
            return False
        return self._changed(
            "UPDATE conversations SET title = ?, folded = ? WHERE browser = ? AND id = ? AND deleted IS NULL",
            (title, _folded(title), browser, conversation),
        )

    def delete(self, browser: str, conversation: str) -> bool:
        """Take it off the list; ``restore`` brings it back for a minute."""
        return self._changed(
            "UPDATE conversations SET deleted = ? WHERE browser = ? AND id = ? AND deleted IS NULL",
            (self._clock(), browser, conversation),
        )

    def restore(self, browser: str, conversation: str) -> bool:
        """Undo a deletion; False when it is too late for that."""
        return self._changed(
            "UPDATE conversations SET deleted = NULL WHERE browser = ? AND id = ? AND deleted IS NOT NULL",
            (browser, conversation),
        )

    def rate(self, browser: str, conversation: str, turn: str, thumb: Thumb | None, reason: str = "") -> bool:
        """Keep what the person thinks of an answer; None takes it back."""
        if thumb is not None and thumb not in get_args(Thumb):
            raise InputError(f"a judgement is {thumb!r}; allowed: up, down")
        return self._changed(
            "UPDATE turns SET thumb = ?, reason = ? WHERE browser = ? AND conversation = ? AND id = ?",
            (thumb, reason.strip()[:LONGEST_REASON] if thumb else "", browser, conversation, turn),
        )

    def cited(self, place: str) -> dict[str, int]:
        """In how many answers each article of the index at ``place`` was cited, by path; deleted ones do not count."""
        with self._told(), self._guard:
            rows = self._db.execute(
                "SELECT j.key, COUNT(*) FROM turns t JOIN conversations c ON c.browser = t.browser AND "
                "c.id = t.conversation, json_each(t.shas) j WHERE c.place = ? AND c.deleted IS NULL GROUP BY j.key",
                (place,),
            ).fetchall()
        return dict(rows)

    def rated(self, shelf: str | None = None) -> list[list[Turn]]:
        """Every judged turn (of one index), of whichever browser: the conversation up to it, the judged turn last."""
        with self._told(), self._guard:
            rows = self._db.execute(
                "SELECT DISTINCT c.created, c.id, t.browser, t.conversation FROM turns t JOIN conversations c "
                "ON c.browser = t.browser AND c.id = t.conversation WHERE t.thumb IS NOT NULL AND c.deleted IS NULL "
                "AND c.shelf = COALESCE(?, c.shelf) ORDER BY c.created, c.id",
                (shelf,),
            ).fetchall()
            talks = [self.turns(*row[2:]) for row in rows]
        return [talk[: at + 1] for talk in talks for at, turn in enumerate(talk) if turn.thumb is not None]

    def _changed(self, statement: str, values: tuple[object, ...]) -> bool:
        with self._told(), self._writing() as db:
            return db.execute(statement, values).rowcount > 0

    def _purge(self) -> None:
        self._changed("DELETE FROM conversations WHERE deleted < ?", (self._clock() - UNDO_SECONDS,))


def _id(value: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InputError(
            f"{str(value)[:80]!r} is no id; the page makes them of 8 to 64 letters, digits, - and _"
        )
    return value


def _title(text: str) -> str:
    title = _SPACES.sub(" ", text).strip()
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1].rstrip()}…"


def _folded(text: str) -> str:
    return _SPACES.sub(" ", text).strip().casefold()


def _literal(word: str) -> str:
    return re.sub(r"([!%_])", r"!\1", word)


def _turn(row: tuple[str, str, str | None, str, int, str, str, float, Thumb | None, str]) -> Turn:
    ident, question, written, problem, stopped, shas, trace, asked, thumb, reason = row
    answer = None
    if written is not None:
        try:
            answer = _answers.validate_json(written)
        except (
            ValidationError
        ):  # written by a version whose answers had another shape: the question is still worth showing
            problem = "This answer was kept by another version of the program and cannot be shown; ask again."
    return Turn(
        ident,
        question,
        answer,
        problem,
        bool(stopped),
        json.loads(shas),
        json.loads(trace),
        asked,
        thumb,
        reason,
    )
