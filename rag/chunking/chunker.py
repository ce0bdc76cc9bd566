"""A Document into Chunks: runs of whole sentences near a target size, never longer than the encoder's window.

Sizes are counted by the encoder's own tokenizer, which is handed in, so that nothing here knows the encoder. Sentences
are counted once, in one batch. For WordPiece the parts add up exactly; other tokenizers may join or split a piece where
two parts meet, so a chunk that comes near the window is counted again as a whole, and taken apart if it is too long.
All of it is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeAlias

from rag.chunking.sentences import split_sentences
from rag.errors import InputError
from rag.types import Chunk, Document, Sentence

TokenCounter: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Word pieces of each text, without the special ones."""

CHUNKER_VERSION = 1
SPECIAL_TOKENS = 2  # what the encoder adds around every text

_MOST_TITLE = 160  # characters of a title that are put before a chunk; wide scripts count threefold
_LEAST_BUDGET = 8  # word pieces; with less room beside the title there is no sense in a chunk

# A word piece stands for at least one character and seldom for more than six. An unbroken string counts as a single
# unknown piece however long it is, so length counts too: a chunk never grows beyond this many characters a piece.
_MOST_CHARACTERS_A_PIECE = 8

# Word pieces that a tokenizer may add where two sentences meet; a chunk that might exceed the window is counted whole.
_MOST_ADDED = 2

_OVERSHOOT = 1.15  # of the target: how far a chunk may go for a better place to end
_LEAST_FILL = 0.5  # of the aim: no chunk ends earlier for the sake of a better place
_TAIL = 1.5  # of the target: when no more than this is left, it is shared evenly between two chunks
_MOST_OVERLAP = 0.3  # of the target: longer sentences are not repeated

# What ending a chunk at such a place is worth, in parts of the aim missed.
_AT_PARAGRAPH_END = 0.3
_IN_PARAGRAPH = 0.0
_IN_LIST = -0.25
_AFTER_LEAD_IN = -0.6  # a heading, or "the following:", belongs to what comes next

_ITEM_RE = re.compile(r"[-*+•‣◦▪]\s|\(?\d{1,2}[.)]\s|\(?[a-z][)]\s")
_SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "।")
_CLOSERS = "\"'”’)]»*_"

_LONG_WORD = 64  # characters; longer ones may be cut inside
_WORD_RE = re.compile(rf"\S{{1,{_LONG_WORD}}}\s*")
_CUT_WINDOW = 100_000  # characters of an endless sentence that are held as words at once
_CUT_RES = (  # where to cut a sentence that is too long, best first
    re.compile(r"[;:][\"”’)]*\s+$"),
    re.compile(r"(?:,[\"”’)]*|[—–])\s*$"),
)
_CONJUNCTION_RE = re.compile(r"(?:and|but|or|which|while|because)\s")


@dataclass(frozen=True, slots=True)
class ChunkerConfig:
    """How chunks are cut.

    Attributes:
        target_tokens: the size to fill up to, in the encoder's word pieces, title not counted.
        overlap_sentences: how many sentences a chunk repeats from the one before.
        version: of the algorithm; goes up whenever the same text would be cut differently.
    """

    target_tokens: int
    overlap_sentences: int
    version: int = CHUNKER_VERSION


def _clip(title: str) -> str:
    """As much of a title as fits beside a chunk, cut at a word."""
    title = " ".join(title.split())
    room = 0
    for number, character in enumerate(title):
        room += 1 if character < "\u2e80" else 3
        if room > _MOST_TITLE:
            clipped = title[:number]
            return (clipped.rsplit(" ", 1)[0] if " " in clipped else clipped).rstrip(" ,;:") + "…"
    return title


def title_prefix(document: Document) -> str:
    """What is put before a chunk for the encoder, so that a passage knows its article: ``"Title. "`` or ``""``."""
    title = _clip(document.title)
    if not title:
        return ""
    return title + (" " if title.rstrip(_CLOSERS).endswith(_SENTENCE_END) else ". ")


def chunk_prefix(document: Document, chunk: Chunk) -> str:
    """``title_prefix``, except before the chunk that begins with the title itself: nothing is said twice."""
    title = " ".join(document.title.split()).rstrip("….").casefold()
    head = " ".join(chunk.text[: 2 * len(document.title) + 40].lstrip("#*_ \t").split()).casefold()
    return "" if title and head.startswith(title) else title_prefix(document)


