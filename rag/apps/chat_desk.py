"""What the chat page answers from: engines and indexes, opened when they can be, and what is said about them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rag.answering.events import instead
from rag.apps import chat_shell as shell
from rag.apps.chat_examples import candidates, pick
from rag.apps.chat_sources import Facts
from rag.apps.language_models import Models
from rag.errors import InputError, MissingExtraError, ModelError, RagError, SettingsError

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine
    from rag.apps.library import Library
    from rag.index.index import Index
    from rag.settings import Settings

EXAMPLES_FROM = 40  # articles that example questions are made from
EXAMPLES_WAIT = 8.0  # seconds a page waits for them at most; it is usable meanwhile

Opener: TypeAlias = "Callable[[], tuple[AnswerEngine, Index]]"


def desk_over(path: Path, settings: Settings) -> Desk:
    """A desk over an index on disk, and the ones that lie beside it; nothing is opened before it is needed."""

    from rag.apps.gguf_child import load

    def opener(where: Path, like: tuple[AnswerEngine, Index] | None) -> tuple[AnswerEngine, Index]:
        from rag.answering.engine import AnswerEngine
        from rag.index.index import Index
        from rag.retrieval.retriever import Retriever

        if like is None:
            index = Index.open(where, settings=settings, create=False)
            return AnswerEngine(Retriever(index, settings), generator=models.get(models.default)), index
        engine, first = like  # weights are loaded once, whatever is asked
        own = settings.model_copy(update={"index": where})
        index = Index.open(where, settings=own, encoder=first.encoder, create=False)
        return AnswerEngine(Retriever(index, own, reader=engine.reader), generator=engine.generator), index

    def beside(name: str) -> Desk:
        where = path.parent / name
        return Desk(lambda: opener(where, desk.open()), where, models=models)

    models = Models(settings, load=load)
    desk = Desk(lambda: opener(path, None), path, beside, models)
    return desk


class Desk:
    """The engine and index behind the page, opened again when they could not be opened at first.

    Args:
        opener: opens both; a RagError of it is shown on the page, and reloading the page tries again.
        path: the index's folder, as the page names it.
        beside: makes the desk over another index of the same folder; None where there is no going elsewhere.
        models: the language models to choose from; the engine's own by default.
    """

    def __init__(
        self,
        opener: Opener,
        path: Path,
        beside: Callable[[str], Desk] | None = None,
        models: Models | None = None,
    ) -> None:
        self._opener = opener
        self._beside = beside
        self._models = models
        self._others: dict[str, Desk] = {}
        self._lock = threading.Lock()
        self._opened: tuple[AnswerEngine, Index] | None = None
        self._examples: Future[list[str]] | None = None
        self._examples_of = -1
        self._facts: dict[str, Facts] = {}
        self._newest: str | None = None
        self._facts_of = -1
        self.path = path
        self.problem = ""
        self.is_unset = False  # the problem lies with the settings or a model, not with the index

    @property
    def name(self) -> str:
        """What a person calls this index."""
        return self.path.name or str(self.path)

    @property
    def place(self) -> str:
        """Where it lies; several indexes may have one name."""
        return str(self.path.absolute().resolve())

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

    def opened(self) -> tuple[AnswerEngine, Index]:
        """As ``open``, where there is no page to show the reason on.

        Raises:
            InputError: with the reason.
        """
        found = self.open()
        if found is None:
            raise InputError(self.problem)
        return found

    # --- several models ---

    def models(self) -> Models:
        """The language models to choose from."""
        if self._models is None:
            opened = self.open()
            self._models = Models(known=getattr(opened[0], "generator", None) if opened else None)
        return self._models

    def engine(self, style: str, model: str) -> tuple[AnswerEngine, str]:
        """The engine as a person chose it, and why it is not quite that, if it is not.

        Args:
            style: "quotes" for the articles' own words, whatever the model.
            model: the key of one of the ``models``; one that is not configured stands for the default.
        """
        engine = self.opened()[0]
        if style == "quotes":
            return plain(engine), ""
        chosen = copy(engine)
        try:
            chosen.generator = self.models().get(model)
        except RagError as error:
            return plain(engine), instead(str(error))
        return chosen, ""

    # --- several indexes ---

    def others(self) -> list[str]:
        """The names of the indexes that lie beside this one."""
        from rag.index.index import CATALOG

        if self._beside is None:
            return []
        try:
            folders = [
                folder for folder in self.path.absolute().parent.iterdir() if (folder / CATALOG).is_file()
            ]
        except OSError:
            return []
        return sorted(folder.name for folder in folders if folder.name != self.path.absolute().name)

    def at(self, name: str) -> Desk:
        """This desk, or the one over another index that lies beside it.

        Args:
            name: '' or this desk's own for this one; whatever comes from a browser is looked up, never made a path.

        Raises:
            InputError: there is no such index.
        """
        if name in ("", self.name):
            return self
        if self._beside is None or name not in self.others():
            raise InputError(f"there is no index {name!r} here any more; next step: reload the page")
        with self._lock:
            if name not in self._others:
                self._others[name] = self._beside(name)
            return self._others[name]

    # --- what is said about it ---

    def shelf(self) -> shell.Shelf | None:
        """What the page says about the index; None when it cannot be read."""
        opened = self.open()
        if opened is None:
            return None
        index = opened[1]
        try:
            status = index.status()
        except RagError as error:
            self.problem = str(error)
            return None
        return shell.Shelf(
            name=self.name,
            path=_near(self.path),
            documents=status.documents,
            synced_at=status.synced_at,
            folder=_near(Path(status.folder)) if status.folder else None,
            others=tuple(self.others()),
            models=self.models().listed(),
            fluent=bool(self.models().default),
            read_only=index.settings.serve_read_only,
        )

    def facts(self) -> dict[str, Facts]:
        """What the index says about each article, by path; read once per state of the index."""
        opened = self.open()
        if opened is None:
            return {}
        index = opened[1]
        try:
            generation = index.generation
            if generation != self._facts_of:
                listed = index.documents()
                self._facts = {item.path: Facts(item.source, item.published, item.sha256) for item in listed}
                self._newest = max((item.published for item in listed if item.published), default=None)
                self._facts_of = generation
        except RagError:
            return {}  # the conversation's place already says what is wrong
        return self._facts

    def newest(self) -> str | None:
        """The latest date of publication."""
        self.facts()
        return self._newest

    def filters(self) -> str:
        """What the articles can be narrowed by, as HTML; empty when by nothing."""
        facts = self.facts().values()
        days = sorted(item.published[:10] for item in facts if item.published)
        sources = sorted({item.source for item in facts if item.source}, key=str.casefold)
        return shell.filters(sources, days[0] if days else None, days[-1] if days else None)

    def library(self) -> Library:
        """The articles, to be listed, added to and removed from.

        Raises:
            InputError: the index cannot be opened.
        """
        from rag.apps.library import Library

        index = self.opened()[1]
        return Library(index, read_only=index.settings.serve_read_only)

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


def plain(engine: AnswerEngine) -> AnswerEngine:
    """The same engine in the articles' own words: no model is asked."""
    quoting = copy(engine)
    quoting.generator = None
    return quoting


def _near(path: Path) -> str:
    """A path as one would type it here: relative where it lies below the working folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _find_examples(engine: AnswerEngine, index: Index, result: Future[list[str]]) -> None:
    kept: list[str] = []
    try:
        listed = index.documents()
        some = listed[:: max(1, len(listed) // EXAMPLES_FROM)][:EXAMPLES_FROM]
        # the articles' own words decide; a model is asked when a person asks, as it may take its time or money
        kept = pick(candidates(index.document(item.path) for item in some), plain(engine).ask)
    except RagError:
        pass  # a page without examples is still a whole page; what is wrong shows with the first question
    finally:
        result.set_result(kept)
