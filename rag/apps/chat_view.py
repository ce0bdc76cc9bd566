"""A question and its answer as HTML: pure functions from the answer's value types.

What becomes of words from articles and people on the way is in ``chat_html``, what stands under an answer in
``chat_sources``, the page around it in ``chat_shell``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.answering.citations import marked
from rag.apps.chat_html import count, escape, note_line
from rag.apps.chat_sources import NOTHING, Shown, closest_list, disagreement, numbers, source_list
from rag.types import Answer, Statement, Unverified

DOWN_REASONS = ("Not right", "Not what I asked", "Something is missing", "The articles do say this")
_LONGEST_TAIL = 20  # characters
_SPACES = re.compile(r"\s+")


# --- statements ---


def _mark(kind: str, why: str) -> str:
    """A small sign whose reason shows on hover and is read out."""
    return f'<span class="{kind}" role="img" aria-label="{escape(why)}" title="{escape(why)}"></span>'


def _with_tail(text: str, tail: str) -> str:
    """Text whose last word stays on one line with what follows it."""
    *before, last = text.rsplit(" ", 1)
    if len(last) > _LONGEST_TAIL:
        return escape(text) + tail
    return f'{"".join(escape(part) + " " for part in before)}<span class="tail">{escape(last)}{tail}</span>'


def statement(item: Statement, mark: str = "") -> str:
    """One sentence of the answer with its numbers."""
    return f'<p class="statement">{_with_tail(item.text, numbers(item.citations) + mark)}</p>'


def quoted_statement(item: Statement) -> str:
    """One sentence of the articles, with its numbers and the sign that it is one."""
    articles = len({citation.path for citation in item.citations})
    where = "from the article" if articles == 1 else f"from {articles} articles that say the same"
    return statement(item, _mark("verbatim", f"Word for word {where}"))


def worded_statement(item: Statement) -> str:
    """One sentence in a model's words, with its numbers and the mark that it was checked."""
    quotes = len(item.citations)
    articles = len({citation.path for citation in item.citations})
    borne = (
        "1 quote bears"
        if quotes == 1
        else f"{quotes} quotes from {count(articles, 'article', 'articles')} bear"
    )
    why = f"Checked: {borne} this out; every figure, date and name of it stands there"
    return statement(item, _mark("checked", why))


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


def _folded(items: Sequence[Statement], shown: Sequence[str], most: int | None) -> str:
    """The statements, those that rest on later sources than wanted put behind a line that opens them."""
    first = [
        text
        for item, text in zip(items, shown, strict=True)
        if most is None or min(c.number for c in item.citations) <= most
    ]
    rest = [text for text in shown if text not in first]
    if not rest:
        return " ".join(shown)
    more = count(len(rest), "more sentence", "more sentences")
    return (
        f'{" ".join(first)}<details class="rest"><summary>{more}, from other articles</summary>'
        f"{' '.join(rest)}</details>"
    )


# --- an answer ---


def model_name(generator: str) -> str:
    """A model as a person calls it: of a GGUF file its name, without folders and suffix."""
    kind, _, name = generator.partition(":")
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".gguf") if kind == "gguf" else generator


def _not_found(answer: Answer) -> str:
    said = "" if answer.text.strip().rstrip(".").casefold() == "not in these articles" else answer.text
    return (
        '<div class="answer not-found"><p class="verdict">Not in these articles</p>'
        + (f'<p class="verdict-note">{escape(said)}</p>' if said else "")
        + note_line(answer.note)
        + closest_list(answer.closest, "Closest passages")
        + "</div>"
    )


def _statements(answer: Answer, most: int | None) -> str:
    """The statements; those that contradict each other stand side by side below, and only there."""
    sides = {position.text for conflict in answer.conflicts for position in conflict.positions}
    answer = replace(answer, statements=tuple(one for one in answer.statements if one.text not in sides))
    if not answer.statements:
        return ""
    if answer.generator == "extractive":
        drawn = [quoted_statement(item) for item in answer.statements]
        return f'<div class="statements quoted">{_folded(answer.statements, drawn, most)}</div>'
    drawn = [worded_statement(item) for item in answer.statements]
    worded = f"Worded by {model_name(answer.generator)}, each sentence checked against the articles"
    return (
        f'<div class="statements flowing">{_folded(answer.statements, drawn, most)}</div>'
        f'<p class="worded">{escape(worded)}</p>'
    )


