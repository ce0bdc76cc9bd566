"""Filters become the set of documents that may answer, before anything is searched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatchcase

from rag.errors import InputError
from rag.index.records import DocumentInfo
from rag.types import Filters


def allowed_documents(filters: Filters, documents: Iterable[DocumentInfo]) -> set[int]:
    """Ids of the documents that pass.

    Raises:
        InputError: a date that is not one, or a span that ends before it starts.
    """
    after, before = _day("after", filters.after), _day("before", filters.before)
    if after and before and after > before:
        raise InputError(
            f"no day is after {after} and before {before}; next step: exchange the two dates, or leave one out"
        )
    sources = {source.casefold() for source in filters.sources}
    return {
        document.id
        for document in documents
        if _in_time(document.published, after, before)
        and (not sources or (document.source or "").casefold() in sources)
        and (not filters.paths or any(fnmatchcase(document.path, pattern) for pattern in filters.paths))
    }


def _in_time(published: str | None, after: str | None, before: str | None) -> bool:
    if after is None and before is None:
        return True
    if published is None:
        return False
    return (after is None or published >= after) and (before is None or published <= before)


def _day(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise InputError(
            f"{name} {value!r} is not a date; next step: write it as YYYY-MM-DD, e.g. 2024-10-01"
        ) from error
