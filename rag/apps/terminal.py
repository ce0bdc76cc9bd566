"""How answers, hits and reports look to a person at a terminal.

Article text is printed as it is, never as markup, but for control characters: an article must not be able to recolour
or retitle somebody's terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rag.answering.citations import in_words, marked
from rag.types import Answer, Citation, Conflict, Hit, Position, Statement, SyncReport

if TYPE_CHECKING:
    from rag.index.index import IndexStatus

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))) | {ord(space): " " for space in "\t\n\r\v\f"}
_CONTEXT = 90  # characters of the article shown to either side of a quote
_MARK = "bold yellow"


def plain(text: str) -> str:
    """A text on one line, without control characters."""
    return " ".join(text.translate(_CONTROL).split())


def superscript(statement: Statement | Position) -> str:
    """A statement's citation numbers as raised digits: ``¹ ³``."""
    return " ".join(str(citation.number).translate(_SUPERSCRIPT) for citation in statement.citations)


def show_answer(console: Console, answer: Answer, text_of: Callable[[str], str]) -> None:
    """Print the answer, then its sources with the quoted words highlighted in their line.

    Args:
        console: where to.
        answer: what to show.
        text_of: the text of the document at a path.
    """
    if answer.query != answer.question:
        console.print(Text(f"searched: {plain(answer.query)}", style="dim"))
    if answer.verdict == "not_found":
        console.print(Text(answer.text, style="bold"))
        _show_closest(console, answer.closest)
        return
    if answer.short_answer:
        console.print(Text(plain(answer.short_answer), style="bold green"))
    for statement in answer.statements:
        line = Text(plain(statement.text))
        line.append(f" {superscript(statement)}", style="bold cyan")
        console.print(line)
    for conflict in answer.conflicts:
        _show_conflict(console, conflict)
    if answer.verdict == "partial":
        # what follows the statements names every part that stayed open
        said = " ".join(marked(statement) for statement in answer.statements)
        left_open = answer.text.removeprefix(said)
        for conflict in answer.conflicts:
            left_open = left_open.replace(in_words(conflict), "")
        console.print(Text(plain(left_open), style="bold"))
    console.print()
    console.print(Text("Sources", style="dim"))
    for source in answer.sources:
        heading = Text(f"{str(source.number).translate(_SUPERSCRIPT)} ", style="bold cyan")
        heading.append(plain(source.title), style="bold")
        dated = f", {source.published}" if source.published else ""
        heading.append(f"  {plain(source.path)}{dated}", style="dim")
        console.print(heading)
        for citation in _citations_of(answer, source.number):
            console.print(_indented(in_line(text_of(citation.path), citation), 2))
    if answer.verdict == "partial":
        _show_closest(console, answer.closest)


def in_line(text: str, citation: Citation) -> Text:
    """The line an article's quote stands in, the quote highlighted, far ends left out."""
    line_start = max(text.rfind("\n", 0, citation.start) + 1, citation.start - _CONTEXT)
    line_end = text.find("\n", citation.end)
    line_end = min(len(text) if line_end < 0 else line_end, citation.end + _CONTEXT)
    if line_start > 0 and text[line_start - 1] != "\n":  # begin at a word
        line_start = min(text.find(" ", line_start) + 1 or line_start, citation.start)
    if line_end < len(text) and text[line_end] != "\n":
        line_end = max(text.rfind(" ", citation.end, line_end), citation.end)
    shown = Text("… " if line_start > 0 and text[line_start - 1] != "\n" else "", style="dim")
    shown.append(text[line_start : citation.start].translate(_CONTROL), style="dim")
    shown.append(plain(citation.quote), style=_MARK)
    shown.append(text[citation.end : line_end].translate(_CONTROL), style="dim")
    if line_end < len(text) and text[line_end] != "\n":
        shown.append(" …", style="dim")
    return shown


def show_hits(console: Console, hits: Sequence[Hit]) -> None:
    """Print passages, best first, the sentence nearest to the question highlighted."""
    if not hits:
        console.print("No passage found.")
    for hit in hits:
        heading = Text(f"{hit.rank}. ", style="bold cyan")
        heading.append(plain(hit.title), style="bold")
        heading.append(f"  {plain(hit.path)} {hit.start}–{hit.end}  score {hit.score:.2f}", style="dim")
        console.print(heading)
        best = max(hit.sentences, key=lambda sentence: sentence.score, default=None)
        text = Text()
        for sentence in hit.sentences:
            text.append(plain(sentence.text), style=_MARK if sentence is best else "")
            text.append(" ")
        text.rstrip()
        console.print(_indented(text, 3))
        for location in hit.also_in:
            console.print(_indented(Text(f"also in {plain(location.path)}", style="dim"), 3))
        console.print()


def show_sync(console: Console, report: SyncReport) -> None:
    """Print what a sync did, and every file that could not be taken in with the reason."""
    console.print(
        f"{report.added} added, {report.changed} changed, {report.removed} removed, {report.unchanged} unchanged: "
        f"{report.documents} articles in {report.chunks} passages ({report.seconds:.1f} s)"
    )
    for failure in report.failed:
        # most reasons begin with the file's name, as they also stand alone
        named = failure.error if failure.path in failure.error else f"{failure.path}: {failure.error}"
        console.print(Text(f"  not taken in: {plain(named)}", style="yellow"))


def show_status(console: Console, status: IndexStatus) -> None:
    """Print what an index holds and what made it."""
    rows = {
        "index": status.path,
        "articles": status.documents,
        "passages": status.chunks,
        "folder": status.folder or "-",
        "synced": status.synced_at or "never",
        "encoder": f"{status.encoder} ({status.fingerprint[:12]})",
        "generation": status.generation,
        "size": f"{status.size_bytes / 1_048_576:.1f} MiB",
    }
    for name, value in rows.items():
        console.print(Text(f"{name:<11}", style="dim").append(plain(str(value)), style="default"))


def _show_conflict(console: Console, conflict: Conflict) -> None:
    """Who says what, newest first."""
    console.print(Text("The articles disagree:", style="bold yellow"))
    for position in conflict.positions:
        line = Text(f"{position.published or 'undated'}  ", style="dim")
        line.append(plain(position.text), style="default")
        line.append(f" {superscript(position)}", style="bold cyan")
        console.print(_indented(line, 2))


def _show_closest(console: Console, closest: Sequence[Hit]) -> None:
    if not closest:
        return
    console.print()
    console.print(Text("The closest passages, which do not answer it:", style="dim"))
    for hit in closest:
        best = max(hit.sentences, key=lambda sentence: sentence.score, default=None)
        quoted = plain(best.text if best else hit.text)
        shown = quoted if len(quoted) <= 200 else quoted[:200].rsplit(" ", 1)[0] + " …"
        console.print(_indented(Text(f"{plain(hit.path)}: ", style="dim").append(shown), 2))


def _indented(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns), expand=False)  # a pipe gets no trailing spaces


def _citations_of(answer: Answer, number: int) -> list[Citation]:
    cited = [statement.citations for statement in answer.statements]
    cited += [side.citations for conflict in answer.conflicts for side in conflict.positions]
    found = {
        (citation.start, citation.end): citation
        for citations in cited
        for citation in citations
        if citation.number == number
    }
    return [found[span] for span in sorted(found)]
