from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from rag.answering.citations import marked
from rag.apps import chat_html, chat_library, chat_shell, chat_why
from rag.apps import chat_view as view
from rag.apps.chat_sources import Facts, Shown
from rag.apps.language_models import Model
from rag.apps.library import Article, FileResult
from rag.types import (
    Answer,
    Citation,
    Conflict,
    Hit,
    Position,
    ScoredSentence,
    Scores,
    Source,
    Statement,
    Unverified,
)

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
OURS |= {
    "s",
    "section",
    "span",
    "summary",
    "ul",
    "form",
    "fieldset",
    "legend",
    "label",
    "input",
    "h4",
    "strong",
}


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
    mark = chat_html.check("a quote")
    # two passages of one article under one number, in one button
    assert cites[1]["data-spans"] == f"20:27:{mark} 40:47:{mark}"
    assert cites[2]["data-path"] == "b.txt"
    assert "First.[1]" in page.text and "Second.[1][2]" in page.text


def test_source_list_has_exactly_the_sources_with_their_dates() -> None:
    page = Parsed(view.turn("Q?", answer=answered()))
    sources = page.buttons("source")
    assert [s["data-path"] for s in sources] == ["a.txt", "b.txt"]
    mark = chat_html.check("a quote")
    assert sources[0]["data-spans"] == f"0:7:{mark} 20:27:{mark} 40:47:{mark}"  # each passage that was cited
    assert "4 November 2024" in page.text


def test_sources_tell_outlet_age_and_what_has_changed_since() -> None:
    facts = {"a.txt": Facts("The Post", "2024-11-04", "new"), "b.txt": Facts(None, "2024-11-25", "same")}
    shown = Shown(facts, "2024-11-25", {"a.txt": "old", "b.txt": "same"})
    text = Parsed(view.turn("Q?", answer=answered(), shown=shown)).text
    assert "The Post · 4 November 2024 · 3 weeks before the newest article · a.txt" in text
    assert text.count("changed since this answer") == 1 and "25 November 2024 · b.txt" in text
    assert (
        "removed since"
        in Parsed(
            view.turn("Q?", answer=answered(), shown=replace(shown, facts={"b.txt": facts["b.txt"]}))
        ).text
    )
    assert "since this answer" not in Parsed(view.turn("Q?", answer=answered(), shown=Shown(facts))).text


def test_articles_that_disagree_stand_side_by_side_and_only_there() -> None:
    first, second = answered().statements
    sides = (Position(second.text, second.citations, "2024-11-25"), Position(first.text, first.citations))
    answer = answered(short_answer="May", conflicts=(Conflict("When?", sides),))
    page = Parsed(view.turn("Q?", answer=answer))
    assert page.text.count("First.") == page.text.count("Second.") == 1
    assert page.text.index("The articles disagree") < page.text.index("Second.") < page.text.index("First.")
    assert "May" not in page.text  # nothing is said in bold that an article contradicts
    assert [tag for tag, attrs in page.tags if attrs.get("class") == "side"] == ["li", "li"]


def test_what_rests_on_later_sources_can_be_folded_away() -> None:
    alone = Statement("Third.", (citation(2, path="b.txt"),))
    answer = answered(statements=(*answered().statements, alone))
    folded = view.turn("Q?", answer=answer, most=1)
    assert "1 more sentence, from other articles" in folded
    assert folded.index("Second.") < folded.index("<details") < folded.index("Third.")
    assert "<details" not in view.turn("Q?", answer=answer, most=2)


def test_each_sentence_says_on_hover_why_it_can_be_trusted() -> None:
    page = Parsed(view.turn("Q?", answer=answered()))
    marks = [attrs["title"] for _, attrs in page.tags if attrs.get("class") == "verbatim"]
    assert marks == ["Word for word from the article", "Word for word from 2 articles that say the same"]
    assert all(attrs["aria-label"] for _, attrs in page.tags if attrs.get("role") == "img")


