"""What a question asks for: the kind of answer, the names and numbers it insists on, and its separate parts.

Rules, not a model: closed-class English (wh-words, auxiliaries, cue nouns such as "how long" or "which year"), so that the
same question is always read the same way and every reading can be explained.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.answering.lexicon import DEMONYMS, NUMBER_WORDS, STOP_WORDS, TITLES, Word, words

Kind: TypeAlias = Literal[
    "person",
    "organisation",
    "place",
    "date",
    "amount",
    "count",
    "reason",
    "manner",
    "yesno",
    "list",
    "definition",
    "quote",
    "expansion",
    "differences",
    "summary",
    "thing",
]

_AUXILIARIES = """
    is are was were do does did has have had can could will would shall should may might must isn't aren't
    wasn't weren't don't doesn't didn't hasn't haven't hadn't can't couldn't won't wouldn't shouldn't
    """.split()

# "What does the plan include?" asks for the parts of something.
_PARTS_ASKED = (
    r"\bwhat (?:do|does|did|will|would) .{2,60}\b(?:include|comprise|consist of|contain|cover|involve)\b\W*$"
)
# "List the carmakers", "every model", "please set out the fields": several things, whatever kind they are of.
_ENUMERATE = re.compile(
    r"\b(?:list|enumerate)\b|\bname (?:the|all|two|three|some)\b|\b(?:who|what) (?:else|all)\b"
    r"|^(?:please )?(?:set out|name|give(?: me)?|mention|show(?: me)?) (?:the|all|every|some|two|three) (?:[\w'-]+ ){0,3}?[\w-]{3,}s\b"
    r"|^(?:please )?(?:every|all)\b|" + _PARTS_ASKED
)
# In order: the first pattern found decides. Each is tried on the question in lower case.
_KINDS: tuple[tuple[Kind, str], ...] = (
    (
        "expansion",
        r"\bstands? for\b|\bshort for\b|\babbreviat|\bacronym\b|\bfull (?:form|name) of\b|\bspelled? out\b",
    ),
    (
        "differences",
        r"\bdiffer(?:s|ed|ent|ently|ence|ences)?\b|\bcompared?\b(?! to )|\bcontradict|\bdisagree|\bversus\b|\bvs\b|"
        r"\bcontrast\b|\binconsisten",
    ),
    (
        "summary",
        r"^(?:please )?(?:summari[sz]e|sum up|give (?:me )?(?:a |an )?(?:summary|overview))|\boverview of\b|"
        r"\bsummary of\b|^what (?:is|are) (?:the |this |these )?articles? about|^what's (?:the )?news|\bwhat (?:do|does|did) (?:the |these |this )?(?:articles?|reports?|texts?|stor(?:y|ies)) "
        r"(?:say|report|mention|tell|write)\b.*\babout\b|\bwhat is (?:said|reported|written) about\b",
    ),
    (
        "quote",
        r"\bwhat (?:did|does|has|have|had|do) .{2,60}\b(?:say|said|tell|told|state|stated|comment|remark|declare)\b|"
        r"\bquote[sd]?\b|\bin (?:his|her|their) (?:own )?words\b|\baccording to .{2,40}\bwhat\b",
    ),
    (
        "reason",
        r"\bwhy\b|\bhow come\b|\bfor what reason\b|\bwhat (?:is|was|are|were) the (?:reasons?|causes?|motivations?|"
        r"motives?|rationale|purpose|aims?|goals?|point)\b|\bwhat (?:reasons?|causes?|caused|made|led|prompted|"
        r"drove|motivated)\b|\bwhat .{2,60}(?<!stand) for\?*$|\bin order to\b.*\bwhat\b|\bwhat .{0,50}\b(?:hope|aim)s? to\b",
    ),
    (
        "date",
        r"\bwhen (?=(?:"
        + "|".join(_AUXILIARIES)
        + r")\b)|\bwhen(?: exactly| precisely)?\W*$|\bsince when\b|\bhow long ago\b|\bhow soon\b|"
        r"\b(?:what|which) (?:date|day|month|year|time)s?\b",
    ),
    (
        "amount",
        r"\bhow (?:much|large|big|long|far|fast|old|high|heavy|expensive|deep|wide|tall)\b|"
        r"\bwhat (?:share|percentage|percent|proportion|fraction|stake|price|amount|sum|cost|distance|"
        r"length|value|budget|revenue|profit|salary)\b|\bwhat (?:is|was|are|were) the (?:share|"
        r"percentage|proportion|stake|price|amount|cost|size|value|budget|revenue|profit)\b",
    ),
    ("count", r"\bhow many\b|\bwhat number\b|\bwhat (?:is|was) the number\b|\bhow often\b"),
    (
        "place",
        r"\bwhere (?=(?:"
        + "|".join(_AUXILIARIES)
        + r")\b)|\bwhere(?: exactly| precisely)?\W*$|\b(?:in |to |from )?(?:which|what) (?:country|countries|city|cities|town|region|place|"
        r"location|market|continent|state|venue)\b",
    ),
    (
        "list",
        r"\blist\b|\bwhich (?:\w+ ){0,3}(?:\w+s)\b.*|\bwhat (?:are|were) (?:the|some|all)\b.*\b\w+s\b|"
        r"\bname (?:the|all|two|three|some)\b|\bwhat (?:\w+ )?(?:kinds|types|areas|things|topics|services|"
        r"companies|products|plans|steps|ways|fields|examples|features|challenges|benefits)\b|"
        r"\bwhat (?:else|all)\b|" + _PARTS_ASKED,
    ),
    (
        "person",
        r"\bwho(?:m|se)?\b|\bwhich (?:person|man|woman|executive|president|author|writer|journalist|minister)\b|"
        r"\bwhat (?:is|was) the name of (?:the )?(?:person|author|writer|president|head|boss|chief|ceo|man|woman)\b",
    ),
    (
        "organisation",
        r"\b(?:which|what) (?:company|firm|organi[sz]ation|manufacturer|maker|brand|"
        r"group|agency|party|team|university|institution|newspaper|outlet|publication|association)\b",
    ),
    (
        "definition",
        r"^(?:what|who) (?:exactly )?(?:is|are|was|were) (?:an? |the )?(?:[\w.&'’/-]+\s+){0,4}[\w.&'’/-]+\s*\??$|"
        r"\bwhat does .{1,40}\b(?:mean|stand for)\b|\bdefine\b|\bmeaning of\b",
    ),
    ("manner", r"^how\b|\bin what way\b|\bby what means\b"),
)
_KINDS_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)

# "Who owns", "who makes": a company may be the answer; "who is the chief executive": only a person may.
_ROLE = re.compile(
    r"\b(?:chief executive|ceo|president|chair(?:man|woman|person)?|director|head|boss|founder|author|writer|journalist|"
    r"reporter|spokes(?:man|woman|person)|minister|leader|manager|officer|analyst|editor|owner's name)s?\b"
)

# "How much did it pay": a percentage or a year is no answer.
_MONEY = re.compile(
    r"\bhow (?:much money|expensive)\b|\bhow much\b(?! (?:of|more|less)\b).*\b(?:pa(?:y|ys|id|ying)|costs?|spen[dt]s?|spending|invest(?:s|ed|ing)?"
    r"|worth|sold|sells?|charge[sd]?|earn(?:s|ed)?|donat(?:e|ed))\b|\bwhat (?:(?:is|was|were|are) the )?(?:price|salary|fee)\b"
)

# "What does the Unity Party stand for?": a name of words has aims, letters have words.
_NAMED_STANDS_FOR = re.compile(r"\b[A-Z][A-Za-z]*[a-z] stands? for\b")

# Capitalised words that open a question or a request and are no names.
_OPENERS = STOP_WORDS | set(_AUXILIARIES) | {
    "summarise", "summarize", "compare", "quote", "define", "find", "show", "tell", "give", "describe", "explain",
    "list", "name", "according", "whether", "since", "during", "besides", "apart", "today", "okay", "ok", "hi",
    "hello", "thanks", "thank", "which", "what's", "who's", "where's", "when's", "how's",
}  # fmt: skip

# Acronyms that stand for common nouns, not for anyone's name.
_COMMON_ACRONYMS = frozenset(
    """
    ceo ceos cfo coo ev evs mou mous ai it tv tvs hq pm mp mps pc pcs vip vips dna rna id ids gmt utc cctv gdp pr faq
    """.split()
)
_PREPOSITIONS = "on|in|at|by|with|for|from|to|of|under|about|until|since|into|through"
# "When", "on which day of the week", "how many people": a question word that has no verb of its own.
_NOUNS = rf"(?: (?!(?:{'|'.join(_AUXILIARIES)})\b)[\w'’-]+)"
_WH_PHRASE = (
    rf"(?:who|whom|what|when|where|why|how|how (?:many|much){_NOUNS}{{1,3}}|how (?:long|far|often|old|big|large|soon)"
    rf"|(?:{_PREPOSITIONS}) (?:whom|what|which|whose|how many|how much)"
    rf"{_NOUNS}{{0,5}}"
    r"|(?:what|which) (?:kinds? of )?(?:dates?|days?|months?|years?|times?|hours?|weekdays?|cit(?:y|ies)|towns?"
    r"|countr(?:y|ies)|places?|compan(?:y|ies)|firms?|persons?|people|prices?|amounts?|sums?|shares?|names?|reasons?)"
    r"(?: of the week)?)"
)
# "When and where was it founded", "on what island and on which day did it sink": two of them share the rest.
_SHARED_REST = re.compile(
    rf"^(?P<first>{_WH_PHRASE}),? and (?P<second>{_WH_PHRASE}),?(?P<rest> (?:{'|'.join(_AUXILIARIES)})\b.+)$"
    r"|^(?P<first_>who|when|where|why|how) and (?P<second_>who|what|when|where|why|how(?: (?:many|much) \w+)?)\b"
    r"(?P<rest_> .+)$",
    re.IGNORECASE,
)
MAX_PARTS = 4  # what is asked in more parts than this is searched as a whole
# "Compare X with Y", "the difference between X and Y": what is said of each is looked for separately.
_COMPARED = re.compile(
    r"\bcompare (?P<one>.{3,}?) (?:with|to|and|against) (?P<other>(?:(?! and (?:who|what|when|where|why|how|which)\b).){3,})$"
    r"|\bdiffer(?:ence|ences|s|) between (?P<one_>.{3,}?) and (?P<other_>(?:(?! and (?:who|what|when|where|why|how|which)\b).){3,})$",
    re.IGNORECASE,
)
# "Compare Honda's share with Nissan's": of the second, what the first has.
_COMPARED_OWNERS = re.compile(
    r"\bcompare (?P<owner>[A-Z][\w.&-]*(?: [A-Z][\w.&-]*)*['’]s?) (?P<owned>.{3,}) (?:with|to|and|against)"
    r" (?P<other>[A-Z][\w.&-]*(?: [A-Z][\w.&-]*)*['’]s?)\W*$",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"\?\W*$|^(?:(?:and|or|but|so|also|then) )?(?:(?:{_PREPOSITIONS}) )?(?:who|whom|whose|what|when|where|why|which|how"
    rf"|{'|'.join(_AUXILIARIES)})\b",
    re.IGNORECASE,
)
_REQUESTS = re.compile(
    rf"\?|\b(?:who|whom|whose|what|when|where|why|which|how)\b|^(?:{'|'.join(_AUXILIARIES)})\b"
    r"|\b(?:list|name|give|tell|show|explain|describe|compare|summari[sz]e|find|quote|define)\b",
    re.IGNORECASE,
)
_SPLIT_PARTS = re.compile(
    r"(?<=\?)\s+(?=\S)|,\s+(?=(?:where|when|why|how|(?:by|with|for) whom) and (?:where|when|why|how)\W*$)|,?\s+and\s+(?=(?:(?:on|in|at|by|with|for|from|to|of) )?(?:who|whom|whose|what|when|where|why|which|how)\b)|;\s+(?=(?:who|whom|whose|what|when|where|why|which|how)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one part of a question asks for.

    Attributes:
        text: the part, as it is searched.
        kind: what kind of answer would satisfy it.
        terms: stemmed content terms, each once, in order.
        names: the terms among them that are proper names; a passage that lacks one does not answer.
        numbers: numbers the question insists on (years, amounts), normalised.
        role: it asks for the holder of an office ("chief executive of …"): only a person answers it.
        wants_several: a list, a comparison or a summary is asked for, not one fact.
        money: an amount of money is asked for.
        acronym: for an expansion ("What does MoU stand for?"), the letters to spell out.
    """

    text: str
    kind: Kind
    terms: tuple[str, ...]
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    role: bool = False
    wants_several: bool = False
    acronym: str = ""
    money: bool = False

    @property
    def is_strict(self) -> bool:
        """Only a sentence that holds the asked kind can answer (96 % of SQuAD's answers to dates do, all counts)."""
        return self.role or self.kind in ("expansion", "date", "count")


