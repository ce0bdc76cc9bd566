"""What the page's script can ask its server, besides a question: one method each, plain values in and out.

Gradio hands each method one value that a browser sent, which may be anything; each answers with a dict that is sent
back as JSON. What a person can mend comes back as ``problem`` and is shown, never raised.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from rag.apps import chat_library, chat_view, chat_why
from rag.apps.chat_answer import Asked, Stops
from rag.apps.chat_article import article, missing_article, parse_spans
from rag.apps.chat_desk import Desk
from rag.apps.chat_html import plain_time
from rag.apps.chat_sources import Shown
from rag.apps.chat_uploads import Uploads
from rag.apps.conversation_files import export, feedback_questions
from rag.apps.conversations import Conversations, Turn
from rag.errors import RagError

Reply: TypeAlias = dict[str, Any]

_SORTS = ("title", "date", "cited", "path")
_UNSAFE = re.compile(r"[^\w.-]+")


class Told:
    """What a browser sent, read with care."""

    def __init__(self, value: object) -> None:
        self._values = value if isinstance(value, dict) else {}

    def text(self, key: str) -> str:
        """The text under that key; '' for anything else."""
        return _text(self._values.get(key))

    def texts(self, *keys: str) -> tuple[str, ...]:
        """Several."""
        return tuple(map(self.text, keys))

    def value(self, key: str) -> object:
        """Whatever is there."""
        return self._values.get(key)


def _door(method: Callable[[Doors, Told], Reply]) -> Callable[[Doors, Any], Reply]:
    @functools.wraps(method)
    def called(self: Doors, told: Any) -> Reply:
        try:
            return method(self, Told(told))
        except RagError as error:
            return {"problem": str(error)}

    return called


class Doors:
    """The methods, over a desk and a store.

    Args:
        desk: what is asked.
        store: where conversations are kept.
        stops: the questions that are being answered.
    """

    def __init__(self, desk: Desk, store: Conversations, stops: Stops) -> None:
        self._desk, self._store, self._stops = desk, store, stops
        self._uploads = Uploads()

    def all(self) -> list[Callable[[Any], Reply]]:
        """The methods as gradio takes them: functions that have a name."""
        names = (
            "open_article conversations conversation rename delete restore take_along rate why stop "
            "articles send take_in taken remove_article"
        )
        return [_function(getattr(self, name), name) for name in names.split()]

    # --- articles ---

    @_door
    def open_article(self, told: Told) -> Reply:
        """The article a click asked for, with the cited characters marked."""
        path, spans, kind = told.texts("path", "spans", "kind")
        try:
            here = self._desk.at(told.text("index"))
            document = here.opened()[1].document(path)
        except RagError as error:
            return {"title": path, "html": missing_article(path, str(error))}
        html = article(document, parse_spans(spans), kind, here.newest())
        return {"title": document.title, "html": html}

    @_door
    def articles(self, told: Told) -> Reply:
        """The library's list."""
        here = self._desk.at(told.text("index"))
        library = here.library()
        sort = told.text("sort")
        found = library.articles(
            search=told.text("search"),
            source=told.text("source") or None,
            after=told.text("after") or None,
            before=told.text("before") or None,
            sort=sort if sort in _SORTS else "title",  # type: ignore[arg-type]  # checked just before
            cited=self._store.cited(here.place),
        )
        return {
            "html": chat_library.article_list(found),
            "count": len(found),
            "outlets": chat_library.outlet_options(library.sources()),
        }

    @_door
    def send(self, told: Told) -> Reply:
        """Pieces of files that are being brought: small files travel together."""
        pieces = told.value("pieces")
        for piece in pieces if isinstance(pieces, list) else ():
            name, data = piece if isinstance(piece, list) and len(piece) == 2 else ("", "")
            self._uploads.piece(told.text("ticket"), _text(name), _text(data))
        return {}

    @_door
    def take_in(self, told: Told) -> Reply:
        """All pieces are here: begin to take the files in."""
        self._uploads.begin(told.text("ticket"), self._desk.at(told.text("index")).library())
        return {}

    @_door
    def taken(self, told: Told) -> Reply:
        """How far that is."""
        state = self._uploads.state(told.text("ticket"))
        if state.results is None:
            return {"stage": state.stage, "done": state.done, "total": state.total}
        return {"html": chat_library.file_results(state.results)}

    @_door
    def remove_article(self, told: Told) -> Reply:
        """Remove an article's file."""
        result = self._desk.at(told.text("index")).library().remove(told.text("path"))
        return {"problem": result.reason} if result.outcome == "refused" else {"removed": result.path}

    # --- conversations ---

    @_door
    def conversations(self, told: Told) -> Reply:
        """The list, the latest first."""
        browser, search = told.texts("browser", "search")
        listed = self._store.listed(browser, search)
        return {
            "list": [
                {"id": one.id, "title": one.title, "shelf": one.shelf, "when": plain_time(_iso(one.changed))}
                for one in listed
            ]
        }

    @_door
    def conversation(self, told: Told) -> Reply:
        """A conversation's turns, drawn again over the articles as they are now."""
        browser, ident = told.texts("browser", "conversation")
        found = self._store.conversation(browser, ident)
        if found is None:
            return {"gone": True}
        try:
            here = self._desk.at(found.shelf)
            shown = (here.facts(), here.newest())
        except RagError:  # that index is not here any more; what was said can still be read
            shown = ({}, None)
        most = Asked.read("", {"most": told.value("most")}).most
        turns = self._store.turns(browser, ident)
        return {
            "shelf": found.shelf,
            "title": found.title,
            "model": _model(turns),
            "turns": [
                {"turn": turn.id, "html": _drawn(turn, Shown(*shown, turn.shas), most)} for turn in turns
            ],
        }

    @_door
    def rename(self, told: Told) -> Reply:
        """Give a conversation another title."""
        return {"done": self._store.rename(*told.texts("browser", "conversation", "title"))}

    @_door
    def delete(self, told: Told) -> Reply:
        """Take a conversation off the list."""
        return {"done": self._moved(told, self._store.delete)}

    @_door
    def restore(self, told: Told) -> Reply:
        """Undo that."""
        return {"done": self._moved(told, self._store.restore)}

    @_door
    def take_along(self, told: Told) -> Reply:
        """A conversation as a file."""
        browser, ident, form = told.texts("browser", "conversation", "form")
        made = export(self._store, browser, ident, "json" if form == "json" else "markdown")
        return {"name": made[0], "text": made[1]} if made else {"problem": "That conversation is gone."}

    @_door
    def rate(self, told: Told) -> Reply:
        """Keep a judgement, and the question set that judgements make."""
        browser, ident, turn, thumb, reason = told.texts("browser", "conversation", "turn", "thumb", "reason")
        done = self._store.rate(browser, ident, turn, thumb or None, reason)  # type: ignore[arg-type]  # checked there
        found = self._store.conversation(browser, ident)
        if done and found is not None:
            self._write_feedback(found.shelf)
        return {"done": done}

    @_door
    def why(self, told: Told) -> Reply:
        """What there is to say about how an answer came about."""
        browser, ident, wanted = told.texts("browser", "conversation", "turn")
        turns = self._store.turns(browser, ident)
        trace = next((turn.trace for turn in turns if turn.id == wanted), {})
        return {"html": chat_why.drawer(trace)}

    def _write_feedback(self, shelf: str) -> None:
        """Write the question set anew, so that it never holds what was taken back or deleted."""
        if self._store.file is not None:
            name = _UNSAFE.sub("-", shelf).strip(".-") or "index"
            feedback_questions(self._store, self._store.file.parent / "feedback" / f"{name}.jsonl", shelf)

    def _moved(self, told: Told, move: Callable[[str, str], bool]) -> bool:
        """Delete or restore a conversation, and the question set with it where it holds judgements."""
        browser, ident = told.texts("browser", "conversation")
        before = self._store.conversation(browser, ident), self._store.turns(browser, ident)
        done = move(browser, ident)
        found, turns = (
            before
            if before[0]
            else (self._store.conversation(browser, ident), self._store.turns(browser, ident))
        )
        if done and found is not None and any(turn.thumb for turn in turns):
            self._write_feedback(found.shelf)
        return done

    @_door
    def stop(self, told: Told) -> Reply:
        """Stop a question that is being answered."""
        return {"done": self._stops.stop(told.text("turn"))}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _drawn(turn: Turn, shown: Shown, most: int | None) -> str:
    within = turn.trace.get("within")
    return chat_view.turn(
        turn.question,
        query=turn.answer.query if turn.answer else "",
        within=within if isinstance(within, str) else "",
        answer=turn.answer,
        problem=turn.problem,
        shown=shown,
        most=most,
        stopped=turn.stopped,
        thumb=turn.thumb,
        reason=turn.reason,
    )


def _model(turns: Sequence[Turn]) -> str:
    """The model that a conversation was last held with."""
    return _text(turns[-1].trace.get("model")) if turns else ""


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _function(method: Callable[[Any], Reply], name: str) -> Callable[[Any], Reply]:
    def call(told: Any) -> Reply:
        return method(told)

    call.__name__ = name
    return call
