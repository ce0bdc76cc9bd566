"""A follow-up becomes a standalone question, without a language model.

"Which cars did it make?" after "What is the NMKV joint venture?" is searched as "Which cars did the NMKV joint venture
make?". Rules over closed classes: a pronoun or a bare reference takes the topic of the turn before; an ellipsis ("and in
America?") takes that turn's question; a question with names of its own and neither of the two starts clean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from rag.answering import turns
from rag.answering.answer_types import persons
from rag.answering.lexicon import STOP_WORDS, Word, terms, words
from rag.answering.names import is_ordinary
from rag.models.reader import following

Turn: TypeAlias = str | tuple[str, str]
"""An earlier question, or (question, answer text)."""

_SUBJECT = r"it|they|he|she|this|these|those"
_POSSESSIVE = r"its|their|his|her"
_PRONOUN = re.compile(rf"\b(?:{_SUBJECT}|{_POSSESSIVE}|them|him|that|there)\b", re.IGNORECASE)
# "it" that stands for nothing, "that" that joins clauses, "there is": no reference to what went before.
_EXPLETIVE = re.compile(
    r"\b(?:is|was|will|would) it (?:true|possible|likely|clear|said|known|right|correct)\b(?: that)?|\bit (?:is|was) (?:true|possible|said"
    r"|known|reported|announced) that\b|\bthere (?:is|are|was|were|will|any)\b|\b(?:is|are|was|were) there\b|"
    r"\b(?:say|says|said|true|know|think|mean|means|so|given|fact|clear|all|the \w+) that\b|\bthat (?:is|are|was|were|will|has|have|had)\b|"
    r"\bthis (?:week|month|year|article|news|deal's)\b",
    re.IGNORECASE,
)
_BARE_REFERENCE = re.compile(
    r"\bthe (?:(?:two|three|four|new|same|other|joint|said|latter|former) )*(?:compan(?:y|ies)|firms?|agreement|deal|venture|joint venture|"
    r"partnership|alliance|partners?|project|article|author|writer|president|minister|group|plan|report|"
    r"announcement|statement|(?:two|three)(?! (?:\w+ )?\w+s\b)|latter|former)\b",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(
    r"^(?:and|but|or|also|what about|how about|what of|and what about|and how about|then|so)\b[ ,]*",
    re.IGNORECASE,
)
# "why do they want to do that?" asks no more than "why?"
_FRONTED = re.compile(
    r"^(?P<thing>(?:the|that|this|its|their|his|her) [^,?]+|[A-Z][^,?]*), (?P<verb>is|are|was|were|will|would|does|do|did|has|have|can) "
    r"(?:that|it|this|they|he|she|those) (?P<rest>[^,?]+)\??$"
)
_POSSESSIVES = frozenset(_POSSESSIVE.split("|"))
# "the two chief executives hold their news conference": whose it is stands in the question itself
_OWNED_HERE = re.compile(
    rf"\b(?:[Tt]he (?:\w+ ){{0,3}}\w+s|(?!(?:What|Who|Where|When|How|Why)['’])[A-Z][\w.'’-]*(?<!\bWhat)(?<!\bWho)(?<!\bHow)(?<!\bWhy)(?<!\bWhere)(?<!\bWhen)(?<!\bWhich)) (?:\w+ ){{0,3}}?(?={_POSSESSIVE}\b)"
    rf"(?:{_POSSESSIVE})\b"
)
_ASKS_OF_ALL = re.compile(
    r"\b(?:is|was|has|have|will|were|are) (?:that|this|it)(?: already| yet| now)? (?:been |be )?"
    r"(?:decided|confirmed|announced|settled|agreed|certain|final|official|true|known|planned|sure)\b",
    re.IGNORECASE,
)
_PLACE_AMONG = re.compile(
    r"\b(?:first|second|third|fourth|last|latter|former|rest) of (?:those|these|them)\b", re.IGNORECASE
)
_SOME_OF = re.compile(
    r"\b(?:which|what|one|two|both|neither|any|each|all|none) of (?:those|these|them)\b", re.IGNORECASE
)
_FRAGMENT_WORDS = 3
_RESTRICTS = re.compile(
    r"(?:(?:only|just|also|even|not|still|already)\b ?)+(?:in|at|on|by|for|from|with|to|since|until|before|after)?\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"\s*\[\d+\]")
_OF_SOMEBODY = re.compile(r"the (?P<what>[a-z -]+) of [A-Z]")
_FRAGMENT = re.compile(
    r"(?P<name>.+?)(?P<rest> (?:in|at|on|by|for|from|with|to|since|until|before|after)\b.+|)$", re.IGNORECASE
)
_EMPTY_REST = re.compile(
    r"(?<=\w)\s+(?:is|was|are|were|do|does|did|will|would|have|has) (?:it|they|that|this|he|she|those)(?: (?:want|wants|have|has|going|"
    r"plan|decide|need))?(?: to)?(?: do| happen| so)?(?: that| this| it| so)?(?=\s*\?*$)",
    re.IGNORECASE,
)
_BREAK = frozenset(
    """
    who whom whose what when where why which how is are was were be been being do does did has have had will
    would can could shall should may might must if whether isn't aren't wasn't don't doesn't didn't it they
    them he she say said says tell
    """.split()
)
_DETERMINERS = frozenset(["the", "a", "an", "this", "that", "these", "those", "their", "its", "his", "her"])
_LINKS = frozenset(["of", "and", "between", "for", "in", "on", "with", "to", "from", "by", "&", "at"])


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves unsaid filled in from the conversation; unchanged when it stands by itself.

    Args:
        question: what the person typed now.
        history: the turns before, oldest first.
    """
    question = question.strip()
    if not history or not question:
        return question
    told = " ".join(map(_answer_of, history))
    resolved: list[str] = []
    for position, turn in enumerate(history):
        text = turns.with_capitals((turn if isinstance(turn, str) else turn[0]).strip(), told)
        resolved.append(_follow(text, resolved, history[:position]))
    completed = _follow(turns.with_capitals(question, told), resolved, history)
    return question if completed.casefold() == question.casefold() else completed