def answer_body(
    answer: Answer, shown: Shown = NOTHING, most: int | None = None, stopped: bool = False
) -> str:
    """A finished answer, by its verdict.

    Args:
        answer: what was found.
        shown: what is known about its articles now.
        most: how many sources to show at first; the sentences of the others can be opened.
        stopped: the person stopped it before it was whole.
    """
    if answer.verdict == "not_found":
        return _not_found(answer)
    parts = [f'<div class="answer {answer.verdict}">', note_line(answer.note)]
    if stopped:
        parts.append('<p class="part">Stopped before it was whole.</p>')
    elif answer.verdict == "partial":
        # what follows the statements names every part that stayed open
        rest = answer.text.removeprefix(" ".join(marked(statement) for statement in answer.statements))
        parts.append(f'<p class="part">The articles answer only part of this. {escape(rest.strip())}</p>')
    if answer.short_answer and not answer.conflicts:  # in bold only what nobody contradicts
        parts.append(f'<p class="short">{escape(answer.short_answer)}</p>')
    parts.append(_statements(answer, most))
    several = len(answer.conflicts) > 1
    parts.extend(disagreement(conflict, several) for conflict in answer.conflicts)
    parts.append(left_out(answer.unverified))
    parts.append(source_list(answer, shown))
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


def _problem(problem: str) -> str:
    return (
        '<div class="answer problem"><p class="verdict">This question could not be answered</p>'
        f'<p class="verdict-note">{escape(problem)}</p></div>'
    )


def actions(answer: Answer | None, thumb: str | None = None, reason: str = "") -> str:
    """What can be done with an answer, as one quiet line; ``answer`` is None where there is only a problem."""
    again = (
        '<button type="button" class="act last-only retry" aria-label="Ask again" title="Ask again">Retry</button>'
        '<button type="button" class="act last-only edit" aria-label="Edit the question" title="Edit the question">'
        "Edit</button>"
    )
    if answer is None:
        return f'<div class="actions" role="group" aria-label="This question">{again}</div>'
    thumbs = "".join(
        f'<button type="button" class="act thumb {way}" data-thumb="{way}" aria-pressed="{str(thumb == way).lower()}" '
        f'aria-label="{said}" title="{said}"></button>'
        for way, said in (("up", "A good answer"), ("down", "Not a good answer"))
    )
    chips = "".join(
        f'<button type="button" class="chip" data-reason="{escape(one)}">{escape(one)}</button>'
        for one in DOWN_REASONS
    )
    copy = '<button type="button" class="act copy">Copy</button>' if answer.statements else ""
    return (
        f'<div class="actions" role="group" aria-label="This answer">{copy}'
        f'<button type="button" class="act why" aria-expanded="false">Why this answer</button>{again}'
        f'<span class="thumbs">{thumbs}</span></div>'
        f'<form class="reasons" hidden><p class="reasons-lead">What was wrong?</p><div class="chips">{chips}</div>'
        f'<input class="reason" name="reason" maxlength="1000" value="{escape(reason)}" aria-label="Your reason" '
        'placeholder="Say more, if you like" autocomplete="off"><button class="chip keep">Keep</button></form>'
        '<div class="why-drawer" hidden></div>'
    )


def turn(
    question: str,
    *,
    query: str = "",
    searched: str = "searched",
    within: str = "",
    statements: Sequence[Statement] = (),
    draft: str | None = None,
    dropped: Sequence[Unverified] = (),
    note: str = "",
    waiting: str = "",
    answer: Answer | None = None,
    problem: str = "",
    shown: Shown = NOTHING,
    most: int | None = None,
    stopped: bool = False,
    thumb: str | None = None,
    reason: str = "",
) -> str:
    """A question and what is known of its answer so far.

    Args:
        question: as the person typed it.
        query: the question that was searched; shown when a follow-up was completed from the conversation.
        searched: what ``query`` is called.
        within: which articles were searched, in words; '' for all.
        statements: what has arrived while ``answer`` is still None.
        draft: what a model has written and nobody has checked yet; None while no model words the answer.
        dropped: what failed the check, where that is to be shown.
        note: what became of the model that was to word the answer.
        waiting: what is waited for, where that takes long.
        answer: the whole answer, once there.
        problem: what went wrong instead of an answer.
        shown: what is known about the answer's articles now.
        most: how many sources to show at first.
        stopped: the person stopped it; ``answer`` is what had arrived.
        thumb: the person's judgement, "up" or "down", with its ``reason``.
    """
    parts = [f'<h2 class="asked">{escape(question)}</h2>']
    if query and _SPACES.sub(" ", query).strip().casefold() != _SPACES.sub(" ", question).strip().casefold():
        parts.append(f'<p class="searched">{searched}: <q>{escape(query)}</q></p>')
    if within:
        parts.append(f'<p class="searched within">only in: {escape(within)}</p>')
    if problem:
        parts += [_problem(problem), actions(None)]
    elif answer is not None:
        parts += [answer_body(answer, shown, most, stopped), actions(answer, thumb, reason)]
    elif stopped:
        parts += [
            '<div class="answer"><p class="part">Stopped before anything was found.</p></div>',
            actions(None),
        ]
    elif draft is not None:
        parts.append(writing(statements, draft, dropped))
    elif statements or note:
        parts.append(f'<div class="answer">{note_line(note)}<div class="statements">')
        parts.append(" ".join(map(quoted_statement, statements)))
        parts.append("</div></div>")
    else:
        doing = waiting[:1].upper() + waiting[1:] or "Reading the articles"
        parts.append(f'<p class="waiting"><span>{escape(doing)}</span></p>')
    return "".join(parts)
