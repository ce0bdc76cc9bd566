"""The page around the conversation: its head, what stands there before the first question, filters and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.apps.chat_html import byline, count, escape, plain_time
from rag.apps.language_models import Model

SOURCES_SHOWN = (1, 2, 3, 5)  # what "sources shown at first" can be set to, besides all


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the page says about the index it answers from.

    Attributes:
        name: a short name a person knows it by.
        path: the index's folder.
        documents: how many articles it holds.
        synced_at: ISO time of the last sync, or None.
        folder: the folder that was synced, where known.
        others: names of the indexes beside it.
        models: the language models that can word answers.
        fluent: one of them does, unless a person chooses otherwise.
        read_only: nothing is added or removed here.
    """

    name: str
    path: str
    documents: int
    synced_at: str | None = None
    folder: str | None = None
    others: tuple[str, ...] = ()
    models: tuple[Model, ...] = ()
    fluent: bool = False
    read_only: bool = False


def how_to_add(shelf: Shelf) -> str:
    """One line: how articles get in from outside this page."""
    folder = shelf.folder or "FOLDER"
    lead = "To add articles, put them" if shelf.read_only else "Drop files on this page, or put them"
    return (
        f"{lead} into <code>{escape(folder)}</code> and run "
        f'<code class="command">rag sync {escape(folder)} --index {escape(shelf.path)}</code>'
    )


# --- the head ---


def _others(shelf: Shelf) -> str:
    if not shelf.others:
        return ""
    buttons = "".join(
        f'<button type="button" class="chip" data-index="{escape(name)}">{escape(name)}</button>'
        for name in shelf.others
    )
    return f'<div class="others"><p>Other indexes</p><div class="chips">{buttons}</div></div>'


def _where(shelf: Shelf) -> str:
    if not any(model.is_remote for model in shelf.models):
        return "Answers are made on this machine."
    return (
        "Quotes are found on this machine. For a model that runs elsewhere, the conversation and the passages found "
        "are sent there."
    )


def _about(shelf: Shelf) -> str:
    synced = plain_time(shelf.synced_at)
    facts = byline(count(shelf.documents, "article", "articles"), f"synced {synced}" if synced else None)
    return (
        '<details class="shelf pop"><summary aria-label="About this index">'
        f'<span class="shelf-name">{escape(shelf.name)}</span><span class="dot"> · </span>'
        f'<span class="shelf-facts">{facts}</span></summary>'
        f'<div class="shelf-more pop-body">{_others(shelf)}<p>{how_to_add(shelf)}</p>'
        f"<p>Index: <code>{escape(shelf.path)}</code>. {_where(shelf)}</p></div></details>"
    )


def _radio(name: str, value: str, label: str, note: str = "", disabled: bool = False) -> str:
    told = f'<span class="choice-note">{escape(note)}</span>' if note else ""
    off = " disabled" if disabled else ""
    return (
        f'<label class="choice"><input type="radio" name="{name}" value="{escape(value)}"{off}>'
        f"<span>{escape(label)}{told}</span></label>"
    )


def _models(models: Sequence[Model]) -> str:
    if not models:
        return (
            '<fieldset class="models"><legend>Model</legend><p class="choice-note">None is set up. To have one, put '
            '<code>generator = "ollama:llama3.2"</code> or the like into <code>rag.toml</code> and start again; '
            "<code>rag models</code> tries it.</p></fieldset>"
        )
    rows = "".join(
        _radio(
            "model",
            one.key,
            one.label,
            f"cannot be used: {one.problem}"
            if one.problem
            else f"{one.where}; the conversation and the passages found are sent there"
            if one.is_remote
            else one.where,
            disabled=bool(one.problem),
        )
        for one in models
    )
    return f'<fieldset class="models"><legend>Model</legend>{rows}</fieldset>'