def leaning(question: str, history: Sequence[Turn]) -> str:
    """A follow-up as the reader reads it, with the turn before; "" for a question that stands by itself.

    Which words "the second one" or "and injured?" stand for, rules can but guess; the reader was taught to see it.
    """
    question = question.strip()
    if not history or standalone(question, history) == question or _starts_anew(question):
        return ""
    last = history[-1]
    earlier = standalone(last if isinstance(last, str) else last[0], history[:-1])
    return following(question, earlier, _MARK.sub("", _answer_of(last)))


def _starts_anew(question: str) -> bool:
    return turns.lead_of(question).kind in ("another", "back")


def _answer_of(turn: Turn) -> str:
    """What was answered; "" where nothing was found."""
    return "" if isinstance(turn, str) or turn[1].startswith(turns.NOT_FOUND) else turn[1]


def _follow(question: str, resolved: Sequence[str], history: Sequence[Turn]) -> str:
    """Complete one question from the (already standalone) questions before it and their answers."""
    lead = turns.lead_of(question)
    if not resolved or lead.kind == "another":
        return lead.rest if lead.kind == "another" else question
    previous, answer = resolved[-1], _answer_of(history[-1])
    if lead.kind == "correction":
        opening = turns.asks_bare(lead.rest)
        if opening:
            return turns.asked_again(_lower_first(opening), previous, turns.answered_with(previous, answer))
        return _swapped(previous, lead.rest.rstrip("? "))
    if lead.kind == "back":
        return _back_to(lead, resolved)
    return _complete(lead.rest, previous, answer)


def _back_to(lead: turns.Lead, resolved: Sequence[str]) -> str:
    """A question about something named before, with the names of the turn that spoke of it."""
    meant = frozenset(terms(lead.thing))
    spoken = next((text for text in reversed(resolved) if meant & frozenset(terms(text))), "")
    asked = _substituted(lead.rest, lead.thing) if _refers(lead.rest) else lead.rest
    if not meant & frozenset(terms(asked)):
        asked = f"{asked.rstrip('? ')} ({lead.thing})?"
    names = turns.named_in(spoken)
    return asked if _names(f"x {lead.thing}") or not names else f"{asked.rstrip('? ')} ({names})?"


