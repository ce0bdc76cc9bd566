"""The library beside the conversation: the articles as a list, and what became of files that were brought."""

from __future__ import annotations

from collections.abc import Sequence

from rag.apps.chat_html import byline, count, escape, plain_date, target
from rag.apps.library import Article, FileResult

LISTED = 200  # articles drawn at once
_OUTCOMES = {
    "added": "Added",
    "replaced": "Replaced",
    "unchanged": "Already here",
    "removed": "Removed",
    "refused": "Not taken",
}


def article_list(articles: Sequence[Article], limit: int = LISTED) -> str:
    """Articles as buttons that open them."""
    rows = "".join(
        f'<li><button type="button" class="entry" {target(item.path, (), "plain")}>'
        f'<span class="entry-title">{escape(item.title)}</span>'
        f'<span class="source-line">'
        f"{byline(item.source, plain_date(item.published), item.path, _cited(item.cited))}</span></button></li>"
        for item in articles[:limit]
    )
    more = len(articles) - limit
    return f'<ul class="entries">{rows}</ul>' + (
        f'<p class="more">and {more:,} more; search to narrow the list</p>' if more > 0 else ""
    )


def _cited(times: int) -> str | None:
    return f"cited {count(times, 'time', 'times')}" if times else None


def outlet_options(sources: Sequence[str]) -> str:
    """The outlets to choose from."""
    return "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in sources)


def file_results(results: Sequence[FileResult]) -> str:
    """What became of each file: what was refused first, with the reason."""
    refused = [result for result in results if result.outcome == "refused"]
    taken = [result for result in results if result.outcome in ("added", "replaced")]
    lead = (
        f"{count(len(taken), 'article is', 'articles are')} ready to ask about"
        if taken
        else "Nothing was added"
    )
    if not taken and not refused:
        lead = "All of it was here already"
    rows = "".join(
        f'<li class="result {result.outcome}"><span class="outcome">{_OUTCOMES[result.outcome]}</span>'
        f'<span class="result-path">{escape(result.path)}</span>'
        + (f'<span class="source-line">{escape(result.reason)}</span>' if result.reason else "")
        + "</li>"
        for result in [*refused, *(result for result in results if result.outcome != "refused")][:LISTED]
    )
    return f'<p class="results-lead">{lead}</p><ul class="results-list">{rows}</ul>'
