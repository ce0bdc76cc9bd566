"""Citation marks out of a stream of tokens, however those cut them: ``[1][2]``, ``[1, 2]``, ``[1-3]``, ``【1†x】``.

`CitationStream` takes tokens and gives back what may be shown at once: text and marks, where a mark's numbers are those
of known sources only, renumbered 1..n in order of first use. What may still become a mark is held back until it is
decided. Code (``` and `) is left as it is: ``a[1]`` there is no citation.

`StatementStream` puts that together into whole sentences with the sources each one names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.chunking.sentences import split_sentences

_NUMBERS = (
    r"\^?\s*(?:(?:sources?|refs?|passages?|docs?|citations?)?\s*[:#]?\s*)?\d{1,4}"
    r"(?:\s*(?:,|;|-|–|—|&|and|to)\s*(?:and\s+)?(?:source\s*)?#?\d{1,4})*"
)
_MARK = re.compile(
    rf"(?:\[\[\s*{_NUMBERS}\s*\]\]|\[\s*{_NUMBERS}\s*\]|【\s*{_NUMBERS}(?:†[^】\n]{{0,60}})?\s*】)",
    re.IGNORECASE,
)
_MAYBE = re.compile(r"\[[\[^#:\w\s,;&–—-]{0,80}\]?$|【[^】\n]{0,80}$")
_MARK_WORDS = tuple("source sources ref refs passage passages doc docs citation citations and to".split())
_ENDS = re.compile(r"[.!?…。:\n]")
_FIRST_WORD = re.compile(r"\S+\s|.{20}", re.DOTALL)
_FENCE = "```"
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)]|#{1,6})\s+")
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
MOST_RANGE = 20  # "[1-9999]" names no sources


@dataclass(frozen=True, slots=True)
class Text:
    """Something to show as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A citation mark.

    Attributes:
        sources: the numbers as the prompt gave them, known ones only, each once.
        shown: the same in the answer's own numbers, 1..n in order of first use.
    """

    sources: tuple[int, ...]
    shown: tuple[int, ...]


class CitationStream:
    """Parses one answer.

    Args:
        known: how many sources the prompt numbered, from 1; any other number is dropped.
    """

    def __init__(self, known: int) -> None:
        self._known = known
        self._held = ""
        self._code = ""  # the run of backticks that the code we are in began with
        self._shown: dict[int, int] = {}

    def feed(self, token: str) -> list[Text | Mark]:
        """What can be shown after this token."""
        self._held += token
        return self._take(is_last=False)

    def close(self) -> list[Text | Mark]:
        """What was held back; the stream is over."""
        return self._take(is_last=True)

    def _take(self, is_last: bool) -> list[Text | Mark]:
        pieces: list[Text | Mark] = []
        while self._held:
            taken = self._next(is_last)
            if taken is None:
                break
            length, piece = taken
            self._held = self._held[length:]
            if isinstance(piece, Text) and pieces and isinstance(pieces[-1], Text):
                pieces[-1] = Text(pieces[-1].text + piece.text)
            elif piece is not None:
                pieces.append(piece)
        return pieces

    def _next(self, is_last: bool) -> tuple[int, Text | Mark | None] | None:
        """The first decided piece of what is held and its length; None when more must come first."""
        held = self._held
        ticks = len(held) - len(held.lstrip("`"))
        if ticks:
            if ticks == len(held) and not is_last:
                return None  # more backticks may follow
            self._toggle_code(held[:ticks])
            return ticks, Text(held[:ticks])
        special = re.search(r"`" if self._code else r"[`\[【]", held)
        if special is None:
            return len(held), Text(held)
        if special.start():
            return special.start(), Text(held[: special.start()])
        mark = _MARK.match(held)
        if mark:
            return mark.end(), self._mark(mark.group())
        if not is_last and _may_become_mark(held):
            return None
        return 1, Text(held[0])

    def _toggle_code(self, ticks: str) -> None:
        if not self._code:
            self._code = ticks
        elif ticks == self._code or (self._code.startswith(_FENCE) and ticks.startswith(_FENCE)):
            self._code = ""

    def _mark(self, text: str) -> Mark | None:
        sources = tuple(dict.fromkeys(number for number in _numbers(text) if 1 <= number <= self._known))
        if not sources:
            return None
        shown = tuple(self._shown.setdefault(number, len(self._shown) + 1) for number in sources)
        return Mark(sources, shown)


def _may_become_mark(held: str) -> bool:
    """Whether more tokens could complete a mark; a stray bracket is let go at the first word no mark has."""
    letters = re.findall(r"[^\W\d_]+", held.split("†")[0].lower())
    known = all(any(word.startswith(found) for word in _MARK_WORDS) for found in letters)
    return known and bool(_MAYBE.match(held))


def _numbers(mark: str) -> Iterator[int]:
    """The numbers of a mark, ranges spelled out."""
    inner = mark.split("†")[0]
    for match in re.finditer(r"(\d{1,4})(?:\s*(?:-|–|—|to)\s*#?(\d{1,4}))?", inner):
        first = int(match.group(1))
        last = int(match.group(2) or first)
        yield from (range(first, last + 1) if first <= last < first + MOST_RANGE else (first, last))


@dataclass(frozen=True, slots=True)
class Said:
    """One whole sentence of an answer: without its marks, and the sources it names (the prompt's numbers)."""

    text: str
    sources: tuple[int, ...]


class StatementStream:
    """Whole sentences out of a `CitationStream`, each handed out as soon as the next one begins."""

    def __init__(self) -> None:
        self._text = ""
        self._marks: list[tuple[int, tuple[int, ...]]] = []
        self._in_code = False

    def feed(self, pieces: list[Text | Mark]) -> list[Said]:
        """The sentences that these pieces complete."""
        is_ripe = False
        for piece in pieces:
            if isinstance(piece, Mark):
                self._marks.append((len(self._text), piece.sources))
            else:
                self._text += piece.text
                is_ripe = is_ripe or bool(piece.text.strip())
        return self._complete(False) if is_ripe and _ENDS.search(self._text) else []

    def close(self) -> list[Said]:
        """The last sentence, whole or not."""
        return self._complete(True)

    def _complete(self, is_last: bool) -> list[Said]:
        text = self._text
        if text.count(_FENCE) % 2 and not is_last:
            return []  # in the middle of code
        spans = split_sentences(text)
        # where a sentence ends depends on the word after it, so that word must be whole
        if not is_last and spans and not _FIRST_WORD.match(text[spans[-1].start :]):
            return []
        done = len(spans) if is_last else len(spans) - 1
        if done <= 0:
            return []
        sources: list[list[int]] = [[] for _ in spans]
        cut = len(text) if is_last else spans[done].start
        waiting = []
        for at, numbers in self._marks:
            owner = self._owner(at, [span.start for span in spans])
            sources[owner].extend(numbers)
            if owner >= done:
                waiting.append((at - cut, numbers))
        said = [
            Said(tidy(text[span.start : span.end]), tuple(dict.fromkeys(numbers)))
            for span, numbers in zip(spans[:done], sources, strict=False)
        ]
        self._marks, self._text = waiting, text[cut:]
        return [one for one in said if one.text]

    def _owner(self, at: int, starts: list[int]) -> int:
        """Which sentence a mark belongs to: "Sentence. [1] Next" to the one before, "[1] Sentence" at a line's start to
        the one after."""
        before = self._text[:at].rstrip(" ")
        if not before or before.endswith("\n"):
            return next((place for place, start in enumerate(starts) if start >= at), len(starts) - 1)
        return max(sum(start < at for start in starts) - 1, 0)


def tidy(text: str) -> str:
    """A sentence without list marks and emphasis, on one line, no space left where a mark stood."""
    text = _EMPHASIS.sub("", _BULLET.sub("", text))
    return re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s+", " ", text)).strip()