def parts(question: str) -> list[str]:
    """Split "When will it start and who owns it?" into the questions it is made of (most are one)."""
    question = question.strip()
    if re.search(r"[“”\"]", question):  # somebody's words are never cut
        return [question]
    owners = _COMPARED_OWNERS.search(question)
    if owners:
        return [f"{owners['owner']} {owners['owned']}", f"{owners['other']} {owners['owned']}"]
    compared = _COMPARED.search(question)
    if compared:
        one = (compared["one"] or compared["one_"]).strip(" ?.")
        other = (compared["other"] or compared["other_"]).strip(" ?.")
        owner = re.match(r".+?['’]s?(?= )", one)  # "Nissan's share … with its share …"
        return [one, re.sub(r"^(?:its|their|his|her)\b", owner.group(), other) if owner else other]
    shared = _SHARED_REST.match(question)
    if shared:
        rest = shared["rest"] or shared["rest_"]
        second = (shared["second"] or shared["second_"]) + rest
        return [(shared["first"] or shared["first_"]) + rest, second]
    pieces: list[str] = []
    for piece in map(str.strip, _SPLIT_PARTS.split(question)):
        if pieces and not (_ASKS.search(piece) and _REQUESTS.search(pieces[-1])):
            pieces[-1] += f" {piece}"  # "List the names." asks nothing new, "Two say so;" nothing yet
        elif words(piece):
            pieces.append(piece)
    pieces = list(dict.fromkeys(pieces))
    return pieces if 0 < len(pieces) <= MAX_PARTS else [question]


