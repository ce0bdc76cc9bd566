"""What the chat page answers from: an engine and an index, opened when they can be, and what is said about them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rag.apps import chat_view as view
from rag.apps.chat_examples import candidates, pick
from rag.errors import MissingExtraError, ModelError, RagError, SettingsError

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine
    from rag.index.index import Index
    from rag.settings import Settings

LISTED = 60  # articles in the list beside the chat
EXAMPLES_FROM = 40  # articles that example questions are made from
EXAMPLES_WAIT = 8.0  # seconds a page waits for them at most; it is usable meanwhile

Opener: TypeAlias = "Callable[[], tuple[AnswerEngine, Index]]"


def desk_over(path: Path, settings: Settings) -> Desk:
    """A desk over an index on disk; nothing is opened before it is needed."""

    def opener() -> tuple[AnswerEngine, Index]:
        from rag.answering.engine import AnswerEngine
        from rag.index.index import Index
        from rag.retrieval.retriever import Retriever

        index = Index.open(path, settings=settings, create=False)
        return AnswerEngine(Retriever(index, settings)), index

    return Desk(opener, path)


class Desk:
    """The engine and index behind the page, opened again when they could not be opened at first.

    Args:
        opener: opens both; a RagError of it is shown on the page, and reloading the page tries again.
        path: the index's folder, as the page names it.
    """

    def __init__(self, opener: Opener, path: Path) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._opened: tuple[AnswerEngine, Index] | None = None
        self._examples: Future[list[str]] | None = None
        self._examples_of = -1
        self.path = path
        self.problem = ""
        self.is_unset = False  # the problem lies with the settings or a model, not with the index

    def open(self) -> tuple[AnswerEngine, Index] | None:
        """Engine and index, or None with the reason in ``problem``."""
        with self._lock:
            if self._opened is None:
                try:
                    self._opened = self._opener()
                    self.problem = ""
                except RagError as error:
                    self.problem = str(error)
                    self.is_unset = isinstance(error, SettingsError | MissingExtraError | ModelError)
            return self._opened

    def shelf(self) -> view.Shelf | None:
        """What the page says about the index; None when it cannot be read."""
        opened = self.open()
        if opened is None:
            return None
        try:
            status = opened[1].status()
        except RagError as error:
            self.problem = str(error)
            return None
        return view.Shelf(
            name=self.path.name or str(self.path),
            path=_near(self.path),
            documents=status.documents,
            synced_at=status.synced_at,
            folder=_near(Path(status.folder)) if status.folder else None,
        )

    def library(self) -> str:
        """The list of articles as HTML; empty when there are none."""
        opened = self.open()
        try:
            listed = opened[1].documents() if opened else []
        except RagError:
            return ""  # the conversation's place already says what is wrong
        entries = [
            view.Entry(item.path, item.title, item.source, item.published) for item in islice(listed, LISTED)
        ]
        return view.library(entries, len(listed)) if listed else ""

    def examples(self) -> list[str]:
        """Example questions, found once per state of the index by a thread of their own."""
        opened = self.open()
        if opened is None:
            return []
        engine, index = opened
        with self._lock:
            if self._examples is None or self._examples_of != index.generation:
                self._examples, self._examples_of = Future(), index.generation
                threading.Thread(
                    target=_find_examples, args=(engine, index, self._examples), daemon=True
                ).start()
            wanted = self._examples
        try:
            return wanted.result(timeout=EXAMPLES_WAIT)
        except TimeoutError:
            return []


def _near(path: Path) -> str:
    """A path as one would type it here: relative where it lies below the working folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _find_examples(engine: AnswerEngine, index: Index, result: Future[list[str]]) -> None:
    kept: list[str] = []
    # the articles' own words decide; a model is asked when a person asks, as it may take its time or money
    plain = copy(engine)
    plain.generator = None
    try:
        listed = index.documents()
        some = listed[:: max(1, len(listed) // EXAMPLES_FROM)][:EXAMPLES_FROM]
        kept = pick(candidates(index.document(item.path) for item in some), plain.ask)
    except RagError:
        pass  # a page without examples is still a whole page; what is wrong shows with the first question
    finally:
        result.set_result(kept)
