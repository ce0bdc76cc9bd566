"""What no similarity may talk past: an article must mention the names and numbers a question insists on.

"Who is the chief executive of Tesla?" cannot be answered by an article in which Tesla does not occur, however much it
says about chief executives; nor "What happened in 2019?" by one without that year. The day an article was published
counts as said in it: news of Sunday seldom repeats the year.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

from rag.answering.lexicon import MONTHS, numbers, terms
from rag.answering.question import Analysis
from rag.types import Document, Hit

# Words that are part of many companies' names and identify none of them.
_GENERIC = frozenset(["corp", "corpor", "compani", "co", "inc", "ltd", "group", "hold", "limit"])
# A name anywhere in a document this short is in reach of each of its sentences; in a longer one it must be nearer.
_SHORT_DOCUMENT = 20_000
_REACH = 2_000  # characters
_MONTH, _WEEK = 31, 7  # days from publication that "in June 2020" and "on 18 August" may mean
# "Was it held in Osaka?": the place is what is asked, and an article may say that it was another.
_PUT_LAST = re.compile(r"\b(?:in|at|on|to|by|with|for|from)\s+(?P<thing>(?:the\s+)?[A-Z][^?,]*)\W*$")


class Gate:
    """Decides for one question which hits may answer at all.

    Args:
        analysis: the question's names and numbers.
        document_of: the document at a path.
    """

    def __init__(self, analysis: Analysis, document_of: Callable[[str], Document]) -> None:
        self._names = frozenset(analysis.names) - _GENERIC - _asked_for(analysis)
        self._numbers = frozenset(analysis.numbers)
        # a comparison or a list draws on several articles, each with some of the names
        self._any_name = analysis.wants_several or " or " in f" {analysis.text.lower()} "
        self._is_about_something = bool(analysis.terms) or analysis.kind in ("summary", "differences")
        self._document_of = document_of
        self._known: dict[str, frozenset[str]] = {}

    def passes(self, hit: Hit, passage_terms: AbstractSet[str]) -> bool:
        """Whether the hit's article mentions what the question insists on.

        Args:
            hit: the passage.
            passage_terms: its terms and its title's; the whole article is only looked at when these do not suffice.
        """
        if not self._is_about_something:  # "who?", "!?": any sentence would do, so none answers
            return False
        names, numbers = self._names - passage_terms, self._numbers - passage_terms
        if names or numbers:
            around = self._around(hit)
            names, numbers = names - around, numbers - around
        if numbers:
            return False
        return len(names) < len(self._names) if self._any_name and self._names else not names

    def _around(self, hit: Hit) -> frozenset[str]:
        """Terms and numbers of the hit's article, or of its neighbourhood and opening where the article is long."""
        document = self._document_of(hit.path)
        if len(document.text) > _SHORT_DOCUMENT:
            near = document.text[max(0, hit.start - _REACH) : hit.end + _REACH]
            return _terms_and_numbers(f"{document.text[:_REACH]}\n{near}") | _dated(document.published)
        if hit.path not in self._known:
            self._known[hit.path] = _terms_and_numbers(document.text) | _dated(document.published)
        return self._known[hit.path]


def _asked_for(analysis: Analysis) -> frozenset[str]:
    """The name that a yes/no question puts last, where it has others to be known by."""
    put_last = _PUT_LAST.search(analysis.text) if analysis.kind == "yesno" else None
    asked = frozenset(terms(put_last["thing"])) if put_last else frozenset[str]()
    return asked if set(analysis.names) - _GENERIC - asked else frozenset()


def _dated(published: str | None) -> frozenset[str]:
    """Year, months and days of the month around the day of publication, as terms."""
    try:
        day = date.fromisoformat(published or "")
    except ValueError:
        return frozenset()
    around = [day + timedelta(days=away) for away in range(-_MONTH, _MONTH + 1)]
    months = frozenset(term for one in around for term in terms(MONTHS[one.month - 1]))
    days = frozenset(str(one.day) for one in around if abs((one - day).days) <= _WEEK)
    return months | days | {str(day.year)}


def _terms_and_numbers(text: str) -> frozenset[str]:
    return frozenset(terms(text)) | numbers(text)