def _complete(question: str, previous: str, answer: str) -> str:
    """Fill one question from the (already standalone) question before it and that one's answer."""
    opening = turns.asks_bare(_EMPTY_REST.sub("", question))
    named = turns.answered_with(previous, answer)
    if opening:
        return turns.asked_again(opening, previous, named)
    own_names = _names(question)
    fronted = _FRONTED.match(_ELLIPSIS.sub("", question))
    if fronted:  # "and the second car, is that electric?"
        return f"{fronted['verb'].capitalize()} {fronted['thing']} {fronted['rest'].rstrip()}?"
    if _ELLIPSIS.match(question):
        rest = _ELLIPSIS.sub("", question).rstrip("? ")
        if not _is_clause(rest):
            return _swapped(previous, rest)
        question = rest[:1].upper() + rest[1:] + "?"
    that_one = turns.THAT_ONE.search(question)
    if that_one and named:
        return question[: that_one.start()] + named + question[that_one.end() :]
    thing = bool(re.search(r"\b(?:it|its)\b", question, re.IGNORECASE))
    topic = (
        _person_of(question, previous, answer)
        or (named if turns.asks_thing(previous) else "")
        or topic_of(previous, thing)
        or topic_of(answer, thing)
    )
    topic = re.sub(r"['’]s?$", "", topic)
    said = turns.said_in(previous)
    several = topic[:1].isupper() and re.search(r",| and ", topic) is not None
    # "the second of those": which they are, the question before says
    if _PLACE_AMONG.search(question) or (_SOME_OF.search(question) and not several):
        return f"{question.rstrip('? ')} ({said})?"
    if not topic:
        return (
            f"{question.rstrip('? ')} ({said})?" if _refers(question) or _is_fragment(question) else question
        )
    # "it" is not several, and "has that been decided" asks of all that was said
    match = _PRONOUN.search(_masked(question))
    pronoun = match.group().casefold() if match else ""
    if pronoun and ((several and pronoun in ("it", "its")) or _ASKS_OF_ALL.search(question)):
        return f"{question.rstrip('? ')} ({said})?"
    if _refers(question):
        return _substituted(question, topic)
    if _is_fragment(question):
        return f"{question.rstrip('? ')} ({f'{named}, ' if named else ''}{said})?"
    if not own_names and (_BARE_REFERENCE.search(question) or len(_content(question)) <= 4):
        return f"{question.rstrip('? ')} ({turns.named_in(previous) or topic})?"
    return question


def _person_of(question: str, previous: str, answer: str) -> str:
    """Whom "he" or "she" means: a person the answer names, else "the person who …" of the question before."""
    if not re.search(r"\b(?:he|she|him|his|her)\b", question, re.IGNORECASE):
        return ""
    named = persons(previous) or persons(answer)
    if named:
        source = previous if persons(previous) else answer
        return source[named[0].start : named[0].end].rstrip(".")
    match = re.match(r"who\b(.*)", previous, re.IGNORECASE)
    return (
        f"the person who{match.group(1).rstrip('? ')}"
        if match and not _is_only_a_name(match.group(1))
        else ""
    )


def _is_only_a_name(rest: str) -> bool:
    """Whether "who is …" goes on with nothing but a name ("who is Toshihiro Mibe")."""
    return bool(re.fullmatch(r"(?:\s+(?:is|was|are))?(?:\s+[A-Z][\w.'’-]*)+\??", rest))


def _refers(question: str) -> bool:
    return bool(_PRONOUN.search(_masked(question)))


def _masked(question: str) -> str:
    """The question without the pronouns that refer to nothing before it, at its own length."""
    masked = _EXPLETIVE.sub(lambda match: " " * len(match.group()), question)
    return _OWNED_HERE.sub(lambda match: " " * len(match.group()), masked)