def test_a_stopped_answer_says_so() -> None:
    assert "Stopped before it was whole" in view.turn("Q?", answer=answered(verdict="partial"), stopped=True)
    assert "only part of this" not in view.turn("Q?", answer=answered(verdict="partial"), stopped=True)
    assert "Stopped before anything was found" in view.turn("Q?", stopped=True)


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
    assert passage["data-spans"] == f"10:27:{chat_html.check('One. Two is best.')}"
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
    shelf = chat_shell.Shelf(payload, payload, 3, synced_at=payload, folder=payload)
    said = Position(payload, (cited,), payload)
    conflict = Conflict(payload, (said, said))
    found = {
        "path": payload,
        "title": payload,
        "span": [0, 3, ""],
        "score": 1.0,
        "dense": 1.0,
        "lexical": 1.0,
    }
    trace = {
        "query": payload,
        "within": payload,
        "hits": [found],
        "dropped": [{"text": payload, "reasons": [payload]}],
    }
    parts = [
        view.turn(payload, answer=answer),
        view.turn(payload, problem=payload),
        view.turn(payload, draft=payload, dropped=[Unverified(payload, (payload,))]),
        view.turn(payload, note=payload),
        view.turn(payload, answer=replace(answer, generator=payload, note=payload)),
        chat_shell.welcome(None, payload, True),
        chat_shell.masthead(shelf),
        chat_shell.welcome(None, payload),
        chat_shell.welcome(chat_shell.Shelf(payload, payload, 0)),
        chat_shell.example_list([payload]),
        chat_shell.masthead(
            replace(shelf, others=(payload,), models=(Model(payload, payload, payload, True),))
        ),
        chat_shell.masthead(replace(shelf, models=(Model(payload, payload, payload, problem=payload),))),
        chat_shell.filters([payload, "b"], None, None),
        chat_library.article_list([Article(payload, payload, payload, payload, 3, payload, 2)]),
        chat_library.file_results([FileResult(payload, "refused", payload)]),
        view.actions(answer, "down", payload),
        view.turn(payload, answer=replace(answer, conflicts=(conflict, conflict)), within=payload),
        chat_why.drawer(trace),
        chat_why.drawer({**trace, "parts": [{"query": payload, "hits": [found]}] * 2}),
        view.turn("?", waiting=payload),
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
        values = [value for tag, attrs in page.tags if tag == "input" for value in attrs.values()]
        assert payload in page.text or payload in values  # shown as the characters it is


def test_an_empty_or_unreadable_index_names_the_next_step() -> None:
    empty = Parsed(chat_shell.welcome(chat_shell.Shelf("news", "index/news", 0, folder="news"))).text
    assert "no articles here yet" in empty and "rag sync news --index index/news" in empty
    missing = Parsed(chat_shell.welcome(None, "no index at index/news")).text
    assert "no index at index/news" in missing and "rag sync" in missing


def test_masthead_says_which_index_how_many_articles_and_when() -> None:
    now = datetime.now(UTC).isoformat()
    text = Parsed(chat_shell.masthead(chat_shell.Shelf("seeds", "index/seeds", 1234, now, "seeds"))).text
    assert "seeds" in text and "1,234 articles" in text and "synced today" in text
    assert "rag sync seeds" in text and "Drop files" in text
    fixed = chat_shell.masthead(chat_shell.Shelf("seeds", "index/seeds", 5, read_only=True))
    assert "Drop files" not in fixed and "data-fixed" in fixed


def test_settings_name_the_models_or_how_to_have_one() -> None:
    shelf = chat_shell.Shelf("seeds", "index/seeds", 5)
    none = Parsed(chat_shell.masthead(shelf))
    assert (
        'generator = "ollama:llama3.2" or the like into rag.toml' in none.text and "rag models" in none.text
    )
    assert "Answers are made on this machine." in none.text
    here = Model("ollama:a", "a", "Ollama on this machine")
    away = Model("openai:b", "b", "OpenAI", is_remote=True)
    lost = Model("gguf:c", "c", "a file, run on this machine", problem="c is not there")
    shown = Parsed(chat_shell.masthead(replace(shelf, models=(here, away, lost), fluent=True)))
    radios = {
        attrs["value"]: attrs for tag, attrs in shown.tags if tag == "input" and attrs["name"] == "model"
    }
    assert list(radios) == ["ollama:a", "openai:b", "gguf:c"]
    assert "disabled" in radios["gguf:c"] and "cannot be used: c is not there" in shown.text
    assert "the passages found are sent there" in shown.text
    assert "Answers are made on this machine." not in shown.text
    assert [attrs["data-style"] for tag, attrs in shown.tags if tag == "form"] == ["fluent"]


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [("2024-11-04", "4 November 2024"), ("2024", "2024"), ("soon", "soon"), (None, ""), ("", "")],
)
def test_dates_in_words(stamp: str | None, shown: str) -> None:
    assert chat_html.plain_date(stamp) == shown


