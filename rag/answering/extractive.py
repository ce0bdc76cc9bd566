"""Extractive answers: the fewest sentences that answer the question, each copied from an article.

No word here is made up: a statement is a sentence of an article with its line breaks smoothed, its pointers lead to the
sentence itself and to sentences of other articles that say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.answering.citations import Pointer
from rag.answering.evidence import Evidence
from rag.answering.lexicon import numbers, terms, words
from rag.answering.opposites import negations, swapped
from rag.answering.question import Analysis
from rag.types import Document, ScoredSentence, Sentence

MAX_STATEMENTS = 5
_NEXT_REACH = 1000  # characters in which the next sentence is looked for
_LIST_REACH = 4000  # characters to either side in which the rest of a list is looked for
_SAME_FACT = 0.6  # Jaccard of content terms from which two sentences say the same (numbers must agree too)
# How near to the best sentence's probability a further one must be, and how many are shown at most.
_NEGLIGIBLE = 0.05  # below this share of the best probability a sentence is not even a second source
_FACT = (0.5, 3)
_OPEN = (0.2, 3)
_SEVERAL = (0.3, 5)
_OPEN_KINDS = ("reason", "manner", "definition", "quote", "thing", "yesno")
_VOICE = 0.25  # the same, for each article's voice in a comparison
# A sentence that begins like this leans on the one before it.
_LEANS_BACK = re.compile(
    r"^(?:It|They|These|This|Those|He|She|Both|Such|His|Her|Their|Its|That|Here|There,)\b(?! (?:is|was) "
    r"(?:worth|understood|said|reported|believed|expected|known|clear|not yet|also worth))"
)
# "batteries, e-axles and the cabin"; "both A and B": what a question after several things hopes to find.
_ENUMERATION = re.compile(
    r"\b[\w’'-]+(?: [\w’'-]+){0,4}, (?:[\w’'-]+(?: [\w’'-]+){0,4}, )*[\w’'-]+(?: [\w’'-]+){0,4},? (?:and|or) \w"
    r"|\bboth\b.+\band\b"
)
_POINTS_BACK = re.compile(
    r"^Among (?:them|these|those)\b|\b(?:of|under|among|to|in) (?:that|this|these|those|them)\b[^,]*\.$"
)
_LIST_ITEM = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*•–])[ \t]+\S")


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement before its citations are checked and numbered."""

    text: str
    pointers: tuple[Pointer, ...]
    evidence: Evidence


def compose(
    analysis: Analysis,
    evidence: Sequence[Evidence],
    document_of: Callable[[str], Document],
) -> list[Draft]:
    """Choose the sentences that answer one question, which the evidence was found to answer.

    Args:
        analysis: what is asked for.
        evidence: the scored sentences, best first; not empty.
        document_of: the document at a path.
    """
    groups = _grouped(evidence)
    drafts: list[Draft] = []
    seen: set[tuple[str, int]] = set()
    for group in _chosen(analysis, groups):
        for draft in _with_context(analysis, group, document_of):
            key = (draft.pointers[0].document.path, draft.pointers[0].start)
            if key not in seen:
                seen.add(key)
                drafts.append(draft)
    return drafts


