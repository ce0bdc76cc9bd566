"""What a turn of a conversation was about: the names in a question, what an answer named, and ways to say "back to".

Used by ``conversation``, which completes follow-ups; rules over closed classes, no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.answering import names
from rag.answering.answer_types import persons
from rag.answering.lexicon import MONTHS, SHORT_MONTHS, WEEKDAYS, words

NOT_FOUND = "Not in these articles."  # the whole of an answer where there is none
_CALENDAR = frozenset((*WEEKDAYS, *MONTHS, *SHORT_MONTHS))
_OPENERS = frozenset(
    """
    who whom whose what when where why how which is are was were do does did has have had will would can could may
    might must should if and but or so the a an this that these those in on at by from to with for of under it they he
    she there what's who's where's how's no yes not after before since until as its their his her then according
    """.split()
)
# "no, I mean Honda", "sorry, I meant when": the question before, with this in its place
_CORRECTION = re.compile(
    r"^(?:(?:no|sorry|oops|oh|ah|wait|well|actually)\b[\s,.!-]*)*(?:i (?:mean|meant)|make that)\b[\s,:]*",
    re.IGNORECASE,
)
_INTERJECTION = re.compile(
    r"^(?:(?:ok|okay|thanks|thank you|great|good|fine|i see|aha|hm+|right|interesting|well|alright)\b[.,!;:\s-]+)+",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"^(?:(?:ok|okay|well|right|thanks|thank you|good|fine|and|now|so)\b[\s,.!;:-]*)*"
    r"(?:another|other|a different|different|a new|new|next|one more) (?:question|thing|topic|subject)\b"
    r"[\s,.:;!-]*(?=\S)",
    re.IGNORECASE,
)
_BACK_TO = re.compile(
    r"^(?:(?:ok|okay|well|right|and|now|so|but)\b[\s,.!;-]*)*"
    r"(?:(?:going |coming |let's go )?back to|now(?: to| for| about)?(?= the )|returning to|as for|regarding"
    r"|concerning)\s+(?P<thing>[^:,;?]{2,60})[:,;]\s*(?P<rest>\S.*)$",
    re.IGNORECASE,
)
_PREPOSITION = (
    r"on|in|at|by|from|to|towards?|until|till|since|for|with|against|under|about|of|during|through|into"
    r"|after|before"
)
_PREPOSED = re.compile(rf"(?:{_PREPOSITION})\b", re.IGNORECASE)
_AUXILIARY = r"is|are|was|were|do|does|did|has|have|had|will|would|can|could|may|might|must|shall|should"
# "why?", "in which month?", "whose range?", "from when on?": a question word, and the rest stands in the turn before
_BARE = re.compile(
    r"^(?:and |but |so |ok |okay )*(?P<asked>"
    rf"(?:(?:{_PREPOSITION}) )?(?:why|when|where|who|whom|how(?: (?:much|many|long|far|often|soon|big|large|so|come))?)"
    r"|what (?:for|else|time|day|date|year|month|kind|sort|price|share|name)|(?:which|whose)(?: [a-z-]+){0,2}"
    rf"|how (?:many|much) [a-z-]+|(?:{_PREPOSITION}) (?:what|which|whose)(?: (?!(?:{_AUXILIARY})\b)[a-z-]+){{0,2}})"
    r"(?: (?:ones?|else|not|on|from|to|exactly|precisely|then))*$",
    re.IGNORECASE,
)
_WH_PHRASES = tuple(  # before an auxiliary, or else before what looks like a verb
    re.compile(
        rf"^(?:(?:{_PREPOSITION}) )?(?:(?:who|which|what|whose|how many|how much)"
        rf"(?P<noun>(?: of [\w ,.&'’-]+?| (?!(?:{_AUXILIARY})\b)[\w'’-]+){{0,2}}?)|whom|when|where|why|how)"
        rf"(?= {verb}) (?P<rest>.+)$",
        re.IGNORECASE,
    )
    for verb in (rf"(?:{_AUXILIARY})\b", r"[a-z]+(?:s|ed|ew|ade|ave|ook|old|aid|ame|uilt|ought)\b")
)
_DOES = re.compile(rf"^(?P<verb>{_AUXILIARY})\b(?: (?P<next>\S+))?", re.IGNORECASE)
_SUBJECT_OPENS = re.compile(r"(?:the|a|an|this|that|these|those|its|their|his|her|it|they|he|she|[A-Z]\S*)$")
# "which company", "in which city": the answer has a name, and "it" may stand for it
_NAMED_KINDS = (
    r"compan(?:y|ies)|firms?|carmakers?|(?:car |auto)?makers?|manufacturers?|brands?|groups?|organi[sz]ations?"
    r"|persons?|people|man|woman|cit(?:y|ies)|towns?|countr(?:y|ies)|places?|ones?|institutions?|agenc(?:y|ies)|newspapers?"
    r"|papers?|outlets?|media|banks?|teams?|part(?:y|ies)|ministers?|presidents?|ventures?|alliances?|partners?"
    r"|authors?|states?|regions?|universit(?:y|ies)|airlines?|clubs?|players?"
)
_ASKS_NAMED = re.compile(
    rf"^(?:\W*(?:{_PREPOSITION}) )?(?:which|what) (?:of\b|(?:(?:new|other|joint|news|two|three|of the|of) )*"
    rf"(?:{_NAMED_KINDS})\b(?!['’]))",
    re.IGNORECASE,
)
_ASKS_NAMED_OWNER = re.compile(rf"^(?:which|what) (?:{_NAMED_KINDS})['’]s?\b", re.IGNORECASE)
_ASKS_WHO = re.compile(r"^(?:by |with |for )?(?:who|whom)\b", re.IGNORECASE)
THAT_ONE = re.compile(
    r"\b(?:that|this) (?:one|compan(?:y|ies)|firms?|carmakers?|makers?|manufacturers?|brands?|groups?|organi[sz]ations?"
    r"|person|man|woman|city|town|country|place|models?|cars?|vehicles?|project|institution|agency|newspaper|paper|outlet"
    r"|bank|team|party|product)\b(?! of\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Lead:
    """How a follow-up begins, where that says what it goes back to.

    Attributes:
        kind: "correction", "another" (nothing of the conversation), "back" (``thing`` is what it goes back to), or "".
        rest: the question without it.
    """

    kind: str
    rest: str
    thing: str = ""


def lead_of(question: str) -> Lead:
    """Take a lead like "ok.", "no, I mean", "another question:" or "back to the API:" off a question."""
    question = _INTERJECTION.sub("", question) or question
    another = _ANOTHER.match(question)
    if another:
        return Lead("another", question[another.end() :])
    correction = _CORRECTION.match(question)
    if correction and question[correction.end() :].strip(" ?"):
        return Lead("correction", question[correction.end() :])
    back = _BACK_TO.match(question)
    if back:
        return Lead("back", back["rest"], back["thing"].strip())
    return Lead("", question)


def name_runs(text: str) -> list[tuple[int, int]]:
    """Where the proper names of a question stand, each with what links its words ("Nissan and Honda"); no dates."""
    runs: list[tuple[int, int]] = []
    for word in words(text):
        folded = word.text.casefold().rstrip(".")
        if (
            not word.is_capitalised
            or folded in _CALENDAR
            or (not runs and not word.start and folded in _OPENERS)
        ):
            continue
        if runs and text[runs[-1][1] : word.start].strip(" .-") in ("", "of", "and", "&"):
            runs[-1] = (runs[-1][0], word.end)
        else:
            runs.append((word.start, word.end))
    return runs


def with_capitals(text: str, said: str) -> str:
    """A question typed without capitals, with its names written as ``said`` writes them: "hondas" is "Honda's"."""
    if any(character.isupper() for character in text[1:]):
        return text
    known: dict[str, str] = {}
    for start, end in name_runs(said):
        for word in words(said[start:end]):
            folded = word.text.casefold().rstrip(".")
            if word.is_capitalised and len(folded) > 2 and not names.is_ordinary(folded):
                known.setdefault(folded, word.text.rstrip("."))
    if not known:
        return text

    def written(match: re.Match[str]) -> str:
        folded = match.group().casefold()
        if folded.endswith("s") and folded not in known and folded[:-1] in known:
            return f"{known[folded[:-1]]}'s"
        return known.get(folded, match.group())

    return re.sub(r"[\w-]+", written, text)


def named_in(text: str) -> str:
    """The names of a question, one after the other."""
    return ", ".join(text[a:b] for a, b in name_runs(text))


def said_in(question: str) -> str:
    """What a question says beside its question word and auxiliary: "Bo sign in May" of "What did Bo sign in May?"."""
    before = question.rstrip("? ")
    match = _without_question_word(before)
    rest: str = match["rest"] if match else before
    verb = _DOES.match(rest)
    return rest[verb.end("verb") :].strip() if verb else rest


def _without_question_word(question: str) -> re.Match[str] | None:
    return next(filter(None, (pattern.match(question) for pattern in _WH_PHRASES)), None)


def answered_with(question: str, answer: str) -> str:
    """The name or names with which an answer answers a question for somebody or something; "" where none stands out.

    They are the first of the answer that the question does not have.
    """
    if not (_ASKS_WHO.match(question) or asks_thing(question)):
        return ""
    known = {word.text.casefold().rstrip(".") for word in words(question)}
    among = re.match(r"which (?:one )?of\b", question, re.IGNORECASE) is not None
    for sentence in re.split(r"(?<=[a-z\])”\"][.!?])\s+|\n\n+", answer.strip())[:2]:
        people = persons(sentence) if _ASKS_WHO.match(question) else []
        for start, end in [(one.start, one.end) for one in people] or _listed(sentence):
            name = sentence[start:end].rstrip(".,")
            if re.search(r"['’‘`´]", name):
                continue  # whose something is, is not what was asked for
            told = [word.text.casefold().rstrip(".") for word in words(name)]
            is_new = bool(told) and (told[0] not in known or among)
            if is_new and not all(map(names.is_ordinary, told)) and len(name) > 2:
                return name
    return ""


def _listed(sentence: str) -> list[tuple[int, int]]:
    """The names of a sentence, those of one list together; what opens it is one only if it is no ordinary word."""
    found: list[tuple[int, int]] = []
    for start, end in name_runs(sentence):
        opening = sentence[start:end].split(" ", 1)[0].casefold().rstrip(".,")
        if start == 0 and names.is_ordinary(opening):
            start += len(opening) + 1
        if start >= end:
            continue
        if found and sentence[found[-1][1] : start].strip() == ",":
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def asks_thing(question: str) -> bool:
    """Whether a question asks for a thing with a name ("which company"), so that "it" may stand for the answer."""
    return bool(_ASKS_NAMED.match(question) or _ASKS_NAMED_OWNER.match(question))


def asks_bare(question: str) -> str:
    """The question word of a follow-up that has little else ("in which month?"), "" for any other."""
    bare = question.rstrip("? ")
    match = _BARE.match(bare)
    return bare[match.start("asked") :] if match else ""


def asked_again(opening: str, previous: str, answered: str) -> str:
    """The question before, asked for something else: "when" + "Who signed it?" is "when Bo signed it?".

    Args:
        opening: what is asked now.
        previous: the question before, standing by itself.
        answered: with which name it was answered, if it asked for one; that is now the subject.
    """
    before = previous.rstrip("? ")
    match = _without_question_word(before)
    if match is None:
        return f"{opening} {before[:1].lower() + before[1:] if _DOES.match(before) else before}?"
    rest, noun = match["rest"], (match["noun"] or "").strip()
    noun = "" if noun.startswith("of ") or noun in ("one", "ones") else noun
    verb = _DOES.match(rest)
    *body, last = rest.split(" ")
    dangling = _PREPOSED.fullmatch(last) is not None
    has_subject = verb is not None and (dangling or bool(_SUBJECT_OPENS.match(verb["next"] or "")))
    if has_subject:
        # "which parts do they want to share" + "why" is "why do they want to share parts"
        if (
            noun
            and not _PREPOSED.match(before)
            and noun.split()[0] not in ("year", "day", "month", "time", "date")
        ):
            rest = f"{rest} {noun}"
        elif dangling:
            rest = " ".join(body)
        return f"{opening} {rest}?"
    subject = answered or noun
    if not subject:
        return f"{opening} {rest}?"
    if verb is not None:
        return f"{opening} {verb['verb']} {subject} {rest[verb.end('verb') :].strip()}?"
    return f"{opening} {subject} {rest}?"