def analyse(text: str, corpus_names: AbstractSet[str] = frozenset()) -> Analysis:
    """Read one question (or one part of it).

    Args:
        text: the question.
        corpus_names: terms that the found passages write as names; lets names typed without capitals be recognised.
    """
    lowered = re.sub(r"\s+", " ", text.strip().replace("’", "'").lower())
    kind = _kind_of(lowered)
    if kind == "expansion" and _NAMED_STANDS_FOR.search(text):
        kind = "thing"
    if kind == "definition" and re.search(r"\bmeaning of\b|\bmean\b", lowered) and _acronym(text).isupper():
        kind = "expansion"  # what capitals mean is what they stand for
    found = words(text)
    # what a follow-up took over from the conversation stands in brackets; it guides the search but insists on nothing
    own = words(re.sub(r"\s\([^()]*\)\??$", "", text))
    terms = tuple(dict.fromkeys(term for word in found for term in word.terms if term not in "%$€£¥"))
    names = tuple(dict.fromkeys(term for word in _name_words(own, text, corpus_names) for term in word.terms))
    numbers = tuple(dict.fromkeys(_binding_numbers(own)))
    return Analysis(
        text=text.strip(),
        kind=kind,
        terms=terms,
        names=tuple(name for name in names if name not in numbers),
        numbers=numbers,
        role=kind in ("person", "definition") and bool(_ROLE.search(lowered)),
        money=kind == "amount" and bool(_MONEY.search(lowered)),
        wants_several=kind in ("list", "differences", "summary")
        or (kind != "yesno" and _is_plural_request(lowered)),
        acronym=_acronym(text) if kind == "expansion" else "",
    )