def _grouped(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """Put sentences that say the same fact together, the best of each group first."""
    groups: list[tuple[set[str], tuple[object, ...], list[Evidence]]] = []
    for item in evidence:
        if item.probability < evidence[0].probability * _NEGLIGIBLE:
            break
        said, decisive = set(terms(item.sentence.text)), _decisive(item.sentence.text)
        for known, known_decisive, group in groups:
            text = group[0].sentence.text
            alike = decisive == known_decisive and _jaccard(said, known) >= _SAME_FACT
            if alike and not swapped(item.sentence.text, text):
                group.append(item)
                break
        else:
            groups.append((said, decisive, [item]))
    return [group for _, _, group in groups]


def _decisive(text: str) -> tuple[object, ...]:
    """What two sentences must share to say the same, whatever else they share: figures, names and negations."""
    found = words(text)
    names = {term for word in found[1:] if word.is_capitalised for term in word.terms}
    return (frozenset(numbers(text)), frozenset(names), negations(text))


def _chosen(analysis: Analysis, groups: list[list[Evidence]]) -> list[list[Evidence]]:
    """The groups an answer is made of, in reading order: by article in order of worth, then as they stand there.

    A second sentence is shown only when it is nearly as likely as the best, so a clear fact takes one sentence, and an
    unclear one shows the candidates instead of hiding all but one.
    """
    best = groups[0][0].probability
    if analysis.kind in ("differences", "summary"):
        # one voice per article: what each has to say, not five sentences of one
        by_path: dict[str, list[Evidence]] = {}
        for group in groups:
            if group[0].probability >= best * _VOICE:
                by_path.setdefault(group[0].hit.path, group)
        kept = list(by_path.values()) if len(by_path) > 1 else groups[:MAX_STATEMENTS]
    else:
        ratio, most = _SEVERAL if analysis.wants_several else _OPEN if analysis.kind in _OPEN_KINDS else _FACT
        # a list is gathered from wherever the reader finds a part of it; the parts are seldom equally likely
        kept = [
            group
            for group in groups
            if group[0].probability >= best * ratio or (analysis.wants_several and group[0].is_sure)
        ]
        kept = (kept if analysis.wants_several else _without_echoes(kept))[:most]
    paths = list(dict.fromkeys(group[0].hit.path for group in kept[:MAX_STATEMENTS]))
    return sorted(
        kept[:MAX_STATEMENTS], key=lambda group: (paths.index(group[0].hit.path), group[0].sentence.start)
    )


def _without_echoes(groups: list[list[Evidence]]) -> list[list[Evidence]]:
    """Leave out a sentence whose exact answer an earlier, better sentence of the same article already gives."""
    kept: list[list[Evidence]] = []
    said: set[tuple[str, str]] = set()
    for group in groups:
        span = span_text(group[0])
        if span and (group[0].hit.path, span.casefold()) in said:
            continue
        said.add((group[0].hit.path, span.casefold()))
        kept.append(group)
    return kept


def span_text(evidence: Evidence) -> str:
    """The reader's exact answer in this sentence, on one line; "" where it has none."""
    if evidence.span is None:
        return ""
    start, end = evidence.span
    return readable(evidence.hit.text[start - evidence.hit.start : end - evidence.hit.start])


def _with_context(
    analysis: Analysis, group: list[Evidence], document_of: Callable[[str], Document]
) -> list[Draft]:
    """The group's statement, with the sentence it leans on before it and the list it opens or belongs to."""
    best = group[0]
    document = document_of(best.hit.path)
    pointers = [_pointer(document, best.sentence, 1.0)]
    pointers += [
        _pointer(document_of(item.hit.path), item.sentence, _jaccard_of(best, item))
        for item in group[1:]
        if item.hit.path != best.hit.path
    ]
    for location in best.hit.also_in:
        pointers += _same_words(best.sentence.text, document_of(location.path))
    drafts = [Draft(readable(best.sentence.text), tuple(pointers), best)]
    before = _sentence_before(best)
    if before is not None and _LEANS_BACK.match(readable(best.sentence.text)):
        drafts.insert(0, Draft(readable(before.text), (_pointer(document, before, 1.0),), best))
    if analysis.wants_several and analysis.kind not in ("differences", "summary"):
        drafts += _told_after(best, document)
    if analysis.wants_several or best.sentence.text.rstrip().endswith(":"):
        items = _list_around(document.text, best.sentence.start, best.sentence.end)
        if items and items[0].start <= best.sentence.start:  # an item was found: the list replaces it
            drafts = drafts[:-1]
        for item in items:
            quote = document.text[item.start : item.end]
            drafts.append(
                Draft(readable(quote), (Pointer(document, item.start, item.end, quote, 1.0),), best)
            )
    return drafts


def _same_words(quote: str, document: Document) -> list[Pointer]:
    """The sentence in another article, where it stands there word for word."""
    start = document.text.find(quote, document.body_start)
    return [Pointer(document, start, start + len(quote), quote, 1.0)] if start >= 0 else []


def _sentence_before(evidence: Evidence) -> ScoredSentence | None:
    previous = None
    for sentence in evidence.hit.sentences:
        if sentence.start == evidence.sentence.start:
            break
        previous = sentence
    if previous is None:
        return None
    between = evidence.hit.text[
        previous.end - evidence.hit.start : evidence.sentence.start - evidence.hit.start
    ]
    # a line break alone may separate paragraphs of one thought; a blank line starts another
    return previous if "\n\n" not in between and not previous.text.rstrip().endswith(":") else None


def _sentence_after(evidence: Evidence, document: Document) -> Sentence | None:
    """The next sentence of the article, which the passage found may end before; None where a new thought begins."""
    from rag.chunking.sentences import split_sentences

    end = evidence.sentence.end
    following = split_sentences(document.text, end, min(len(document.text), end + _NEXT_REACH))
    # a line break alone may part paragraphs of one thought
    if not following or "\n\n" in document.text[end : following[0].start]:
        return None
    return following[0]


def _told_after(best: Evidence, document: Document) -> list[Draft]:
    """The sentence after the one found, where it leans on it and names the several things that it only announces."""
    after = _sentence_after(best, document)
    if after is None:
        return []
    quote = document.text[after.start : after.end]
    text = readable(quote)
    leans = _LEANS_BACK.match(text) or _POINTS_BACK.search(text)
    if not leans or _listed(text) <= _listed(best.sentence.text):
        return []
    return [Draft(text, (Pointer(document, after.start, after.end, quote, 1.0),), best)]


def _listed(text: str) -> int:
    """How many things the longest enumeration of a sentence names, by its commas; 0 for none."""
    return max((1 + match.group().count(",") for match in _ENUMERATION.finditer(text)), default=0)


def _list_around(text: str, start: int, end: int) -> list[Sentence]:
    """The items of the list that the span ``start:end`` introduces (it ends right before it) or belongs to."""
    from_line = text.rfind("\n", 0, max(0, start - _LIST_REACH)) + 1
    block: list[Sentence] = []
    for line in re.finditer(r"[^\n]+", text[from_line : end + _LIST_REACH]):
        if not line.group().strip():
            continue
        if _LIST_ITEM.match(line.group()):
            indent = len(line.group()) - len(line.group().lstrip())
            stop = from_line + line.start() + len(line.group().rstrip())
            block.append(Sentence(from_line + line.start() + indent, stop))
            continue
        if _touches(block, text, start, end):
            return block
        block = []
    return block if _touches(block, text, start, end) else []


def _touches(block: list[Sentence], text: str, start: int, end: int) -> bool:
    if not block:
        return False
    inside = block[0].start <= start < block[-1].end
    return inside or (block[0].start >= end and not text[end : block[0].start].strip())


def _pointer(document: Document, sentence: ScoredSentence, support: float) -> Pointer:
    return Pointer(document, sentence.start, sentence.end, sentence.text, support)


def readable(text: str) -> str:
    """A sentence on one line: line breaks and runs of spaces become one space."""
    return re.sub(r"\s+", " ", text).strip()


def _jaccard_of(one: Evidence, other: Evidence) -> float:
    """How much of two sentences' wording is shared: the support that the other lends the one's statement."""
    return _jaccard(set(terms(one.sentence.text)), set(terms(other.sentence.text)))


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0
