"""How an answer in a language model's words looks at a terminal: while it is written, and what is told besides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rag.answering.events import Completed, FellBack, Preparing, StatementDropped, StatementReady, TokenReady
from rag.apps.terminal import plain, superscript
from rag.types import Answer, Filters

if TYPE_CHECKING:
    from rag.answering.engine import AnswerEngine


def answered(
    console: Console, engine: AnswerEngine, question: str, history: Sequence[str], filters: Filters | None
) -> Answer:
    """Ask, and show at a terminal what is being written: dim until it is checked. It makes room for the answer."""
    from rich.live import Live

    done, draft = Text(), ""
    with Live(Text(), console=console, transient=True, refresh_per_second=12) as live:
        for event in engine.stream(question, history=history, filters=filters):
            match event:
                case TokenReady():
                    draft += event.text
                case StatementReady():
                    done.append(f"✓ {plain(event.statement.text)} ", style="default")
                    done.append(f"{superscript(event.statement)}\n", style="bold cyan")
                    draft = ""
                case StatementDropped():
                    done.append(f"✗ {plain(event.statement.text)}\n", style="dim strike")
                    draft = ""
                case Preparing():
                    live.update(Text(f"{plain(event.note)} …", style="dim"))
                    continue
                case FellBack():
                    done, draft = Text(f"{plain(event.note)}\n", style="yellow"), ""
                case Completed():
                    return event.answer
                case _:
                    continue
            live.update(done + Text(plain(draft), style="dim"))
    raise AssertionError("a stream ends with Completed")


def show_extras(console: Console, answer: Answer) -> None:
    """Print what the model said in vain, struck through with the reasons, and what became of the model."""
    if not answer.unverified and not answer.note:
        return
    console.print()
    for dropped in answer.unverified:
        line = Text("not supported: ", style="dim")
        line.append(plain(dropped.text), style="strike dim")
        console.print(line.append(f"  ({plain('; '.join(dropped.reasons))})", style="yellow"))
    if answer.note:
        console.print(Text(f"note: {plain(answer.note)}", style="yellow"))
