"""What the chat page shows, as pure functions from the answer's value types to HTML.

Every word that comes from an article, a file name or a person goes through ``escape``; nothing is treated as Markdown,
so an article that contains a script, an image or a link shows those characters and does nothing.

A citation is a button that carries where it points, ``data-path`` and ``data-spans``. A span is written
``start:end:check``; ``check`` is a short hash of the quoted words, so that ``chat_article`` can tell when the file has
changed since the answer and never highlights other words than the ones that were cited.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape as _escape

from rag.answering.citations import marked
from rag.types import Answer, Citation, Hit, Source, Statement, Unverified

CLOSEST_SHOWN = 3
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Span:
    """A passage to highlight: offsets into ``Document.text`` and a check on its words ('' for none)."""

    start: int
    end: int
    check: str = ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the page says about the index it answers from.

    Attributes:
        name: a short name a person knows it by.
        path: the index's folder.
        documents: how many articles it holds.
        synced_at: ISO time of the last sync, or None.
        folder: the folder that was synced, where known.
    """

    name: str
    path: str
    documents: int
    synced_at: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One article in the list beside the chat."""

    path: str
    title: str
    source: str | None = None
    published: str | None = None


def escape(text: str) -> str:
    """Make text safe as HTML content and as a quoted attribute."""
    return _escape(text, quote=True)


# --- small parts ---


def check(quote: str) -> str:
    """Eight hex digits that change when the quoted words do."""
    return hashlib.sha256(quote.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def plain_date(published: str | None) -> str:
    """``2024-11-04`` as ``4 November 2024``; what is not an ISO date is shown as it is."""
    if not published:
        return ""
    try:
        day = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return f"{day.day} {day:%B %Y}"


def plain_time(stamp: str | None, now: datetime | None = None) -> str:
    """An ISO time as a person says it, in this machine's time zone: ``today, 06:41`` or ``20 November 2026``."""
    if not stamp:
        return ""
    try:
        moment = datetime.fromisoformat(stamp).astimezone()
    except ValueError:
        return stamp
    today = (now or datetime.now()).astimezone().date()
    if moment.date() == today:
        return f"today, {moment:%H:%M}"
    return f"{moment.day} {moment:%B %Y}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def byline(*parts: str | None) -> str:
    """The parts that are known, with dots between them."""
    return '<span class="dot"> · </span>'.join(f"<span>{escape(part)}</span>" for part in parts if part)


def _numbered(citations: Sequence[Citation]) -> dict[int, list[Citation]]:
    """A statement's citations by their number, in order; two passages of one article share its number."""
    grouped: dict[int, list[Citation]] = {}
    for citation in citations:
        grouped.setdefault(citation.number, []).append(citation)
    return grouped


def _target(path: str, spans: Iterable[Span], kind: str, what: str = "") -> str:
    """What a button carries so that a click can open its passage; ``what`` is the panel's word for it."""
    written = " ".join(f"{span.start}:{span.end}:{span.check}" for span in spans)
    return (
        f'data-path="{escape(path)}" data-spans="{escape(written)}" data-kind="{kind}" '
        f'data-what="{escape(what)}" aria-controls="panel"'
    )


def _cited(citations: Iterable[Citation]) -> list[Span]:
    return [Span(c.start, c.end, check(c.quote)) for c in citations]


# --- an answer ---


def citation_button(number: int, citations: Sequence[Citation]) -> str:
    """``[n]``: the brackets are there for copying and for screen readers, and drawn as a small chip."""
    first = citations[0]
    return (
        f'<button type="button" class="cite" {_target(first.path, _cited(citations), "cited", f"Source {number}")} '
        f'aria-label="Source {number}: {escape(first.title)}" title="{escape(first.title)}">'
        f'<span class="bracket">[</span>{number}<span class="bracket">]</span></button>'
    )


def statement(item: Statement, mark: str = "") -> str:
    """One sentence of the answer with its numbers."""
    numbers = "".join(citation_button(number, group) for number, group in _numbered(item.citations).items())
    return f'<p class="statement">{escape(item.text)}<span class="cites">{numbers}</span>{mark}</p>'


def worded_statement(item: Statement) -> str:
    """One sentence in a model's words, with its numbers and the mark that it was checked."""
    quotes = len(item.citations)
    articles = len({citation.path for citation in item.citations})
    borne = (
        "1 quote bears"
        if quotes == 1
        else f"{quotes} quotes from {_count(articles, 'article', 'articles')} bear"
    )
    why = f"Checked: {borne} this out; every figure, date and name of it stands there"
    return statement(
        item, f'<span class="checked" role="img" aria-label="checked" title="{escape(why)}"></span>'
    )


def left_out(dropped: Sequence[Unverified]) -> str:
    """What the model said and no article supports, struck through, with the reasons."""
    if not dropped:
        return ""
    rows = "".join(
        f'<li><s>{escape(one.text)}</s><span class="source-line">{escape("; ".join(one.reasons))}</span></li>'
        for one in dropped
    )
    return (
        '<section class="left-out"><h3>Left out <span class="not-answer">the articles do not say this</span></h3>'
        f'<ul class="left-out-list">{rows}</ul></section>'
    )


