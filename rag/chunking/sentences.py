"""Text into sentences with exact offsets, by sentencex (Wikimedia) and a few repairs.

Tried side by side on the hard cases of tests/chunking/test_sentences.py and on 300 Reuters articles: sentencex 1.0.32,
nupunkt 0.8, pysbd 0.3.4, syntok 1.4.4. sentencex knew most abbreviations ("Nov. 4", "Motor Co. and", "U.S. President"),
was the only one to see the missing space in "the difference.Nissan said", gives offsets, and is by far the fastest
(articles a second: 58,000; nupunkt 6,200; syntok 690; pysbd 160). nupunkt breaks quotations apart and misses list
items; syntok splits "Sgt. Pepper" and "Prof. A. B. Smith"; pysbd takes "It was 5. The end." for a numbered list.

What it gets wrong is repaired here:

- a line break that ends a paragraph, a heading or a list item ends a sentence (``lines.py``);
- quotation marks are paired here, because an inch mark or an unclosed quotation made it cut before the closing mark
  (and took quadratic time): a quotation of moderate length stays whole with its "he said";
- "5 p.m. Monday", "Wed. Feb. 3", "2. Introduction" and a full stop before lower case end nothing;
- "Apple Inc. The", "(A note.) Next" do end a sentence; "www.Example.Com" and "Node.JS" hold none.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rag.chunking.lines import split_blocks
from rag.types import Sentence

_LANGUAGE = "en"
_WINDOW = 6_000  # characters handed to the segmenter at once, so that no input makes it slow
_MOST_TOKEN = 100  # characters either side that are looked at to know a web address
_MOST_QUOTATION = 400  # characters; a longer quotation is cut at its own sentence ends

_OPENERS = "“„«‹‘‚"
_CLOSING = {"“": "”", "„": "”", "«": "»", "‹": "›", "‘": "’", '"': '"', "'": "'", "‚": "’"}
_QUOTE_RE = re.compile("[\"'“”„‟«»‹›‘’‚‛]")
_LEADS = "([—–-"  # what a straight mark may follow and still open
_ENDERS = ".!?…。！？।"
_ATTACHED = "\"'”’»›)]}"  # belong to the sentence before when they touch it

_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\b"
_DAYS = r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?s?\b"
# (what stands before the break, what stands after it) that together hold no sentence end
_NO_BREAK = tuple(
    (re.compile(before + r"\s*$"), re.compile(after))
    for before, after in (
        (r"\b[ap]\.m\.", rf"{_DAYS}|{_MONTHS}|\(|[A-Z]{{2,4}}\b|Eastern|Central|Pacific|Mountain|Greenwich"),
        (rf"\b{_DAYS}\.", rf"{_MONTHS}|\d"),
        (r"\b\d{1,2}\.", _MONTHS),
        (r"\b(?:Vol|Ch|Sec|Nos?|Nr|Art|pp?|Approx|approx|est|Sgt|Lt|Supt|Insp|Messrs|Mme)\.", r""),
    )
)
_STARTERS = (
    r"(?:The|It|He|She|They|We|But|This|These|Those|That|There|However|Meanwhile|Its|Their|His|Her|In|On|At|If|As|When"
    r"|While|Although|And|After|Before|Since|Last|Some|Both|Neither|You|Our|For|According|Also|Earlier|Analysts)\b"
)
_TITLES = (
    r"(?:Chief|Chair\w*|Presidents?|Vice|CEO|Director|Spokes\w+|Executives?|Officials?|Managers?|Group)\b"
)
_VERBS = (
    r"said|says|is|are|was|were|has|have|had|will|would|also|now|earlier|did|does|could|may|plans|expects"
)
# An abbreviation that often ends a sentence, before a word that seldom continues one; a company's, also before a new
# subject and its verb ("Sealy Inc. Dean said").
_ABBREVIATION_END_RE = re.compile(
    r"\b(?:U\.S|U\.K|U\.N|E\.U|D\.C|Jr|Sr|etc|[ap]\.m|(?P<company>Inc|Co|Corp|Ltd|[Pp]lc|Bros))\.[\"”’)]*\s+"
    rf"(?=[\"“‘(]?(?:{_STARTERS}|(?(company)(?!{_TITLES})[A-Z]\w+\s(?:{_VERBS})\b|(?!))))"
)
_BRACKETED_END_RE = re.compile(r"[.!?…][\"”’]?[)\]]\s+(?=[\"“‘(\[]?[A-Z0-9])")
_RUN_TOGETHER_RE = re.compile(r"[^\W\d_]*[a-z\d]{2}[.!?…][\"”’)]*$")
_NEXT_WORD_RE = re.compile(r"[\"'“‘(]?(?!(?i:com|org|net|gov|edu|co|io)\b)(?:[A-Z][a-z’']|[AI]\s)")
_FOOTNOTE_RE = re.compile(r"(?:\[\d{1,3}\])+")
_ITEM_NUMBER_RE = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]")


def _pair_quotes(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Find the quotations, and hide every quotation mark from the segmenter.

    Returns:
        The text with marks replaced one for one (a space; a letter for an apostrophe), and the (open, close) positions
        of quotations, which do not overlap. One pass, linear.
    """
    if not _QUOTE_RE.search(text):
        return text, []
    masked = list(text)
    pairs: list[tuple[int, int]] = []
    opened: tuple[int, str] | None = None  # position and the mark that would close it
    for match in _QUOTE_RE.finditer(text):
        at, mark = match.start(), match[0]
        before = text[at - 1] if at else " "
        after = text[at + 1] if at + 1 < len(text) else " "
        if mark in "'’‛" and before.isalnum() and (after.isalnum() or mark != "'" or opened is None):
            masked[at] = "x"  # an apostrophe: don't, workers’ pay
            closes_word = opened is not None and opened[1] == mark and not after.isalnum()
            if not closes_word:
                continue
        else:
            masked[at] = " "
        if opened and mark == opened[1] and not before.isspace():
            if mark in "'’" and before not in ".,!?…":
                continue  # ‘the workers’ pay’: only a mark after punctuation surely closes
            pairs.append((opened[0], at))
            opened = None
        elif mark in _OPENERS or (
            mark in "\"'" and not after.isspace() and (before.isspace() or before in _LEADS)
        ):
            # ‘inside “a quotation”’: the outer one counts; an inner apostrophe-like mark never hides a real one
            opened = (
                (at, _CLOSING[mark]) if opened is None or opened[1] in (_CLOSING[mark], "'", "’") else opened
            )
    return "".join(masked), pairs