def _settings(models: Sequence[Model], fluent: bool) -> str:
    usable = any(not one.problem for one in models)
    told = "in a model’s words, each sentence checked" if usable else "needs a language model"
    most = _radio("most", "", "All") + "".join(_radio("most", str(n), str(n)) for n in SOURCES_SHOWN)
    themes = "".join(
        _radio("theme", value, label)
        for value, label in (("", "As the system"), ("light", "Light"), ("dark", "Dark"))
    )
    return (
        '<details class="settings pop"><summary aria-label="Settings" title="Settings"></summary>'
        f'<form class="pop-body" data-style="{"fluent" if fluent else "quotes"}"><fieldset><legend>Answers</legend>'
        f"{_radio('style', 'quotes', 'Quotes only', 'the articles’ own sentences, word for word')}"
        f"{_radio('style', 'fluent', 'Fluent', told, disabled=not usable)}</fieldset>{_models(models)}"
        f'<fieldset class="inline"><legend>Sources shown at first</legend>{most}</fieldset>'
        f'<fieldset class="inline"><legend>Colours</legend>{themes}</fieldset></form></details>'
    )


def masthead(shelf: Shelf | None, index: str = "") -> str:
    """The page's name, its conversations, which index it answers from, and how it should answer.

    Args:
        shelf: the index in words.
        index: what the page calls it when it asks: '' for the one it was started over.
    """
    fixed = " data-fixed" if shelf and shelf.read_only else ""
    name = escape(shelf.name if shelf else "")
    return (
        f'<header class="masthead"{fixed} data-index="{escape(index)}" data-shelf="{name}">'
        '<button type="button" class="icon talks-open" aria-label="Conversations" title="Conversations" '
        'aria-expanded="false" aria-controls="talks"></button>'
        f'<h1 class="name">Ask the articles</h1>{_about(shelf) if shelf else ""}'
        '<span class="head-tools"><button type="button" class="articles-open">Articles</button>'
        '<button type="button" class="anew" hidden>New conversation</button>'
        f"{_settings(shelf.models if shelf else (), shelf is not None and shelf.fluent)}</span></header>"
    )


# --- before the first question ---


def _empty(lead: str, *lines: str) -> str:
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    return f'<section class="welcome"><p class="welcome-lead">{lead}</p>{paragraphs}</section>'


def welcome(shelf: Shelf | None, problem: str = "", is_unset: bool = False) -> str:
    """What stands in the conversation before the first question.

    Args:
        shelf: None where nothing can be asked.
        problem: why not.
        is_unset: that lies with the settings or a model, and the index is not to blame.
    """
    if shelf is None and is_unset:
        return _empty(
            "Not ready for questions yet", escape(problem), "Mend that, then start this page again."
        )
    if shelf is None:
        make = "Make one with <code>rag sync FOLDER</code>, then reload this page."
        return _empty("The index cannot be read", escape(problem), make)
    if shelf.documents == 0:
        return _empty("There are no articles here yet", how_to_add(shelf), "Then reload this page.")
    return _empty(
        "What would you like to know?",
        "Every sentence of an answer carries a number, and the number opens the article at the words that say so. "
        "What the articles do not say is not answered.",
    )


def example_list(questions: Sequence[str]) -> str:
    """Questions to start with, each a button that asks it."""
    if not questions:
        return ""
    rows = "".join(
        f'<li><button type="button" class="example" data-ask="{escape(text)}">{escape(text)}</button></li>'
        for text in questions
    )
    return f'<section class="examples"><h2>For instance</h2><ul>{rows}</ul></section>'


# --- above the question ---


def filters(sources: Sequence[str], first: str | None, last: str | None) -> str:
    """Which articles may answer: nothing where they have neither outlets nor dates to choose by.

    Args:
        sources: the outlets.
        first: the earliest date of publication, None where no article has one.
        last: the latest.
    """
    if len(sources) < 2 and (first is None or first == last):
        return ""
    boxes = "".join(
        f'<label class="choice"><input type="checkbox" name="source" value="{escape(name)}">'
        f"<span>{escape(name)}</span></label>"
        for name in sources
    )
    outlets = (
        f'<fieldset class="outlets"><legend>Outlets</legend>{boxes}</fieldset>' if len(sources) > 1 else ""
    )
    dates = "".join(
        f'<label class="day">{label}<input type="date" name="{name}" min="{escape(first or "")}" '
        f'max="{escape(last or "")}"></label>'
        for name, label in (("after", "From"), ("before", "To"))
    )
    days = f'<fieldset class="days"><legend>Published</legend>{dates}</fieldset>' if first else ""
    return (
        '<details class="filters pop"><summary><span class="filters-said">All articles</span></summary>'
        f'<form class="pop-body">{outlets}{days}'
        '<button type="reset" class="act">Clear</button></form></details>'
    )
