from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from rag.evaluation.html_report import highlighted, render
from rag.evaluation.questions import Question
from rag.evaluation.runner import Run, run
from rag.types import Answer, Citation, Hit, Statement

MakeAnswer = Callable[..., Answer]
MakeHit = Callable[..., Hit]
MakeQuestion = Callable[..., Question]

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>\'"&{{ 7*7 }}'
ABOUT: dict[str, Any] = {
    "command": "rag eval " + EVIL,
    "started": "2026-01-01",
    "corpus": {"documents": 5, "digest": "d"},
    "git": None,
    "machine": {"cores": 2},
    "seed": 1,
}


class Page(HTMLParser):
    """Collects what a browser would make of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.marked: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "circle", "line", "rect", "path"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "mark" in self._open:
            self.marked.append(data)


@pytest.fixture
def done(question: MakeQuestion, answer: MakeAnswer, hit: MakeHit, scripted: Any) -> Run:
    passage = f"Before {EVIL}. It owns 34%. After."
    start = passage.index("It owns")
    said = answer("x", "001_a.txt")
    cited = Citation(1, "001_a.txt", EVIL, start, start + 12, "It owns 34%.", 1.0)
    object.__setattr__(said, "statements", (Statement(f"It owns 34%. {EVIL}", (cited,)),))
    object.__setattr__(said, "text", f"It owns 34%. {EVIL} [1]")
    questions = [
        question(id="a", question=f"How much? {EVIL}", expected=(("34%", EVIL),)),
        question(id="b", kind="why", question="Why?", expected=(("costs",),)),
        question(id="c", question="Who leads Tesla?", answerable=False),
    ]
    refusal = answer("Not in these articles.", verdict="not_found")
    engine = scripted(
        [
            (said, (hit(1, "001_a.txt", passage),)),
            (refusal, (hit(1, "001_a.txt", f"The Costs fall. {EVIL}"),)),
            (refusal, ()),
        ]
    )
    return run(questions, engine, name=EVIL, progress=False)


def test_nothing_from_outside_becomes_markup(done: Run) -> None:
    text = render(done, ABOUT)
    page = Page(text)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{}]  # the page's own
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "49" not in text.split("{{ 7*7 }}")[0][-5:] and "{{ 7*7 }}" in text
    assert any(EVIL in piece for piece in page.texts)


def test_the_page_loads_nothing(done: Run) -> None:
    page = Page(render(done, ABOUT))
    assert not [value for _, given in page.tags for name, value in given.items() if name in {"src", "href"}]
    policies = [given["content"] for tag, given in page.tags if given.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]
    assert "@import" not in render(done, ABOUT) and "url(" not in render(done, ABOUT)


def test_every_question_opens_to_its_evidence(done: Run) -> None:
    page = Page(render(done, ABOUT))
    items = [given for tag, given in page.tags if tag == "details"]
    assert [given["id"] for given in items] == ["a", "b", "c"]
    assert [("data-failed" in given) for given in items] == [False, True, False]
    assert page.marked == ["It owns 34%.", "Costs"]  # the quote; an expected fact in what was found


def test_a_quote_is_never_placed_where_it_does_not_stand(done: Run) -> None:
    record = done.records[0]
    moved = ({**record.hits[0], "text": "x" * 200},)
    object.__setattr__(record, "hits", moved)
    assert "xxxx" not in render(done, ABOUT).split('id="b"')[0]


def test_a_set_nobody_knows_the_answers_of_still_has_a_page(
    question: MakeQuestion, answer: MakeAnswer, scripted: Any
) -> None:
    engine = scripted([(answer("No.", verdict="not_found"), ())])
    page = render(run([question(answerable=None)], engine, progress=False), ABOUT)
    assert "Time per question" in page and "By kind of question" not in page


@pytest.mark.parametrize(
    ("text", "wordings", "pieces"),
    [
        ("Costs fell 34%.", ["34%", "costs"], [("Costs", True), (" fell ", False), ("34%", True), (".", False)]),
        ("134% more", ["34%"], [("134% more", False)]),
        ("a (b) c", ["(b)"], [("a ", False), ("(b)", True), (" c", False)]),
        ("plain", [], [("plain", False)]),
    ],
)  # fmt: skip
def test_highlights(text: str, wordings: list[str], pieces: list[tuple[str, bool]]) -> None:
    assert list(highlighted(text, wordings)) == pieces


def test_a_thousand_questions_stay_under_5_mb(
    question: MakeQuestion, answer: MakeAnswer, hit: MakeHit, scripted: Any
) -> None:
    passage = "The two carmakers said that costs would fall when cell modules are the same. " * 12
    said = answer("x", "001_a.txt")
    citations = [
        Citation(1, "001_a.txt", "Title", at, at + 76, passage[at : at + 76], 1.0) for at in (77, 308)
    ]
    statements = tuple(Statement(cited.quote, (cited,)) for cited in citations)
    object.__setattr__(said, "statements", statements)
    hits = tuple(hit(rank, "001_a.txt", passage) for rank in range(1, 11))
    asked = [question(id=f"q{n}", expected=(("nothing of it",),)) for n in range(1000)]  # all go wrong
    done = run(asked, scripted([(said, hits)] * 1000), progress=False)
    assert len(render(done, ABOUT).encode()) < 5_000_000