def _breaks(text: str) -> list[int]:
    """Where, in one block, a new sentence begins: offsets of first characters, without 0, ascending."""
    from sentencex import get_sentence_boundaries

    masked, pairs = _pair_quotes(text.replace("\n", " "))
    found: set[int] = set()
    for boundary in get_sentence_boundaries(_LANGUAGE, masked):
        found.add(int(boundary["start_index"]))
    added = {m.end() for m in _ABBREVIATION_END_RE.finditer(text)}
    added |= {
        m.end() for m in _BRACKETED_END_RE.finditer(text) if _bracket_opens_sentence(text, m.start(), found)
    }
    has_upper = any(map(str.isupper, text))
    kept: list[int] = []
    pair = 0
    for at in sorted(found | added):
        at = _settle(text, masked, at)
        if at <= (kept[-1] if kept else 0) or at >= len(text):
            continue
        while pair < len(pairs) and pairs[pair][1] < at - 1:
            pair += 1
        if pair < len(pairs):
            opening, closing = pairs[pair]
            if opening < at <= closing and closing - opening <= _MOST_QUOTATION:
                continue
        if _ends_there(text, kept[-1] if kept else 0, at, has_upper):
            kept.append(at)
    return kept


def _bracket_opens_sentence(text: str, closing: int, found: set[int]) -> bool:
    opening = max(text.rfind("(", 0, closing), text.rfind("[", 0, closing))
    return (
        opening == 0 or opening in found or (opening > 0 and text[:opening].rstrip()[-1:] in tuple(_ENDERS))
    )