def _substituted(question: str, topic: str) -> str:
    """Put the topic where the first referring pronoun stands."""
    masked = _masked(question)
    match = _PRONOUN.search(masked)
    if match is None:
        return question
    pronoun = match.group().casefold()
    if pronoun == "there":
        replacement = f"in {topic}"
    elif pronoun in ("its", "their", "his") or (
        pronoun == "her" and masked[match.end() : match.end() + 2].strip()
    ):
        replacement = topic + ("'" if topic.endswith("s") else "'s")
    elif pronoun in ("this", "that", "these", "those") and re.match(r" [a-z]", masked[match.end() :]):
        return f"{question.rstrip('? ')} ({topic})?"  # "this agreement": the noun is there, its owner is not
    else:
        replacement = topic
    return question[: match.start()] + replacement + question[match.end() :]


def topic_of(text: str, thing: bool = False) -> str:
    """The noun phrase a question (or the first sentence of an answer) is about, "" when none stands out.

    The runs between verbs and wh-words are candidates. One with a name wins over one with only a determiner, and among
    equals the first; when a thing is meant ("it"), one with a determiner wins over a bare name.
    """
    sentence = re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]
    runs: list[list[Word]] = [[]]
    previous_end = 0
    for word in words(sentence):
        between = sentence[previous_end : word.start]
        listed = (
            between.strip() == "," and word.is_capitalised and bool(runs[-1]) and runs[-1][-1].is_capitalised
        )
        folded = word.text.casefold().rstrip(".")
        linked = bool(runs[-1]) and runs[-1][-1].text.casefold() in _LINKS
        begins = folded in _DETERMINERS and bool(runs[-1]) and not linked
        # "the batteries that Nissan may use": no "that Nissan"
        relative = folded == "that" and bool(runs[-1])
        if begins or relative or folded in _BREAK or (re.search(r"[,;:()?!“”\"]", between) and not listed):
            runs.append([])
        if folded not in _BREAK and not relative:
            runs[-1].append(word)
        previous_end = word.end
    phrases = [phrase for phrase in (_phrase(run, sentence) for run in runs) if phrase]
    # "which joint ventures are named": what is asked for is the topic when nothing else is
    asked = re.match(r"(?:which|what) ((?:[\w-]+ ){0,2}?[\w-]+s(?<!ss))\b", sentence, re.IGNORECASE)
    if asked and not phrases and _BREAK.isdisjoint(asked.group(1).casefold().split()):
        return f"the {asked.group(1)}"

    def worth(phrase: str) -> tuple[bool, bool, int]:
        determined = phrase.split(" ", 1)[0].casefold() in _DETERMINERS
        return (thing and determined, bool(_names(f"x {phrase}")), -phrases.index(phrase))

    best = max(phrases, key=worth, default="")
    owner, _, owned = best.partition(" ")
    # "their joint venture" and "an agreement" are nobody's without the question they stood in
    if owner.casefold() in _POSSESSIVES or (owner.casefold() in ("a", "an") and not _names(best)):
        whose = next((phrase for phrase in phrases if phrase != best and _names(f"x {phrase}")), "")
        return f"the {owned} of {whose}" if whose else f"the {owned}"
    return best


def _phrase(run: list[Word], sentence: str) -> str:
    """Trim a run to its noun phrase: from its first determiner or name, to its end or its last name."""
    starts = [
        position
        for position, word in enumerate(run)
        if word.text.casefold() in _DETERMINERS
        or (
            word.is_capitalised
            and word.text.casefold() not in STOP_WORDS
            and (word.start or not is_ordinary(word.text.casefold()))
        )
    ]
    if not starts:
        return ""
    run = run[starts[0] :]
    ends = _end_of_plural if run[0].text.casefold() in _DETERMINERS else _end_of_name
    run = run[: min(ends(run), _end_of_owner(run))]
    while run and run[-1].text.casefold() in STOP_WORDS | _LINKS:
        run = run[:-1]
    if not run or (len(run) == 1 and run[0].text.casefold() in _DETERMINERS):
        return ""
    return re.sub(r"\s+", " ", sentence[run[0].start : run[-1].end]).rstrip(".")


