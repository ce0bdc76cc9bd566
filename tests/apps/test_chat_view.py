from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from rag.answering.citations import marked
from rag.apps import chat_view as view
from rag.types import Answer, Citation, Hit, ScoredSentence, Scores, Source, Statement, Unverified

PAYLOADS = [
    "<script>window.pwned=1</script>",
    '<img src=x onerror="window.pwned=1">',
    "<svg/onload=window.pwned=1>",
    "![x](http://127.0.0.1:9/x.png)",
    "[click](javascript:window.pwned=1)",
    "'\"><iframe src=javascript:1></iframe>",
    "</mark></article><style>*{display:none}</style>",
    "${window.pwned=1} {{constructor}} `",
]
OURS = {
    "article",
    "button",
    "code",
    "details",
    "div",
    "h1",
    "h2",
    "h3",
    "header",
    "li",
    "mark",
    "ol",
    "p",
    "q",
}
OURS |= {"s", "section", "span", "summary", "ul"}


class Parsed(HTMLParser):
    """What a browser would make of a piece of HTML: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def buttons(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == "button" and attrs.get("class") == name]


def citation(number: int, start: int = 0, quote: str = "a quote", path: str = "a.txt") -> Citation:
    return Citation(number, path, f"Title of {path}", start, start + len(quote), quote, 1.0)


def hit(text: str = "One. Two is best.", title: str = "A title") -> Hit:
    sentences = (ScoredSentence(10, 14, text[:4], 0.1), ScoredSentence(15, 10 + len(text), text[5:], 0.9))
    return Hit(1, 1.0, "near.txt", title, 10, 10 + len(text), text, Scores(0.5, 0.5, 0.5), sentences)


def answered(**changes: object) -> Answer:
    statements = (
        Statement("First.", (citation(1),)),
        Statement("Second.", (citation(1, 20), citation(2, path="b.txt"), citation(1, 40))),
    )
    sources = (Source(1, "a.txt", "Title of a.txt", "2024-11-04"), Source(2, "b.txt", "Title of b.txt"))
    values = {"question": "Q?", "query": "Q?", "verdict": "answered", "text": "First.[1] Second.[1][2]"}
    return Answer(**{**values, "statements": statements, "sources": sources, **changes})  # type: ignore[arg-type]


def test_each_number_is_a_button_that_says_where_it_points() -> None:
    page = Parsed(view.turn("Q?", answer=answered()))
    cites = page.buttons("cite")
    assert [c["aria-label"] for c in cites] == [
        "Source 1: Title of a.txt",
        "Source 1: Title of a.txt",
        "Source 2: Title of b.txt",
    ]
    mark = view.check("a quote")
    # two passages of one article under one number, in one button
    assert cites[1]["data-spans"] == f"20:27:{mark} 40:47:{mark}"
    assert cites[2]["data-path"] == "b.txt"
    assert "First.[1]" in page.text and "Second.[1][2]" in page.text


def test_source_list_has_exactly_the_sources_with_their_dates() -> None:
    page = Parsed(view.turn("Q?", answer=answered()))
    sources = page.buttons("source")
    assert [s["data-path"] for s in sources] == ["a.txt", "b.txt"]
    assert sources[0]["data-spans"] == f"0:7:{view.check('a quote')}"
    assert "4 November 2024" in page.text


def test_short_answer_stands_before_the_statements() -> None:
    text = Parsed(view.turn("Q?", answer=answered(short_answer="March 2025"))).text
    assert text.index("March 2025") < text.index("First.")


def test_not_found_is_no_answer_and_its_passages_are_marked_so() -> None:
    answer = Answer("Q?", "Q?", "not_found", "Not in these articles.", closest=(hit(),))
    page = Parsed(view.turn("Q?", answer=answer))
    assert page.text.count("Not in these articles") == 1
    assert "not an answer" in page.text
    assert not page.buttons("cite") and not page.buttons("source")
    (passage,) = page.buttons("passage")
    assert passage["data-kind"] == "closest"
    assert passage["data-spans"] == f"10:27:{view.check('One. Two is best.')}"
    assert "Two is best." in page.text and "One." not in page.text  # the best sentence stands for the passage


def test_partial_says_so_and_shows_both() -> None:
    page = Parsed(view.turn("Q?", answer=answered(verdict="partial", closest=(hit(),))))
    assert "only part of this" in page.text
    assert page.buttons("cite") and page.buttons("passage")


def test_partial_names_what_is_open() -> None:
    base = answered(verdict="partial")
    said = " ".join(marked(statement) for statement in base.statements)
    page = Parsed(view.turn("Q?", answer=replace(base, text=f"{said} Not in these articles: who built it?")))
    assert "Not in these articles: who built it?" in page.text


@pytest.mark.parametrize(
    ("query", "shown"), [("who owns Nissan?", True), ("who owns  IT?", False), ("", False)]
)
def test_the_searched_question_shows_only_when_it_differs(query: str, shown: bool) -> None:
    assert ("searched:" in view.turn("Who owns it?", query=query)) is shown


def test_a_problem_is_told_instead_of_an_answer() -> None:
    page = Parsed(view.turn("Q?", problem="index busy; wait & retry"))
    assert "index busy; wait & retry" in page.text and not page.buttons("cite")


def test_statements_show_while_the_answer_is_still_being_made() -> None:
    assert "Reading the articles" in Parsed(view.turn("Q?")).text
    page = Parsed(view.turn("Q?", statements=answered().statements[:1]))
    assert (
        "First." in page.text and "Reading the articles" not in page.text and len(page.buttons("cite")) == 1
    )


def test_a_models_sentences_carry_the_mark_that_they_were_checked() -> None:
    plain = Parsed(view.turn("Q?", answer=answered()))
    assert not [1 for tag, attrs in plain.tags if attrs.get("class") in ("checked", "worded", "note")]
    dropped = (Unverified("Third.", ("no article says so", "nor that")),)
    page = Parsed(view.turn("Q?", answer=answered(generator="gguf:/models/Small.gguf", unverified=dropped)))
    marks = [attrs for _, attrs in page.tags if attrs.get("class") == "checked"]
    assert [mark["title"] for mark in marks] == [
        "Checked: 1 quote bears this out; every figure, date and name of it stands there",
        "Checked: 3 quotes from 2 articles bear this out; every figure, date and name of it stands there",
    ]
    assert "Worded by Small, each sentence" in page.text
    assert page.text.index("Second.") < page.text.index("Third.no article says so; nor that")
    assert [tag for tag, _ in page.tags].count("s") == 1


def test_a_draft_is_no_statement() -> None:
    page = Parsed(view.turn("Q?", statements=answered().statements[:1], draft="Maybe so"))
    assert "Maybe so" in page.text and len(page.buttons("cite")) == 1
    assert [attrs for tag, attrs in page.tags if attrs.get("class") == "draft"]
    assert "Reading the articles" not in page.text


def test_what_became_of_the_model_stands_before_the_articles_words() -> None:
    text = Parsed(view.turn("Q?", answer=answered(note="it broke off"))).text
    assert text.index("it broke off") < text.index("First.")
    text = Parsed(view.turn("Q?", note="it broke off", statements=answered().statements)).text
    assert text.index("it broke off") < text.index("First.")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_from_articles_or_people_becomes_markup(payload: str) -> None:
    cited = Citation(1, f"{payload}.txt", payload, 0, len(payload), payload, 1.0)
    answer = Answer(
        payload,
        payload + "?",
        "partial",
        payload,
        statements=(Statement(payload, (cited,)),),
        sources=(Source(1, f"{payload}.txt", payload, payload),),
        short_answer=payload,
        closest=(hit(payload, payload),),
    )
    shelf = view.Shelf(payload, payload, 3, synced_at=payload, folder=payload)
    parts = [
        view.turn(payload, answer=answer),
        view.turn(payload, problem=payload),
        view.turn(payload, draft=payload, dropped=[Unverified(payload, (payload,))]),
        view.turn(payload, note=payload),
        view.turn(payload, answer=replace(answer, generator=payload, note=payload)),
        view.welcome(None, payload, True),
        view.masthead(shelf),
        view.welcome(None, payload),
        view.welcome(view.Shelf(payload, payload, 0)),
        view.example_list([payload]),
        view.library([view.Entry(payload, payload, payload, payload)], 1),
    ]
    for html in parts:
        page = Parsed(html)
        assert {tag for tag, _ in page.tags} <= OURS
        assert not [
            name
            for _, attrs in page.tags
            for name in attrs
            if name.startswith("on") or name in {"src", "href"}
        ]
        assert payload in page.text  # shown as the characters it is


def test_an_empty_or_unreadable_index_names_the_next_step() -> None:
    empty = Parsed(view.welcome(view.Shelf("news", "index/news", 0, folder="news"))).text
    assert "no articles here yet" in empty and "rag sync news --index index/news" in empty
    missing = Parsed(view.welcome(None, "no index at index/news")).text
    assert "no index at index/news" in missing and "rag sync" in missing


def test_masthead_says_which_index_how_many_articles_and_when() -> None:
    now = datetime.now(UTC).isoformat()
    text = Parsed(view.masthead(view.Shelf("seeds", "index/seeds", 1234, now, "seeds"))).text
    assert "seeds" in text and "1,234 articles" in text and "synced today" in text
    assert "rag sync seeds" in text


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [("2024-11-04", "4 November 2024"), ("2024", "2024"), ("soon", "soon"), (None, ""), ("", "")],
)
def test_dates_in_words(stamp: str | None, shown: str) -> None:
    assert view.plain_date(stamp) == shown


def test_times_of_another_day_are_told_by_their_date() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert view.plain_time("2026-11-19T12:00:00+00:00", noon) == "19 November 2026"
    assert view.plain_time(noon.isoformat(), noon).startswith("today, ")


def test_library_counts_what_it_does_not_list() -> None:
    entries = [view.Entry("a.txt", "A"), view.Entry("b.txt", "B")]
    assert "and 98 more" in Parsed(view.library(entries, 100)).text
    assert "more" not in Parsed(view.library(entries, 2)).text