def _acronym(text: str) -> str:
    """The letters an expansion is asked of: the last word that is not the question's own."""
    asked = re.sub(
        r"(?i)\b(?:stands?|short|for|mean|meaning|of|letters|abbreviation|acronym|full|form|name|spell(?:ed)?|out)\b",
        " ",
        text,
    )
    candidates = [
        word.text.strip(".")
        for word in words(asked)
        if word.text.casefold() not in STOP_WORDS and word.text.isascii()
    ]
    return max(candidates, key=lambda word: (sum(map(str.isupper, word)), -len(word)), default="")


def _kind_of(lowered: str) -> Kind:
    opening = re.sub(r"^(?:so|and|but|ok|okay|well|then|also|please|can you tell me|could you tell me|tell me|do you know"
                     r"|i(?:'d| would)? (?:like|want) to know|i wonder|can you explain)[, ]+", "", lowered)  # fmt: skip
    first = opening.split(" ", 1)[0].rstrip(",?")
    asks_choice = first in _AUXILIARIES or re.match(r"^(?:if|whether)\b", opening)
    for kind, pattern in _KINDS_COMPILED:
        if pattern.search(opening):
            if asks_choice and kind not in ("differences", "summary"):
                break
            if kind == "list" and not _is_plural_request(opening):
                continue
            return kind
    return "yesno" if asks_choice else "thing"