def _end_of_name(run: Sequence[Word]) -> int:
    """Where a name ends that begins a run: before the first word that is neither part of a name nor a link."""
    end = 1
    for place, word in enumerate(run[1:], start=1):
        if word.is_capitalised:
            end = place + 1
        elif word.text.casefold() not in _LINKS | {"the"}:
            break
    return end


def _end_of_plural(run: Sequence[Word]) -> int:
    """ "the two chief executives hold": before the verb, which in a question may follow a plural without a sign."""
    for place, word in enumerate(run[1:-1], start=1):
        following = run[place + 1]
        plural = (
            len(word.text) > 3
            and word.text.endswith("s")
            and not word.text.endswith(("ss", "us", "'s", "’s"))
        )
        if plural and not following.is_capitalised and following.text.casefold() not in _LINKS:
            return place + 1
    return len(run)


def _end_of_owner(run: Sequence[Word]) -> int:
    """ "the president of Honda expect": before what follows the name of whose it is."""
    for place, word in enumerate(run[2:], start=2):
        linked = any(before.text.casefold() in _LINKS for before in run[:place])
        is_end = not word.is_capitalised and word.text.casefold() not in _LINKS | _DETERMINERS
        if is_end and linked and run[place - 1].is_capitalised:
            return place
    return len(run)


def _names(text: str) -> list[Word]:
    found = words(text)
    return [word for word in found[1:] if word.is_capitalised and word.terms] if found else []


def _is_fragment(question: str) -> bool:
    """ "only in Japan?", "memberships?": no question by itself, and no verb that would make it one."""
    return (
        (not _names(question) or _RESTRICTS.match(question) is not None)
        and len(_content(question)) <= _FRAGMENT_WORDS
        and not _BARE_REFERENCE.search(question)
        and not any(word.text.casefold() in _BREAK for word in words(question))
    )


def _content(text: str) -> list[Word]:
    return [word for word in words(text) if word.terms]


def _is_clause(text: str) -> bool:
    """Whether what follows "and" is a question of its own ("which cars did it make") or a fragment ("in America")."""
    first = re.sub(r"['’]s$", "", text.split(" ", 1)[0].casefold()) if text else ""
    return first in _BREAK or bool(
        re.match(r"(?:on|in|at|by|with|for|to|from|of) (?:which|what|whom)\b", text)
    )


def _swapped(previous: str, fragment: str) -> str:
    """The previous question asked again of a fragment: "… Nissan own" + "Honda" puts Honda in Nissan's place.

    A name that the question has already takes the place of its first ("what does Renault gain from Nissan" + "Nissan").
    What a fragment says besides ("Mitsubishi in America") is asked, too.
    """
    kin = _OF_SOMEBODY.match(fragment)
    if kin:  # "the president of Nissan" takes the place of "the president of Honda"
        pattern = rf"\bthe {re.escape(kin['what'])} of [A-Z][\w-]*(?: [A-Z][\w-]*)*"
        changed, count = re.subn(pattern, lambda _: fragment, previous, count=1)
        if count:
            return changed
    match = _FRAGMENT.match(fragment)
    name, rest = (match["name"], match["rest"]) if match else (fragment, "")
    runs = [run for run in turns.name_runs(previous) if run[0] > 0] or turns.name_runs(previous)
    is_name = (
        name.split(" ", 1)[0].casefold() not in _LINKS
        and all(word.is_capitalised or word.text.casefold() in _DETERMINERS | _LINKS for word in words(name))
        and bool(_names(f"x {name}"))
    )
    if is_name and runs:
        start, end = runs[0] if name.casefold() in previous.casefold() else runs[-1]
        return f"{previous[:start]}{name}{previous[end:].rstrip('? ')}{rest}?"
    return f"{previous.rstrip('? ')} {fragment}?"


def _lower_first(text: str) -> str:
    first, _, rest = text.partition(" ")
    if first.casefold() in _BREAK or first.casefold() in _DETERMINERS:
        return (first.casefold() + " " + rest).strip()
    return text
