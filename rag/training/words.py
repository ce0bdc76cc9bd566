"""Claims that only reading can tell from the passage's own: another common word, or two names in each other's place.

Names and numbers of a statement are compared exactly when a citation is checked. Its common words are not ("the
harbour opened" over "the plant opened"), nor who did what to whom; the support head has to tell.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from rag.training import edits
from rag.training.examples import NEITHER, REFUTED, SUPPORTED, Example

# A word is exchanged only after one of these, by one seen after the same: so what is said stays English.
_BEFORE = frozenset(
    "the a an of to in on at for with by from and or its his her their this that these those was were is are be been "
    "has had have will would can could not also more most first new other many some two three four as into over".split()
)
_PLACE = re.compile(r"\b([a-z]+) ([a-z]{4,})\b")
_KEPT = frozenset(
    "been being have does with from that this these those they them their there here what when where which while "
    "whose about after before again also because between both during each into many more most much only other over "
    "same some such than then through under until very were will would could should might must upon your ours since "
    "among against without within however whether later early around several another became become made make known "
    "called named used including like well just even still back down part parts kind type types first last".split()
)
_ENDINGS = ("tions", "tion", "ing", "ers", "er", "ed", "ly", "al", "s")
_LISTED = re.compile(r"\b(?:and|or|between|with|as well as|both|than)\b", re.IGNORECASE)
_COPULA = re.compile(r"\W*(?:is|are|was|were|became)(?: (?:the|a|an|its|his|her))?\W*")
_SENTENCES = 2  # of a passage whose words are exchanged
_NEAR = 0.6  # how often the new word comes from a passage on the same topic, if one fits
_TWICE = 0.3  # how often a second word goes, too
_WHOLE = 0.5  # how often the claim is read over the whole passage; else over the sentence, as it is cited
_MISCITED = 0.35  # how often it is read over another sentence of the passage, too
_COPY = 0.6  # share of words from which another sentence may say the same
_SAME = 5  # letters from which two words are taken for forms of one


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words by what stands before them and how they end; each as often as the square root of its count."""

    fitting: dict[tuple[str, str], list[str]]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """All words of ``texts`` that could take another's place."""
        counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for text in texts:
            for before, word in (match.groups() for match in _places(text)):
                counts[before, _ending(word)][word] += 1
        return cls(
            {
                key: [word for word, n in sorted(found.items()) if n > 1 for _ in range(int(n**0.5))]
                for key, found in counts.items()
            }
        )


def said_in(text: str) -> frozenset[str]:
    """The beginnings of a text's words."""
    return frozenset(word[:_SAME] for word in re.findall(r"[a-z]+", text.lower()))


def exchanged(
    claim: str, said: Set[str], near: Set[str], words: Vocabulary, rng: random.Random
) -> str | None:
    """The claim with one common word exchanged for one that the passage does not hold, else None.

    Args:
        claim: a sentence of the passage.
        said: beginnings of the words that must not come in (`said_in` of the passage).
        near: beginnings of the words that come in first, if they fit: those of a passage on the same topic.
        words: what may come in.
        rng: draws the place and the word.
    """
    places = list(_places(claim))
    rng.shuffle(places)
    for match in places:
        word = match.group(2)
        fits = words.fitting.get((match.group(1), _ending(word)), [])
        if not fits:
            continue
        drawn = [other for other in rng.choices(fits, k=60) if other[:_SAME] not in said]
        close = [other for other in drawn if other[:_SAME] in near]
        if drawn:
            other = (close or drawn)[0]
            return claim[: match.start(2)] + other + claim[match.end(2) :]
    return None


def swapped_roles(claim: str, known: Set[str], rng: random.Random) -> str | None:
    """The claim with two of its names in each other's place; None where that may say the same ("A and B met").

    Args:
        claim: a sentence.
        known: names of the passage: a single word that opens the claim is a name only if it is one of them.
        rng: draws the pair.
    """
    places = [place for place in edits.names(claim) if claim[slice(*place)] not in edits.MONTHS]
    opening = claim.split(maxsplit=1)[0].rstrip(",") if claim else ""
    if opening in known and not (places and places[0][0] == 0):
        places.insert(0, (0, len(opening)))
    pairs = [
        (first, second)
        for first, second in itertools.combinations(places, 2)
        if _parted(claim[first[1] : second[0]])
        and not {*claim[slice(*first)].split()} & {*claim[slice(*second)].split()}
    ]
    if not pairs:
        return None
    (a, b), (c, d) = rng.choice(pairs)
    return claim[:a] + claim[c:d] + claim[b:c] + claim[a:b] + claim[d:]


