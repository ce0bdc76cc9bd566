from __future__ import annotations

from html.parser import HTMLParser

import pytest

from rag.apps import chat_article
from rag.apps.chat_article import article, parse_spans
from rag.apps.chat_html import Span, check
from rag.types import Document

TEXT = "A headline of its own\n\nThe first <b>paragraph</b>.\nThe second one & “more”.\n\n  1. A list item.\nThe end."


class Marks(HTMLParser):
    """The text inside each <mark>, the text of the article, and the text set as its headline."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.marks: list[str] = []
        self.body = self.headline = self.all = ""
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("class") or ""
        self._open.append(f"{tag}.{kind}")
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().startswith(f"{tag}.")

    def handle_data(self, data: str) -> None:
        self.all += data
        if any(name.startswith("mark.") for name in self._open):
            self.marks[-1] += data
        if "div.paper-text" in self._open:
            self.body += data
        if "span.headline" in self._open:
            self.headline += data


def document(
    text: str = TEXT, title: str = "A headline of its own", body_start: int = 0, **more: str
) -> Document:
    return Document("news/a b.txt", title, text, "0" * 64, body_start, **more)


def span(text: str, quote: str) -> Span:
    start = text.index(quote)
    return Span(start, start + len(quote), check(quote))


@pytest.mark.parametrize(
    "quote",
    [
        "The first <b>paragraph</b>.",
        "The second one & “more”.",
        "A headline of its own",
        "1. A list item.\nThe end.",
    ],
)
def test_the_mark_holds_exactly_the_cited_characters(quote: str) -> None:
    shown = Marks(article(document(), [span(TEXT, quote)]))
    assert shown.marks == [quote]
    assert shown.body == TEXT  # nothing lost, nothing added


def test_a_citation_over_the_headlines_end_stays_one_mark() -> None:
    quote = TEXT[10:40]
    assert Marks(article(document(), [span(TEXT, quote)])).marks == [quote]


def test_a_passage_that_is_no_answer_says_so() -> None:
    html = article(document(), [span(TEXT, TEXT[:60])], kind="closest")
    shown = Marks(html)
    assert "".join(shown.marks) == TEXT[:60] and shown.headline == "A headline of its own"
    assert "not an answer" in shown.all and 'class="paper beside"' in html


def test_several_passages_and_overlaps() -> None:
    first, second = span(TEXT, "The first"), span(TEXT, "The end.")
    assert Marks(article(document(), [second, first])).marks == ["The first", "The end."]
    inner = Span(first.start + 2, first.end + 3)
    assert Marks(article(document(), [first, inner])).marks == [TEXT[first.start : first.end + 3]]


def test_changed_words_are_never_highlighted() -> None:
    there = span(TEXT, "The end.")
    for changed in (Span(there.start, there.end, check("The End.")), Span(5, 5_000), Span(9, 3)):
        shown = Marks(article(document(), [changed]))
        assert shown.marks == []
        assert "has changed since the answer" in shown.all


def test_front_matter_is_left_out_and_the_facts_are_told() -> None:
    text = "---\ntitle: T\n---\nBody text."
    shown = Marks(
        article(
            document(text, "T", 17, published="2024-11-04", source="The Paper", author="A. Writer"),
            [span(text, "Body text.")],
        )
    )
    assert shown.body == "Body text." and shown.marks == ["Body text."]
    for fact in ("The Paper", "4 November 2024", "A. Writer", "news/a b.txt"):
        assert fact in shown.all


@pytest.mark.parametrize(
    ("text", "title", "headline"),
    [
        ("A title\nText.", "A title", "A title"),
        ("\n# A title\nText.", "A title", "\n# A title"),
        ("A long first line that is a whole paragraph. More.\nText.", "A long first line…", ""),
        ("Text only.", "from the file name", ""),
    ],
)
def test_only_a_line_that_is_the_title_is_set_as_headline(text: str, title: str, headline: str) -> None:
    html = article(document(text, title))
    assert Marks(html).headline == headline
    assert ("paper-title" in html) is (title == "from the file name")


def test_a_very_long_article_is_shown_around_the_passage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_article, "LONG_ARTICLE", 1_000)
    text = "word " * 2_000 + "The needle." + " word" * 2_000
    shown = Marks(article(document(text, "Words"), [span(text, "The needle.")]))
    assert shown.marks == ["The needle."] and len(shown.body) <= 1_000 and shown.body in text
    assert "are shown" in shown.all


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("1:2:0123abcd 3:4:", (Span(1, 2, "0123abcd"),)),
        ("1:2", (Span(1, 2),)),
        ("", ()),
        ("x:1 -1:2 1:2:zz 1;2 99999999999999:1", ()),
        ("<script>", ()),
    ],
)
def test_spans_from_a_browser_are_read_strictly(text: str, spans: tuple[Span, ...]) -> None:
    assert parse_spans(text) == spans
