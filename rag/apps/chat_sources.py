"""What stands under an answer: its sources, articles that disagree, and passages that are close but no answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.apps.chat_html import Span, age, byline, check, cited, escape, plain_date, target
from rag.types import Answer, Citation, Conflict, Hit, Source

CLOSEST_SHOWN = 3
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the index says now about an article."""

    source: str | None = None
    published: str | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known beside an answer when it is drawn.

    Attributes:
        facts: the index's articles by path; an article that is not there is gone. Empty where nothing is known.
        newest: the latest date of publication in the index.
        shas: sha256 of each cited article at the time of the answer; empty for one that was just made.
    """

    facts: Mapping[str, Facts] = field(default_factory=dict)
    newest: str | None = None
    shas: Mapping[str, str] = field(default_factory=dict)

    def since(self, path: str) -> str:
        """What has become of a cited article since the answer, in words; '' for nothing."""
        then = self.shas.get(path)
        if then is None or not self.facts:
            return ""
        now = self.facts.get(path)
        if now is None:
            return "removed since this answer"
        return "changed since this answer" if now.sha256 != then else ""


NOTHING = Shown()


def _passages(answer: Answer) -> dict[int, list[Citation]]:
    """Every cited passage by its source's number, in order of use; conflicting positions cite as statements do."""
    found: dict[int, list[Citation]] = {}
    claims = [statement.citations for statement in answer.statements]
    claims += [position.citations for conflict in answer.conflicts for position in conflict.positions]
    for citations in claims:
        for citation in citations:
            known = found.setdefault(citation.number, [])
            if citation not in known:
                known.append(citation)
    return found


def _source(source: Source, passages: Sequence[Citation], shown: Shown) -> str:
    facts = shown.facts.get(source.path, Facts())
    published = source.published or facts.published
    since = shown.since(source.path)
    line = byline(facts.source, plain_date(published), age(published, shown.newest), source.path)
    tag = f'<span class="since">{escape(since)}</span>' if since else ""
    return (
        f'<li><button type="button" class="source" '
        f"{target(source.path, cited(passages), 'cited', f'Source {source.number}')}>"
        f'<span class="source-number" aria-hidden="true">{source.number}</span>'
        f'<span class="source-body"><span class="source-title">{escape(source.title)}</span>'
        f'<span class="source-line">{line}</span>{tag}</span></button></li>'
    )


def source_list(answer: Answer, shown: Shown) -> str:
    """The answer's numbered sources; each opens its article with every passage that was cited."""
    passages = _passages(answer)
    rows = "".join(_source(source, passages.get(source.number, []), shown) for source in answer.sources)
    return f'<section class="sources"><h3>Sources</h3><ol class="source-list">{rows}</ol></section>'


def citation_button(number: int, citations: Sequence[Citation]) -> str:
    """``[n]``: the brackets are there for copying and for screen readers, and drawn as a small chip."""
    title = escape(citations[0].title)
    return (
        f'<button type="button" class="cite" '
        f"{target(citations[0].path, cited(citations), 'cited', f'Source {number}')} "
        f'aria-label="Source {number}: {title}" title="{title}">'
        f'<span class="bracket">[</span>{number}<span class="bracket">]</span></button>'
    )


def numbers(citations: Sequence[Citation]) -> str:
    """A claim's numbers in order; two passages of one article share its number."""
    grouped: dict[int, list[Citation]] = {}
    for citation in citations:
        grouped.setdefault(citation.number, []).append(citation)
    buttons = "".join(citation_button(number, group) for number, group in grouped.items())
    return f'<span class="cites">{buttons}</span>'


def disagreement(conflict: Conflict, names_it: bool = False) -> str:
    """Articles that say different things, side by side, the newest first.

    Args:
        conflict: who says what.
        names_it: say what it is about, where there are several.
    """
    about = f' <span class="about">{escape(conflict.about)}</span>' if names_it else ""
    sides = "".join(
        f'<li class="side"><p class="side-text">{escape(position.text)}{numbers(position.citations)}</p>'
        f'<p class="source-line">{byline(plain_date(position.published), position.citations[0].title)}</p></li>'
        for position in conflict.positions
        if position.citations
    )
    return (
        f'<section class="conflict"><h3>The articles disagree{about}</h3>'
        f'<ol class="sides">{sides}</ol></section>'
    )


def closest_list(hits: Sequence[Hit], heading: str) -> str:
    """The nearest passages, marked as no answer."""
    if not hits:
        return ""
    rows = []
    for hit in hits[:CLOSEST_SHOWN]:
        best = max(hit.sentences, key=lambda sentence: sentence.score, default=None)
        excerpt = _SPACES.sub(" ", best.text if best else hit.text).strip()
        spans = [Span(hit.start, hit.end, check(hit.text))]
        rows.append(
            f'<li><button type="button" class="passage" {target(hit.path, spans, "closest", "Close by")}>'
            f'<span class="passage-text">{escape(excerpt)}</span>'
            f'<span class="source-line">{byline(hit.title, hit.source, plain_date(hit.published))}</span>'
            "</button></li>"
        )
    return (
        f'<section class="closest"><h3>{escape(heading)} <span class="not-answer">not an answer</span></h3>'
        f'<ol class="passage-list">{"".join(rows)}</ol></section>'
    )
