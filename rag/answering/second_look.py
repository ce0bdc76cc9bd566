"""A closer look before an answer is shown: the best sentences read alone, and the claim they would make checked.

A passage of ten sentences distracts the reader both ways: it is unsure of true answers and taken in by words that stand
far from each other. Read alone, with the sentence before it, a sentence that answers keeps its span; one that merely
shares words with the question loses it. The statement that question and span make together ("Toshihiro Mibe is the
president of Honda.") can be put to the support head as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.answering.answer_types import fits
from rag.answering.log_odds import log_odds
from rag.models.claims import question_claim
from rag.types import Sentence

if TYPE_CHECKING:
    from rag.answering.evidence import Evidence
    from rag.answering.question import Analysis
    from rag.models.reader import Reader, Reading

SENTENCES = 3  # looked at again; a further one never changed a verdict on the calibration's questions
FEATURES = (
    "alone_first",  # log-odds of the reader's answerability of the best sentence, read with the one before it
    "alone_top",  # the highest of the sentences looked at
    "alone_evidence",  # the highest evidence logit of them
    "same_span",  # the best sentence's span is found again
    "span_fits",  # that span is the kind of thing asked for and says more than the question
    "claim",  # log-odds that the best sentence supports the claim made of question and span; 0 if none can be made
)


def second_look(
    question: str, analysis: Analysis, weighed: Sequence[Evidence], reader: Reader
) -> tuple[float, ...]:
    """Read the best sentences again, each by itself.

    Args:
        question: as it was searched for.
        analysis: what it asks for.
        weighed: the sentences, best first; not empty.
        reader: the reader.

    Returns:
        the features named in ``FEATURES``.
    """
    best = weighed[:SENTENCES]
    places = [_with_the_one_before(item) for item in best]
    texts = [
        item.hit.text[place.start - item.hit.start : place.end - item.hit.start]
        for item, place in zip(best, places, strict=True)
    ]
    readings = reader.read(question, texts)
    first = readings[0]
    span = _span(places[0], first)
    known = best[0].span
    words = texts[0][first.start : first.end]
    claim = question_claim(question, words)
    supported, *_ = reader.support([(claim, texts[0])])[0] if claim else (0.5,)
    return (
        log_odds(first.answerable),
        max(log_odds(reading.answerable) for reading in readings),
        max(reading.evidence for reading in readings),
        1.0 if known and span and known[0] < span[1] and span[0] < known[1] else 0.0,
        1.0 if words and fits(analysis, words) else 0.0,
        log_odds(supported),
    )


def _with_the_one_before(item: Evidence) -> Sentence:
    """The span of a sentence together with its predecessor in the passage, whose names it may take up."""
    before = item.sentence.start
    for sentence in item.hit.sentences:
        if sentence.start >= item.sentence.start:
            break
        before = sentence.start
    return Sentence(before, item.sentence.end)


def _span(place: Sentence, reading: Reading) -> tuple[int, int] | None:
    if reading.end <= reading.start:
        return None
    return place.start + reading.start, place.start + reading.end