def _cost(text: str, pieces: int) -> int:
    return max(pieces, -(-len(text) // _MOST_CHARACTERS_A_PIECE))


def _cut_value(words: Sequence[str], number: int) -> int:
    """How good a place the end of a word is for cutting a sentence: 4 best, 0 in the middle of an unbroken string."""
    word = words[number]
    if _CUT_RES[0].search(word):
        return 4
    if _CUT_RES[1].search(word):
        return 3
    if number + 1 < len(words) and _CONJUNCTION_RE.match(words[number + 1]):
        return 2
    return 1 if word[-1].isspace() else 0


def _word_windows(text: str, sentence: Sentence) -> Iterator[list[str]]:
    """The words of a sentence with the space after each, a window at a time; unbroken strings in equal lengths."""
    words: list[str] = []
    length = 0
    for match in _WORD_RE.finditer(text, sentence.start, sentence.end):
        words.append(match[0])
        length += len(match[0])
        if length >= _CUT_WINDOW:
            yield words
            words, length = [], 0
    if words:
        yield words


def _word_costs(words: Sequence[str], count: TokenCounter) -> list[int]:
    """The cost of each word; a word that comes again is counted once."""
    different = list(dict.fromkeys(words))
    costs = {word: _cost(word, pieces) for word, pieces in zip(different, count(different), strict=True)}
    return [costs[word] for word in words]


def _smaller(words: list[str], count: TokenCounter, budget: int) -> tuple[list[str], list[int]]:
    """Words with their costs; one that alone exceeds the budget goes into single characters."""
    costs = _word_costs(words, count)
    if max(costs) <= budget:
        return words, costs
    out: list[str] = []
    for word, cost in zip(words, costs, strict=True):
        out.extend([word] if cost <= budget else list(word))
    return out, _word_costs(out, count)


def _cut_sentence(text: str, sentence: Sentence, count: TokenCounter, budget: int) -> list[Sentence]:
    """Cut a sentence that is too long: after ; or :, else , or a dash, else before "and", else between words, else
    anywhere. Returns the parts with their costs; they cover the sentence completely."""
    parts: list[Sentence] = []
    position = sentence.start
    for window in _word_windows(text, sentence):
        words, costs = _smaller(window, count, budget)
        first = 0
        while first < len(words):
            last, total = first, 0
            while last < len(words) and (last == first or total + costs[last] <= budget):
                total += costs[last]
                last += 1
            if last < len(words):
                earliest = first + max(1, (last - first) // 2)
                last = max(range(earliest, last + 1), key=lambda end: (_cut_value(words, end - 1), end))
            stop = position + sum(map(len, words[first:last]))
            end = position + len(text[position:stop].rstrip())
            if end > position:
                parts.append(Sentence(position, end))
            position = stop
            first = last
    return parts


def _fit_sentences(
    text: str, start: int, count: TokenCounter, budget: int
) -> tuple[list[Sentence], list[int]]:
    """The sentences of a text with their costs, each within the budget."""
    whole = split_sentences(text, start)
    longest = budget * _MOST_CHARACTERS_A_PIECE
    short = [sentence.end - sentence.start <= longest for sentence in whole]
    counted = iter(
        count([text[s.start : s.end] for s, is_short in zip(whole, short, strict=True) if is_short])
    )
    sentences: list[Sentence] = []
    costs: list[int] = []
    parts: list[int] = []  # which of them are parts of a cut sentence
    for sentence, is_short in zip(whole, short, strict=True):
        if is_short and (pieces := next(counted)) <= budget:
            sentences.append(sentence)
            costs.append(_cost(text[sentence.start : sentence.end], pieces))
            continue
        for part in _cut_sentence(text, sentence, count, budget):
            parts.append(len(sentences))
            sentences.append(part)
            costs.append(0)
    part_texts = [text[sentences[number].start : sentences[number].end] for number in parts]
    for number, part_text, pieces in zip(parts, part_texts, count(part_texts), strict=True):
        costs[number] = _cost(part_text, pieces)
    return sentences, costs


def _end_values(text: str, sentences: Sequence[Sentence]) -> list[float]:
    """For each sentence, what it is worth to end a chunk after it."""
    values: list[float] = []
    for number, sentence in enumerate(sentences):
        if number + 1 == len(sentences):
            values.append(_AT_PARAGRAPH_END)
            break
        following = sentences[number + 1]
        if "\n" not in text[sentence.end : following.start]:
            values.append(_IN_PARAGRAPH)
            continue
        tail = text[max(sentence.start, sentence.end - 10) : sentence.end].rstrip(_CLOSERS)
        if not tail.endswith(_SENTENCE_END):
            values.append(_AFTER_LEAD_IN)
        elif _ITEM_RE.match(text, following.start, following.end):
            values.append(_IN_LIST)
        else:
            values.append(_AT_PARAGRAPH_END)
    return values


def _runs(
    costs: Sequence[int], values: Sequence[float], budget: int, config: ChunkerConfig
) -> list[tuple[int, int]]:
    """Group sentences into chunks: (first, end) positions, half open, in order, overlapping by a few sentences."""
    target = min(config.target_tokens, budget)
    limit = min(budget, int(_OVERSHOOT * target))
    totals = [0, *accumulate(costs)]
    runs: list[tuple[int, int]] = []
    first, fresh = 0, 0  # where the chunk begins, and its first sentence that no chunk holds yet
    while fresh < len(costs):
        left = totals[-1] - totals[first]
        if left <= limit:
            runs.append((first, len(costs)))
            break
        aim = left / 2 if left < _TAIL * target else target
        best, best_score = fresh + 1, float("-inf")
        for end in range(fresh + 1, len(costs) + 1):
            size = totals[end] - totals[first]
            if size > limit and end > fresh + 1:
                break
            score = values[end - 1] - abs(size - aim) / aim
            if score > best_score and (size >= _LEAST_FILL * aim or end == fresh + 1):
                best, best_score = end, score
        runs.append((first, best))
        first = fresh = best
        for _ in range(config.overlap_sentences):
            before = first - 1
            repeated = totals[fresh] - totals[before]
            if before <= runs[-1][0] or repeated > _MOST_OVERLAP * target:
                break
            if fresh < len(costs) and repeated + costs[fresh] > budget:
                break
            first = before
    return runs


def _make(text: str, sentences: Sequence[Sentence]) -> Chunk:
    start, end = sentences[0].start, sentences[-1].end
    return Chunk(start=start, end=end, text=text[start:end], sentences=tuple(sentences))


def _halve(text: str, chunk: Chunk) -> list[Chunk]:
    """Two chunks out of one: between sentences, else at a space near the middle, else in the middle."""
    if len(chunk.sentences) > 1:
        middle = len(chunk.sentences) // 2
        return [_make(text, chunk.sentences[:middle]), _make(text, chunk.sentences[middle:])]
    middle = (chunk.start + chunk.end) // 2
    space = text.rfind(" ", chunk.start, middle)
    if space - chunk.start > (middle - chunk.start) // 2:
        middle = space
    halves = []
    for start, end in ((chunk.start, middle), (middle, chunk.end)):
        part = text[start:end]
        start += len(part) - len(part.lstrip())
        end -= len(part) - len(part.rstrip())
        if start < end:
            halves.append(_make(text, [Sentence(start, end)]))
    return halves


def chunk_document(
    document: Document, count: TokenCounter, window: int, config: ChunkerConfig
) -> list[Chunk]:
    """Cut a document into chunks.

    Args:
        count: the encoder's own counter.
        window: the most word pieces the encoder takes, special ones and title included.

    Returns:
        Chunks in order of the text, each a run of sentences with ``document.text[start:end] == text``. For every chunk
        ``count(prefix + text) + 2 <= window``; together their sentences hold every non-space character from
        ``body_start`` on. A sentence longer than the window is cut into parts that count as sentences.

    Raises:
        InputError: the title leaves no room in the window.
    """
    text = document.text
    prefix_pieces = count([title_prefix(document)])[0]
    budget = window - SPECIAL_TOKENS - prefix_pieces
    if budget < _LEAST_BUDGET:
        raise InputError(
            f"{document.path}: its title {document.title!r} leaves {max(budget, 0)} of {window} word pieces "
            f"for the text, at least {_LEAST_BUDGET} are needed; next step: shorten the title or choose an encoder "
            "with a longer window"
        )
    sentences, costs = _fit_sentences(text, document.body_start, count, budget)
    if not sentences:
        return []
    room = window - SPECIAL_TOKENS
    chunks: list[Chunk] = []
    waiting: list[Chunk] = []
    for first, end in _runs(costs, _end_values(text, sentences), budget, config):
        chunk = _make(text, sentences[first:end])
        most = prefix_pieces + sum(costs[first:end]) + _MOST_ADDED * (end - first + 1)
        # where no space parts two sentences, pieces far from the seam may change too
        parted = all(one.end < other.start for one, other in pairwise(chunk.sentences))
        (chunks if parted and most <= room else waiting).append(chunk)
    while waiting:
        sizes = count([chunk_prefix(document, chunk) + chunk.text for chunk in waiting])
        retry: list[Chunk] = []
        for chunk, size in zip(waiting, sizes, strict=True):
            if size <= room or len(chunk.text) == 1:
                chunks.append(chunk)
            else:
                retry.extend(_halve(text, chunk))
        waiting = retry
    return sorted(chunks, key=lambda chunk: (chunk.start, chunk.end))