def note_line(note: str | None) -> str:
    """What became of the model, calmly."""
    return f'<p class="note">{escape(note)}</p>' if note else ""


def model_name(generator: str) -> str:
    """A model as a person calls it: of a GGUF file its name, without folders and suffix."""
    kind, _, name = generator.partition(":")
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".gguf") if kind == "gguf" else generator


def source_list(sources: Sequence[Source], statements: Sequence[Statement]) -> str:
    """The answer's numbered sources; each opens its article at the first passage that was cited."""
    first: dict[int, Citation] = {}
    for item in statements:
        for citation in item.citations:
            first.setdefault(citation.number, citation)
    rows = []
    for source in sources:
        cited = first.get(source.number)
        spans = _cited([cited]) if cited else []
        target = _target(source.path, spans, "cited", f"Source {source.number}")
        rows.append(
            f'<li><button type="button" class="source" {target}>'
            f'<span class="source-number" aria-hidden="true">{source.number}</span>'
            f'<span class="source-body"><span class="source-title">{escape(source.title)}</span>'
            f'<span class="source-line">{byline(plain_date(source.published), source.path)}</span></span>'
            f"</button></li>"
        )
    return (
        '<section class="sources"><h3>Sources</h3><ol class="source-list">'
        + "".join(rows)
        + "</ol></section>"
    )


def closest_list(hits: Sequence[Hit], heading: str) -> str:
    """The nearest passages, marked as no answer."""
    if not hits:
        return ""
    rows = []
    for hit in hits[:CLOSEST_SHOWN]:
        best = max(hit.sentences, key=lambda sentence: sentence.score, default=None)
        excerpt = _SPACES.sub(" ", best.text if best else hit.text).strip()
        spans = [Span(hit.start, hit.end, check(hit.text))]
        rows.append(
            f'<li><button type="button" class="passage" {_target(hit.path, spans, "closest", "Close by")}>'
            f'<span class="passage-text">{escape(excerpt)}</span>'
            f'<span class="source-line">{byline(hit.title, hit.source, plain_date(hit.published))}</span>'
            "</button></li>"
        )
    return (
        f'<section class="closest"><h3>{escape(heading)} <span class="not-answer">not an answer</span></h3>'
        f'<ol class="passage-list">{"".join(rows)}</ol></section>'
    )


def _not_found(answer: Answer) -> str:
    said = "" if answer.text.strip().rstrip(".").casefold() == "not in these articles" else answer.text
    return (
        '<div class="answer not-found"><p class="verdict">Not in these articles</p>'
        + (f'<p class="verdict-note">{escape(said)}</p>' if said else "")
        + note_line(answer.note)
        + closest_list(answer.closest, "Closest passages")
        + "</div>"
    )


def answer_body(answer: Answer) -> str:
    """A finished answer, by its verdict."""
    if answer.verdict == "not_found":
        return _not_found(answer)
    parts = [f'<div class="answer {answer.verdict}">', note_line(answer.note)]
    if answer.verdict == "partial":
        # what follows the statements names every part that stayed open
        rest = answer.text.removeprefix(" ".join(marked(statement) for statement in answer.statements))
        parts.append(f'<p class="part">The articles answer only part of this. {escape(rest.strip())}</p>')
    if answer.short_answer:
        parts.append(f'<p class="short">{escape(answer.short_answer)}</p>')
    if answer.generator == "extractive":
        parts.append(f'<div class="statements quoted">{" ".join(map(statement, answer.statements))}</div>')
    else:
        shown = " ".join(map(worded_statement, answer.statements))
        parts.append(f'<div class="statements flowing">{shown}</div>')
        worded = f"Worded by {model_name(answer.generator)}, each sentence checked against the articles"
        parts.append(f'<p class="worded">{escape(worded)}</p>')
    parts.append(left_out(answer.unverified))
    parts.append(source_list(answer.sources, answer.statements))
    if answer.verdict == "partial":
        parts.append(closest_list(answer.closest, "Also close by"))
    parts.append("</div>")
    return "".join(parts)


def writing(statements: Sequence[Statement], draft: str, dropped: Sequence[Unverified]) -> str:
    """An answer while a model words it: what is checked, then, dim, what is not yet.

    Args:
        statements: checked.
        draft: what the model has written since.
        dropped: what failed the check, where that is to be shown.
    """
    shown = [worded_statement(item) for item in statements]
    if draft.strip():
        shown.append(f'<p class="draft">{escape(draft)}</p>')
    return (
        f'<div class="answer writing"><div class="statements flowing">{" ".join(shown)}</div>'
        '<p class="waiting"><span>Checking each sentence against the articles</span></p>'
        f"{left_out(dropped)}</div>"
    )


