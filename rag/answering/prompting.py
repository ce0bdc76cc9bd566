"""The prompt: which passages a model is shown, best evidence first, within its window and never with a cut sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from rag.answering.evidence import Evidence
from rag.answering.generators.protocol import Prompt
from rag.answering.machine_talk import harmless, is_machine_talk
from rag.types import Hit, ScoredSentence

MOST_PASSAGES = 6  # more than these only dilute what a small model reads


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered source of the prompt: a hit, and the whole sentences of it that are shown, in text order."""

    hit: Hit
    sentences: tuple[ScoredSentence, ...]


def template(name: str) -> str:
    """The text of ``prompts/{name}.md``."""
    return resources.files("rag.answering").joinpath("prompts", f"{name}.md").read_text("utf-8").strip()


def filled(name: str, **values: str) -> str:
    """A template with its ``{{names}}`` replaced, all at once: what a value brings along is not replaced again."""
    pieces = template(name).split("{{")
    text = pieces[0]
    for piece in pieces[1:]:
        key, _, rest = piece.partition("}}")
        text += values[key] + rest
    return text


def build(
    question: str,
    evidence: Sequence[Evidence],
    window: int,
    most_tokens: int,
    count: Callable[[str], float],
) -> tuple[Prompt, tuple[Passage, ...]]:
    """The prompt for one question and the passages it numbers from 1.

    Args:
        question: standing by itself.
        evidence: the weighed sentences, best first.
        window: tokens the model takes, prompt and answer together.
        most_tokens: tokens the answer may have.
        count: how many tokens a text has, on the safe side.
    """
    system = template("answer_system")
    left = window - most_tokens - count(system) - count(filled("answer_user", sources="", question=question))
    passages: list[Passage] = []
    blocks: list[str] = []
    for hit, best in _by_hit(evidence):
        if len(passages) == MOST_PASSAGES:
            break
        sentences = _whole_sentences(hit, best, _known(passages, hit))
        while sentences:
            block = _block(len(passages) + 1, hit, sentences)
            cost = count(block) + 2
            if cost <= left:
                left -= cost
                passages.append(Passage(hit, sentences))
                blocks.append(block)
                break
            sentences = _shorter(sentences, best, cost / max(left, 1))
    user = filled("answer_user", sources="\n\n".join(blocks), question=harmless(question))
    return Prompt(system, user), tuple(passages)


def _by_hit(evidence: Sequence[Evidence]) -> list[tuple[Hit, ScoredSentence]]:
    """Each hit once with its best sentence, best first."""
    found: dict[tuple[str, int, int], tuple[Hit, ScoredSentence]] = {}
    for item in evidence:
        if not is_machine_talk(item.sentence.text):
            found.setdefault((item.hit.path, item.hit.start, item.hit.end), (item.hit, item.sentence))
    return list(found.values())


def _known(passages: Sequence[Passage], hit: Hit) -> set[int]:
    """Where sentences start that an earlier passage of the same article shows already."""
    return {
        sentence.start
        for passage in passages
        if passage.hit.path == hit.path
        for sentence in passage.sentences
    }


def _whole_sentences(hit: Hit, best: ScoredSentence, known: set[int]) -> tuple[ScoredSentence, ...]:
    if best.start in known:
        return ()
    return tuple(
        sentence
        for sentence in hit.sentences
        if sentence.start not in known and not is_machine_talk(sentence.text)
    )


def _shorter(
    sentences: tuple[ScoredSentence, ...], best: ScoredSentence, excess: float
) -> tuple[ScoredSentence, ...]:
    """Fewer of the sentences, those around the best one; none when not even that one alone fits."""
    if len(sentences) == 1:
        return ()
    keep = min(len(sentences) - 1, max(1, int(len(sentences) / max(excess, 1.0))))
    middle = next((place for place, sentence in enumerate(sentences) if sentence.start == best.start), 0)
    start = max(0, min(middle - keep // 2, len(sentences) - keep))
    return sentences[start : start + keep]


def _block(number: int, hit: Hit, sentences: Sequence[ScoredSentence]) -> str:
    text = " ".join(" ".join(sentence.text.split()) for sentence in sentences)
    return filled(
        "source",
        number=str(number),
        title=harmless(" ".join(hit.title.split())),
        date=f"{hit.published}, " if hit.published else "",
        file=harmless(hit.path),
        text=harmless(text),
    )