def names_inside(text: str) -> frozenset[str]:
    """Names of a text that stand elsewhere than at the opening of a sentence, where any word has a capital."""
    found: set[str] = set()
    for start, end in edits.sentences(text):
        sentence = text[start:end].lstrip("\"“'‘([ ")
        found |= {sentence[a:b] for a, b in edits.names(sentence) if a > 0}
    return frozenset(found)


def _parted(between: str) -> bool:
    """Whether names so far apart are no list, no pair and no "X is Y"."""
    return len(between.split()) > 1 and not _LISTED.search(between) and not _COPULA.fullmatch(between)


def from_sentences(
    contexts: Sequence[str], similar: Sequence[Sequence[str]], rng: random.Random
) -> Iterator[Example]:
    """A passage's own sentence, whole or cut at a comma (supported), and the same with words or names exchanged."""
    words = Vocabulary.of(contexts)
    for context, others in zip(contexts, similar, strict=True):
        spans = [(a, b) for a, b in edits.sentences(context) if 5 <= len(context[a:b].split()) <= 40]
        said = said_in(context)
        near = said_in(" ".join(others[:2])) - said if rng.random() < _NEAR else frozenset[str]()
        drawn = set(rng.sample(spans, min(_SENTENCES, len(spans))))
        known = names_inside(context)
        for a, b in spans:
            claim = shortened(context[a:b].strip(), rng)
            premise = context if rng.random() < _WHOLE else _around(spans, (a, b), context, rng)
            changes = [("support:roles", swapped_roles(claim, known, rng))]
            if (a, b) in drawn:
                changed = exchanged(claim, said, near, words, rng)
                if changed and rng.random() < _TWICE:
                    changed = exchanged(changed, said, near, words, rng) or changed
                changes.append(("support:words", changed))
            for group, changed in changes:
                if changed:
                    yield Example(group, claim, premise, support=(SUPPORTED,))
                    yield Example(group, changed, premise, support=(REFUTED, NEITHER))
            elsewhere = most_like(claim, [context[x:y] for x, y in spans if (x, y) != (a, b)])
            if (a, b) in drawn and elsewhere and rng.random() < _MISCITED:
                yield Example("support:words", claim, elsewhere, support=(NEITHER,))


def _around(spans: Sequence[tuple[int, int]], one: tuple[int, int], text: str, rng: random.Random) -> str:
    """The sentence, or it and the one after: what a citation mostly is."""
    place = spans.index(one)
    last = min(place + rng.randint(0, 1), len(spans) - 1)
    return text[one[0] : spans[last][1]]


def most_like(claim: str, sentences: Sequence[str]) -> str | None:
    """The sentence that shares most words with the claim, and is not a copy of it."""
    said = said_in(claim)
    shared = [(len(said & said_in(sentence)) / len(said), sentence) for sentence in sentences if said]
    near = [one for one in shared if one[0] < _COPY]
    return max(near)[1] if near else None


def shortened(sentence: str, rng: random.Random) -> str:
    """Sometimes drop what follows a comma, so that a claim is not always a copy."""
    parts = sentence.split(", ")
    if len(parts) > 1 and rng.random() < 0.5:
        kept = ", ".join(parts[: rng.randint(1, len(parts) - 1)])
        if len(kept.split()) >= 5:
            return kept + "."
    return sentence


def _places(text: str) -> Iterator[re.Match[str]]:
    """Every word that may be exchanged, as the pair of it and the word before; pairs may share a word."""
    start = 0
    while match := _PLACE.search(text, start):
        if match.group(1) in _BEFORE and match.group(2) not in _KEPT:
            yield match
        start = match.start(2)


def _ending(word: str) -> str:
    return next((ending for ending in _ENDINGS if word.endswith(ending)), "")
