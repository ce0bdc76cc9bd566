from __future__ import annotations

from rag.answering.citations import Numbering, Pointer, checked, marked
from rag.types import Document


def document(path: str, text: str = "It opens in March. It is small.") -> Document:
    return Document(path=path, title=path, text=text, sha256="0" * 64)


def pointer(path: str, start: int, end: int, quote: str | None = None, support: float = 1.0) -> Pointer:
    made = document(path)
    return Pointer(made, start, end, made.text[start:end] if quote is None else quote, support)


def test_a_quote_that_is_not_what_stands_there_is_dropped() -> None:
    good, wrong = pointer("a", 0, 18), pointer("a", 0, 18, quote="It opens in April.")
    beyond, empty = pointer("a", 19, 99), pointer("a", 5, 5)
    assert checked([good, wrong, beyond, empty]) == [good]


def test_a_statement_without_a_surviving_citation_is_no_statement() -> None:
    numbering = Numbering()
    assert numbering.cite("It opens in April.", [pointer("a", 0, 18, quote="It opens in April.")]) is None
    assert numbering.sources == ()


def test_numbers_run_from_one_in_order_of_first_use() -> None:
    numbering = Numbering()
    first = numbering.cite("x", [pointer("b", 0, 18)])
    second = numbering.cite("y", [pointer("a", 0, 18), pointer("b", 19, 31)])
    assert first is not None
    assert second is not None
    assert [citation.number for citation in first.citations] == [1]
    assert [(citation.number, citation.path) for citation in second.citations] == [(1, "b"), (2, "a")]
    assert [(source.number, source.path) for source in numbering.sources] == [(1, "b"), (2, "a")]
    assert marked(second) == "y [1][2]"


def test_a_document_is_cited_once_per_statement_at_its_best_span() -> None:
    statement = Numbering().cite("x", [pointer("a", 0, 18, support=0.4), pointer("a", 19, 31, support=0.9)])
    assert statement is not None
    assert [(citation.start, citation.support) for citation in statement.citations] == [(19, 0.9)]