def turn(
    question: str,
    *,
    query: str = "",
    searched: str = "searched",
    statements: Sequence[Statement] = (),
    draft: str | None = None,
    dropped: Sequence[Unverified] = (),
    note: str = "",
    answer: Answer | None = None,
    problem: str = "",
) -> str:
    """A question and what is known of its answer so far.

    Args:
        question: as the person typed it.
        query: the question that was searched; shown when a follow-up was completed from the conversation.
        searched: what ``query`` is called.
        statements: what has arrived while ``answer`` is still None.
        draft: what a model has written and nobody has checked yet; None while no model words the answer.
        dropped: what failed the check, where that is to be shown.
        note: what became of the model that was to word the answer.
        answer: the whole answer, once there.
        problem: what went wrong instead of an answer.
    """
    parts = [f'<h2 class="asked">{escape(question)}</h2>']
    if query and _SPACES.sub(" ", query).strip().casefold() != _SPACES.sub(" ", question).strip().casefold():
        parts.append(f'<p class="searched">{searched}: <q>{escape(query)}</q></p>')
    if problem:
        parts.append(
            '<div class="answer problem"><p class="verdict">This question could not be answered</p>'
            f'<p class="verdict-note">{escape(problem)}</p></div>'
        )
    elif answer is not None:
        parts.append(answer_body(answer))
    elif draft is not None:
        parts.append(writing(statements, draft, dropped))
    elif statements or note:
        parts.append(f'<div class="answer">{note_line(note)}<div class="statements">')
        parts.append(" ".join(map(statement, statements)))
        parts.append("</div></div>")
    else:
        parts.append('<p class="waiting"><span>Reading the articles</span></p>')
    return "".join(parts)


# --- the rest of the page ---


def how_to_add(shelf: Shelf) -> str:
    """One line: how articles get in."""
    folder = shelf.folder or "FOLDER"
    return (
        f"To add articles, put .txt or .md files into <code>{escape(folder)}</code> and run "
        f'<code class="command">rag sync {escape(folder)} --index {escape(shelf.path)}</code>'
    )


def masthead(shelf: Shelf | None) -> str:
    """The page's name, which index it answers from, and how to add to it."""
    about = ""
    if shelf is not None:
        synced = plain_time(shelf.synced_at)
        facts = byline(
            _count(shelf.documents, "article", "articles"),
            f"synced {synced}" if synced else None,
        )
        about = (
            '<details class="shelf"><summary aria-label="About this index">'
            f'<span class="shelf-name">{escape(shelf.name)}</span><span class="dot"> · </span>'
            f'<span class="shelf-facts">{facts}</span></summary>'
            f'<div class="shelf-more"><p>{how_to_add(shelf)}</p>'
            f"<p>Index: <code>{escape(shelf.path)}</code>. Answers are made on this machine.</p></div></details>"
        )
    return (
        '<header class="masthead"><h1 class="name">Ask the articles</h1>'
        f'{about}<button type="button" class="anew" hidden>New conversation</button></header>'
    )


def welcome(shelf: Shelf | None, problem: str = "", is_unset: bool = False) -> str:
    """What stands in the conversation before the first question.

    Args:
        shelf: None where nothing can be asked.
        problem: why not.
        is_unset: that lies with the settings or a model, and the index is not to blame.
    """
    if shelf is None and is_unset:
        return (
            '<section class="welcome"><p class="welcome-lead">Not ready for questions yet</p>'
            f"<p>{escape(problem)}</p><p>Mend that, then start this page again.</p></section>"
        )
    if shelf is None:
        return (
            '<section class="welcome"><p class="welcome-lead">The index cannot be read</p>'
            f"<p>{escape(problem)}</p><p>Make one with <code>rag sync FOLDER</code>, then reload this page.</p>"
            "</section>"
        )
    if shelf.documents == 0:
        return (
            '<section class="welcome"><p class="welcome-lead">There are no articles here yet</p>'
            f"<p>{how_to_add(shelf)}</p><p>Then reload this page.</p></section>"
        )
    return (
        '<section class="welcome"><p class="welcome-lead">What would you like to know?</p>'
        "<p>Every sentence of an answer carries a number, and the number opens the article at the words that say so. "
        "What the articles do not say is not answered.</p></section>"
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


def library(entries: Sequence[Entry], total: int) -> str:
    """The panel before anything is opened: the articles themselves.

    Args:
        entries: the articles to list, already cut to a sensible number.
        total: how many there are altogether.
    """
    rows = "".join(
        f'<li><button type="button" class="entry" {_target(entry.path, (), "plain")}>'
        f'<span class="entry-title">{escape(entry.title)}</span>'
        f'<span class="source-line">{byline(entry.source, plain_date(entry.published), entry.path)}</span>'
        "</button></li>"
        for entry in entries
    )
    more = total - len(entries)
    return (
        '<section class="library"><h2>The articles</h2>'
        f'<ul class="entries">{rows}</ul>'
        + (f'<p class="more">and {_count(more, "more", "more")}</p>' if more > 0 else "")
        + "</section>"
    )
