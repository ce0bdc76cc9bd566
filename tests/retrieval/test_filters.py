from __future__ import annotations

import pytest

from rag.errors import InputError
from rag.index.records import DocumentInfo
from rag.retrieval.filters import allowed_documents
from rag.types import Filters


def info(number: int, path: str, published: str | None, source: str | None) -> DocumentInfo:
    return DocumentInfo(number, path, path, published, source, "", 0)


DOCUMENTS = [
    info(1, "2024/a.txt", "2024-10-01", "Reuters"),
    info(2, "2024/b.md", "2024-12-31", "AP"),
    info(3, "old/c.txt", "1999-01-01", "reuters"),
    info(4, "d.txt", None, None),
]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {1, 2, 3, 4}),
        (Filters(after="2024-10-01"), {1, 2}),
        (Filters(after="2024-10-02"), {2}),
        (Filters(before="2024-10-01"), {1, 3}),
        (Filters(after="2000-01-01", before="2024-11-01"), {1}),
        (Filters(sources=("REUTERS",)), {1, 3}),
        (Filters(paths=("2024/*",)), {1, 2}),
        (Filters(paths=("*.md", "d*")), {2, 4}),
        (Filters(after="2000-01-01", sources=("AP", "Reuters"), paths=("*.txt",)), {1}),
        (Filters(sources=("nobody",)), set()),
    ],
    ids=str,
)
def test_keeps_exactly(filters: Filters, expected: set[int]) -> None:
    assert allowed_documents(filters, DOCUMENTS) == expected


@pytest.mark.parametrize("day", ["yesterday", "2024-13-01", "01.10.2024", ""])
def test_a_date_that_is_none_is_named(day: str) -> None:
    with pytest.raises(InputError, match=rf"after '{day}' is not a date.*YYYY-MM-DD"):
        allowed_documents(Filters(after=day), DOCUMENTS)


def test_a_span_that_ends_before_it_starts() -> None:
    with pytest.raises(InputError, match="exchange the two dates"):
        allowed_documents(Filters(after="2024-10-02", before="2024-10-01"), DOCUMENTS)