def test_times_of_another_day_are_told_by_their_date() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert chat_html.plain_time("2026-11-19T12:00:00+00:00", noon) == "19 November 2026"
    assert chat_html.plain_time(noon.isoformat(), noon).startswith("today, ")


def test_a_long_library_is_cut_and_says_so() -> None:
    articles = [Article(f"{n}.txt", f"Title {n}", "Post", "2024-11-04", 10, "", n) for n in range(3)]
    page = Parsed(chat_library.article_list(articles, limit=2))
    assert len(page.buttons("entry")) == 2 and "and 1 more" in page.text
    assert "cited 1 time" in page.text and "cited 0" not in page.text
    assert "more" not in Parsed(chat_library.article_list(articles)).text


def test_file_results_say_what_was_refused_first() -> None:
    results = [FileResult("a.md", "added"), FileResult("b.pdf", "refused", "no kind of file that is read")]
    text = Parsed(chat_library.file_results(results)).text
    assert text.startswith("1 article is ready to ask about")
    assert text.index("b.pdf") < text.index("no kind of file") < text.index("a.md")
    assert "here already" in chat_library.file_results([FileResult("a.md", "unchanged")])
    assert "Nothing was added" in chat_library.file_results(results[1:])


def test_filters_show_only_what_can_be_chosen() -> None:
    assert (
        chat_shell.filters(["Post"], None, None) == ""
        and chat_shell.filters([], "2024-11-04", "2024-11-04") == ""
    )
    both = chat_shell.filters(["Ledger", "Post"], "2024-11-04", "2025-01-01")
    assert both.count('type="checkbox"') == 2 and 'min="2024-11-04" max="2025-01-01"' in both
    assert "date" not in chat_shell.filters(["Ledger", "Post"], None, None)


@pytest.mark.parametrize(
    ("published", "newest", "said"),
    [
        ("2024-11-24", "2024-11-25", "1 day before the newest article"),
        ("2024-11-04", "2024-11-25", "3 weeks before the newest article"),
        ("2024-01-25", "2024-11-25", "10 months before the newest article"),
        ("2020-11-25", "2024-11-25", "4 years before the newest article"),
        ("2024-11-25", "2024-11-25", ""),
        (None, "2024-11-25", ""),
        ("once", "2024-11-25", ""),
    ],
)
def test_ages_in_words(published: str | None, newest: str, said: str) -> None:
    assert chat_html.age(published, newest) == said


def test_how_long_ago() -> None:
    today = date(2026, 11, 22)
    assert [chat_html.ago(day, today) for day in ("2026-11-22", "2026-11-21", "2027-01-01", None)] == [
        "today",
        "1 day ago",
        "",
        "",
    ]


def test_why_tells_what_became_of_each_passage() -> None:
    row = {
        "path": "a.txt",
        "title": "A",
        "span": [0, 3, "00000000"],
        "score": 0.5,
        "dense": 0.4,
        "lexical": 0.3,
    }
    hits = [{**row, "number": 1, "evidence": 0.9}, {**row, "passes": False}, row]
    trace = {"query": "Who?", "verdict": "answered", "confidence": 0.914, "threshold": 0.22, "hits": hits}
    page = Parsed(chat_why.drawer({**trace, "timings": {"search": 12.4, "total": 99.0}}))
    for said in (
        "Who?",
        "91%",
        "22%",
        "3 passages looked at",
        "cited as 1",
        "does not mention",
        "not needed",
    ):
        assert said in page.text
    assert "evidence 0.90" in page.text and "searching 12 ms · altogether 99 ms" in page.text
    assert [button["data-kind"] for button in page.buttons("candidate used")] == ["cited"]
    assert "does not say enough" in chat_why.drawer({**trace, "verdict": "not_found"})
    assert "Nothing was noted" in chat_why.drawer({})
