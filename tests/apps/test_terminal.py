"""What a person sees; no index is needed for that."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from rag.apps.terminal import in_line, plain, show_answer, show_hits, show_sync
from rag.types import (
    Answer,
    Citation,
    Conflict,
    Failure,
    Hit,
    Position,
    ScoredSentence,
    Scores,
    Source,
    Statement,
    SyncReport,
)

ARTICLE = "Bridges\n\nThe bridge opened in May. It is 300 metres long."
QUOTE = "The bridge opened in May."
CITATION = Citation(1, "a.txt", "Bridges", 9, 34, QUOTE, 1.0)
STATEMENT = Statement(QUOTE, (CITATION,))
SOURCE = Source(1, "a.txt", "Bridges", "2024-05-01")


def printed(show: object, *arguments: object) -> str:
    assert callable(show)
    out = StringIO()
    show(Console(file=out, width=80, highlight=False), *arguments)
    return out.getvalue()


def hit(text: str, path: str = "a.txt") -> Hit:
    sentence = ScoredSentence(0, len(text), text, 0.5)
    return Hit(1, 0.9, path, "Bridges", 0, len(text), text, Scores(0.5, 0.5, 0.5), (sentence,))


def test_an_answer_with_its_source_and_no_trailing_spaces() -> None:
    answer = Answer("when?", "when did it open?", "answered", f"{QUOTE} [1]", (STATEMENT,), (SOURCE,), "May")
    out = printed(show_answer, answer, lambda path: ARTICLE)
    assert out.splitlines() == [
        "searched: when did it open?",
        "May",
        "The bridge opened in May. ¹",
        "",
        "Sources",
        "¹ Bridges  a.txt, 2024-05-01",
        "  The bridge opened in May. It is 300 metres long.",
    ]


def test_every_part_that_stayed_open_is_named() -> None:
    text = f"{QUOTE} [1] Not in these articles: who built it? Not in these articles: what did it cost?"
    answer = Answer("q", "q", "partial", text, (STATEMENT,), (SOURCE,))
    out = printed(show_answer, answer, lambda path: ARTICLE)
    assert "Not in these articles: who built it? Not in these articles: what did it cost?" in out
    assert out.count(QUOTE) == 2  # the statement, and the line it stands in


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\x1b[0m", "\x1b]0;title\x07red", "red\x9b2J", "[bold]red[/bold]", "red\x7f\x00"]
)
def test_an_article_cannot_command_the_terminal(text: str) -> None:
    found = hit(text, path=f"{text}.txt")
    refused = Answer("q", "q", "not_found", "Not in these articles.", closest=(found,))
    cited = Citation(1, "a.txt", text, 0, len(text), text, 1.0)
    answered = Answer("q", "q", "answered", text, (Statement(text, (cited,)),), (Source(1, text, text),))
    for out in (
        printed(show_hits, [found]),
        printed(show_answer, refused, lambda path: text),
        printed(show_answer, answered, lambda path: f"{text} {text}"),
    ):
        assert "red" in out
        assert not [character for character in out if character != "\n" and not character.isprintable()]
    assert ("[bold]" in printed(show_hits, [found])) == ("[bold]" in text)  # brackets are text, not markup


def test_plain_keeps_words_apart() -> None:
    assert plain("one\ntwo\tthree\x1b[0m  four") == "one two three[0m four"


def test_a_line_is_cut_at_words_on_both_sides() -> None:
    quote = "It was this."
    text = "before " * 40 + quote + " after" * 40
    start = text.index(quote)
    shown = in_line(text, Citation(1, "a", "t", start, start + len(quote), quote, 1.0)).plain
    assert shown.startswith("… before ")
    assert quote in shown
    assert shown.endswith("after …")


def test_a_file_that_failed_is_named_once() -> None:
    failed = (Failure("a.txt", "a.txt: it is empty; next step: …"), Failure("b.txt", "cannot be cut"))
    report = SyncReport(1, 0, 0, 0, failed, 1, 1, 0.1)
    lines = printed(show_sync, report).splitlines()
    assert lines[1:] == [
        "  not taken in: a.txt: it is empty; next step: …",
        "  not taken in: b.txt: cannot be cut",
    ]


def test_articles_that_disagree_are_shown_side_by_side_with_their_dates() -> None:
    other = Citation(2, "b.txt", "Later", 0, 16, "It opens in June", 1.0)
    sides = (Position("It opens in June", (other,), "2024-05-20"), Position(QUOTE, (CITATION,)))
    sources = (SOURCE, Source(2, "b.txt", "Later", "2024-05-20"))
    answer = Answer("q", "q", "answered", "t", (STATEMENT,), sources, conflicts=(Conflict("q", sides),))
    shown = printed(show_answer, answer, {"a.txt": ARTICLE, "b.txt": "It opens in June"}.__getitem__)
    lines = [line.strip() for line in shown.splitlines()]
    at = lines.index("The articles disagree:")
    assert lines[at + 1 : at + 3] == ["2024-05-20  It opens in June ²", f"undated  {QUOTE} ¹"]
    assert "It opens in June" in shown[shown.index("Sources") :]