def _is_plural_request(lowered: str) -> bool:
    """Whether several things are asked for: "list the …", "every …", or a plural or counted noun after which or what."""
    if _ENUMERATE.search(lowered):
        return True
    match = re.search(r"\b(which|what|whose)((?: [\w'-]+){1,7})", lowered)
    if not match:
        return False
    following = match[2].split()
    counted = following[0] in ("are", "were")
    following = following[counted:]
    for position, word in enumerate(following[:5]):
        if word in NUMBER_WORDS and word != "one":
            return True
        if word in _AUXILIARIES or word in ("of", "in", "for", "to", "that", "by", "with", "from", "on"):
            return False
        if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")):
            after = following[position + 1] if position + 1 < len(following) else ""
            if match[1] == "what" and not counted and not (after in _AUXILIARIES or after == "of"):
                return False  # "what makes", "what happens": a verb, for all that is seen
            # "which companies makes": the plural noun comes within a few words of the wh-word, verbs in -s after it
            return position <= 3 and not (position > 0 and following[position - 1] in ("company", "firm"))
    return False


def _name_words(found: list[Word], text: str, corpus_names: AbstractSet[str]) -> list[Word]:
    letters = [character for character in text if character.isalpha()]
    # names typed without capitals are looked for only where the whole question was
    known = corpus_names if not any(character.isupper() for character in text[1:]) else frozenset()
    shouting = bool(letters) and sum(character.isupper() for character in letters) > 0.8 * len(letters)
    named = []
    for position, word in enumerate(found):
        if not word.terms or word.is_number or word.text in {"%", "$", "€", "£", "¥"}:
            continue
        bare = word.text.casefold().rstrip(".")
        if bare in _COMMON_ACRONYMS or bare in DEMONYMS:
            continue
        follows = found[position + 1] if position + 1 < len(found) else None
        if bare in TITLES and follows is not None and follows.is_capitalised and follows.terms:
            continue
        capital = word.is_capitalised and not shouting
        if capital and position == 0:
            capital = bare not in _OPENERS and (
                word.text[1:] != word.text[1:].lower() or not corpus_names.isdisjoint(word.terms)
            )
        if (capital and bare not in _OPENERS) or not known.isdisjoint(word.terms):
            named.append(word)
    return named


def _binding_numbers(found: list[Word]) -> list[str]:
    """Numbers a passage must carry to answer: years, percentages, amounts; not "the two companies"."""
    return [
        term
        for word in found
        if word.is_number
        for term in word.terms
        if len(term) > 1 or word.text.endswith(("st", "nd", "rd", "th"))
    ]