def _settle(text: str, masked: str, at: int) -> int:
    """Move a break: closing marks and footnotes stay with the sentence before, opening marks go with the next."""
    # back over what was hidden or blank
    low = at
    while low > 0 and masked[low - 1].isspace():
        low -= 1
    at = low
    while at < len(text) and text[at] in _ATTACHED and not _opens(text, at):
        at += 1
    if match := _FOOTNOTE_RE.match(text, at):
        at = match.end()
    while at < len(text) and text[at].isspace():
        at += 1
    if at < len(text) and text[at] in "”»›" and at + 1 < len(text) and text[at + 1].isspace():
        at += 1  # a closing mark set off by a space
        while at < len(text) and text[at].isspace():
            at += 1
    return at


def _opens(text: str, at: int) -> bool:
    """Whether a straight mark opens what follows: it touches a letter on its right and none on its left."""
    if text[at] not in "\"'":
        return False
    after = text[at + 1] if at + 1 < len(text) else " "
    before = text[at - 1] if at else " "
    return not after.isspace() and before.isspace()


def _ends_there(text: str, sentence: int, at: int, has_upper: bool) -> bool:
    """Whether a sentence really ends before ``at``; ``sentence`` is where it began."""
    before = text[max(sentence, at - 60) : at]
    after = text[at : at + 40]
    bare = before.rstrip()
    if _ITEM_NUMBER_RE.fullmatch(text[sentence:at].strip()):
        return False  # "2. Introduction": the number belongs to its item
    first = after.lstrip("\"'“‘«([")[:12]
    if first[:1].islower() and has_upper and bare.rstrip(_ATTACHED)[-1:] in ".!?…":
        word = re.match(r"\w+", first)
        if word and word[0].islower():
            return False
    if before == bare and not _run_together(text, at):
        return False
    return not any(b.search(before) and a.match(after) for b, a in _NO_BREAK)


def _run_together(text: str, at: int) -> bool:
    """Whether a full stop without a space ends a sentence ("difference.Nissan"), not a name ("Node.JS")."""
    if text[at - 1] in "。！？":
        return True  # Chinese and Japanese put no space there
    before = text[max(0, at - _MOST_TOKEN) : at].split()
    after = text[at : at + _MOST_TOKEN].split(None, 1)
    token = before[-1] + after[0]
    if any(sign in token for sign in ("/", "@", "www.", "://")):
        return False
    return bool(
        _RUN_TOGETHER_RE.search(text[max(0, at - 20) : at]) and _NEXT_WORD_RE.match(text[at : at + 30])
    )


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _split_block(text: str, start: int, content: int, end: int) -> list[Sentence]:
    """The sentences of one block, in windows, so that the time stays linear in its length."""
    starts = [start]
    position = content
    while position < end:
        window_end = min(end, position + _WINDOW)
        if window_end < end:
            space = text.rfind(" ", position + _WINDOW // 2, window_end)
            window_end = space + 1 if space >= 0 else window_end
        breaks = [position + at for at in _breaks(text[position:window_end])]
        starts.extend(breaks)
        if window_end == end:
            break
        # The last sentence of a window may go on: it is looked at again with what follows, unless it is so long that
        # windows would hardly move forward.
        position = breaks[-1] if breaks and breaks[-1] > position + _WINDOW // 2 else window_end
        starts.append(position)
    spans = [_trim(text, first, last) for first, last in pairwise([*sorted(set(starts)), end])]
    return _glue(text, spans)


def _glue(text: str, spans: list[tuple[int, int]]) -> list[Sentence]:
    """Spans without a letter or digit (a stray mark) join the sentence before, else the one after."""
    sentences: list[Sentence] = []
    pending: int | None = None
    for start, end in spans:
        if start == end:
            continue
        begin = start if pending is None else pending
        if any(map(str.isalnum, text[start : min(end, start + 200)])) or end - start > 200:
            sentences.append(Sentence(begin, end))
            pending = None
        elif sentences:
            sentences[-1] = Sentence(sentences[-1].start, end)
        else:
            pending = begin
    if pending is not None:
        sentences.append(Sentence(pending, spans[-1][1]))
    return sentences


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Sentence]:
    """Split ``text[start:end]`` into sentences.

    Returns:
        Sentences in order, offsets into ``text``; no span begins or ends with white space, none is empty, and together
        they hold every non-space character. A list marker or heading sign belongs to its sentence.
    """
    end = len(text) if end is None else end
    sentences: list[Sentence] = []
    for block in split_blocks(text, start, end):
        sentences.extend(_split_block(text, block.start, block.content, block.end))
    return sentences
