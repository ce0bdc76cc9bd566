"""Conversations as files a person takes along: Markdown and JSON; and judged answers as a question set."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rag.answering.citations import marked
from rag.apps.conversations import Conversation, Conversations, Turn
from rag.types import Answer

Form: TypeAlias = Literal["markdown", "json"]

_ACTIVE = re.compile(r"([\\`*_<>\[\]#|~])")
_NAME = re.compile(r"[^\w-]+")
_SPACES = re.compile(r"\s+")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _plain(text: str) -> str:
    """Text on one line, with whatever Markdown would act on made harmless: an article's words stay words."""
    return _ACTIVE.sub(r"\\\1", _SPACES.sub(" ", text).strip())


def _answer_lines(answer: Answer, stopped: bool) -> list[str]:
    lines = []
    if answer.short_answer and answer.statements:
        lines += [f"**{_plain(answer.short_answer)}**", ""]
    if answer.statements:
        for statement in answer.statements:
            numbers = "".join(f"[{n}]" for n in dict.fromkeys(c.number for c in statement.citations))
            lines += [f"{_plain(statement.text)} {numbers}".strip(), ""]
        rest = answer.text.removeprefix(" ".join(map(marked, answer.statements))).strip()
        lines += [_plain(rest), ""] if rest else []
    else:
        lines += [_plain(answer.text), ""]
    lines += ["*Stopped before it was whole.*", ""] if stopped else []
    quotes: dict[int, list[str]] = {}
    for statement in answer.statements:
        for citation in statement.citations:
            quotes.setdefault(citation.number, []).append(citation.quote)
    for source in answer.sources:
        told = ", ".join(filter(None, (source.published, source.path)))
        lines.append(f"{source.number}. {_plain(source.title)} ({_plain(told)})")
        lines += [f"   > {_plain(quote)}" for quote in dict.fromkeys(quotes.get(source.number, []))]
    return [*lines, ""] if answer.sources else lines


def _markdown(conversation: Conversation, turns: Sequence[Turn]) -> str:
    lines = [
        f"# {_plain(conversation.title)}",
        "",
        f"{_plain(conversation.shelf)}, {_time(conversation.created)}",
        "",
    ]
    for turn in turns:
        lines += [f"## {_plain(turn.question)}", ""]
        if turn.answer is not None:
            lines += _answer_lines(turn.answer, turn.stopped)
        else:
            lines += [_plain(turn.problem), ""]
        if turn.thumb:
            judged = {"up": "Judged good", "down": "Judged bad"}[turn.thumb]
            lines += [f"*{judged}{': ' + _plain(turn.reason) if turn.reason else ''}*", ""]
    return "\n".join(lines).rstrip() + "\n"


def _json(conversation: Conversation, turns: Sequence[Turn]) -> str:
    value: dict[str, Any] = {
        "title": conversation.title,
        "index": conversation.shelf,
        "created": _time(conversation.created),
        "changed": _time(conversation.changed),
        "turns": [
            {
                "question": turn.question,
                "asked": _time(turn.asked),
                "answer": asdict(turn.answer) if turn.answer else None,
                "problem": turn.problem or None,
                "stopped": turn.stopped,
                "sha256": dict(turn.shas),
                "judgement": turn.thumb,
                "reason": turn.reason or None,
            }
            for turn in turns
        ],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def export(store: Conversations, browser: str, conversation: str, form: Form) -> tuple[str, str] | None:
    """A conversation as (file name, text), or None when this browser has none of that id."""
    found = store.conversation(browser, conversation)
    if found is None:
        return None
    turns = store.turns(browser, conversation)
    name = _NAME.sub("-", found.title).strip("-").lower()[:60] or "conversation"
    if form == "json":
        return f"{name}.json", _json(found, turns)
    return f"{name}.md", _markdown(found, turns)


def _question(talk: Sequence[Turn], number: int) -> dict[str, Any]:
    """A judged turn in the format of ``eval/README.md``. What a person found right is what must come out again; what
    they found wrong is asked again, with their reason, and judged by nobody."""
    *before, turn = talk
    answer = turn.answer
    history = [
        [past.question, past.answer.text] for past in before if past.answer and past.answer.text.strip()
    ]
    value: dict[str, Any] = {
        "id": f"feedback-{number:03}",
        "question": turn.question,
        "kind": "followup" if history else "fact",
        "answerable": None,
    }
    if history:
        value["history"] = history
    if turn.thumb == "up" and answer is not None and not turn.stopped:
        value["answerable"] = answer.verdict == "answered"
        if answer.verdict == "partial":
            value["answerable"] = None
        elif answer.statements:
            said = [answer.short_answer] if answer.short_answer else [one.text for one in answer.statements]
            value["expected"] = [[text] for text in said]
            value["sources"] = [source.path for source in answer.sources]
    note = f"judged {'good' if turn.thumb == 'up' else 'bad'}"
    value["note"] = f"{note}: {turn.reason}" if turn.reason else note
    return value


def feedback_questions(store: Conversations, file: Path, shelf: str | None = None) -> int:
    """Write the judged answers (of one index) as a question set that ``rag eval answers`` reads; returns their number.

    A set that is already there is replaced as a whole.
    """
    rows = [_question(talk, number) for number, talk in enumerate(store.rated(shelf), 1)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
    return len(rows)
