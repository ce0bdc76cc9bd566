"""Words as the answering room compares them: content terms, their stems, and the proper names and numbers among them.

Stems come from Tantivy's Snowball stemmer, as those of the lexical index do; spellings with -is- and -iz- meet
here too. Only closed-class English lives here (stop words, names of the same place); nothing of any subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

STOP_WORDS = frozenset(
    """
    a an and are as at be been being but by can could did do does doing for from had has have having he her
    hers him his how i if in into is it its itself just me might more most must my no nor not of off on once
    only or other our ours out over own s same shall she should so some such t than that the their theirs
    them themselves then there these they this those through to too under until up upon us very was we were
    what when where which while who whom whose why will with would you your yours about above after again
    against all am any because before below between both down during each few further here let may also get
    got tell say says said know please according article articles mention mentioned mentions describe
    described explain give list name named there's many much kind kinds sort type types one ones thing
    things actually exactly really ever yet still already now currently don't doesn't didn't isn't aren't
    wasn't weren't can't won't hasn't haven't hadn't
    hello hi hey thanks thank ok okay bye goodbye yes sorry well great good morning
    """.split()
)

MONTHS = tuple(
    "january february march april may june july august september october november december".split()
)
SHORT_MONTHS = (*(month[:3] for month in MONTHS), "sept")
WEEKDAYS = tuple("monday tuesday wednesday thursday friday saturday sunday".split())

# A word: letters and digits, with inner apostrophes and full stops kept so that "U.S." and "Nissan's" are one token.
_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:[.'’][^\W_]+)*\.?|[%$€£¥]")
_ACRONYM = re.compile(r"^(?:[A-Za-z]\.){2,}$|^(?:[A-Za-z]\.)+[A-Za-z]$")
_NUMBER = re.compile(r"^\d+(?:[.,]\d+)*(?:st|nd|rd|th|s)?$")

# One thing under several names: geography and job titles that English swaps freely. Values are stemmed terms.
_SAME = {
    "usa": ("america",),
    "us.": ("america",),
    "america": ("america",),
    "american": ("america",),
    "americans": ("america",),
    "uk": ("britain",),
    "british": ("britain",),
    "britain": ("britain",),
    "eu": ("europ",),
    "european": ("europ",),
    "europe": ("europ",),
    "japanese": ("japan",),
    "chinese": ("china",),
    "french": ("franc",),
    "german": ("germani",),
    "korean": ("korea",),
    "ceo": ("chief", "execut"),
    "ceos": ("chief", "execut"),
    "cfo": ("chief", "financi"),
    "coo": ("chief", "oper"),
    "ai": ("artifici", "intellig"),
    "percent": ("%",),
}

# Adjectives of countries: they describe a thing ("the Swiss laureates"), and an article on it need not say them.
DEMONYMS = frozenset(
    """
    afghan albanian algerian american americans argentine argentinian armenian australian austrian azerbaijani
    bangladeshi belarusian belgian bolivian bosnian brazilian british briton britons bulgarian burmese cambodian
    cameroonian canadian chilean chinese colombian congolese croatian cuban cypriot czech danish dutch ecuadorian
    egyptian english estonian ethiopian european europeans filipino finnish french georgian german germans ghanaian
    greek greenlandic guatemalan haitian honduran hungarian icelandic indian indonesian iranian iraqi irish israeli
    italian jamaican japanese jordanian kazakh kenyan korean kosovan kuwaiti laotian latvian lebanese liberian libyan
    lithuanian malagasy malaysian maltese mexican moldovan mongolian moroccan mozambican namibian nepalese nepali
    nicaraguan nigerian norwegian pakistani palestinian panamanian paraguayan peruvian philippine polish portuguese
    qatari romanian russian russians rwandan saudi scottish senegalese serbian singaporean slovak slovenian somali
    spanish sudanese swedish swiss syrian taiwanese tanzanian thai tibetan tunisian turkish ugandan ukrainian
    uruguayan uzbek venezuelan vietnamese welsh yemeni zambian zimbabwean african asian
    """.split()
)
# Before a name they say what its bearer is; an article may write them shorter or leave them out.
TITLES = frozenset(
    """
    doctor dr mr mrs ms miss sir dame lord lady king queen prince princess emperor pope cardinal archbishop bishop
    reverend saint president premier chancellor minister secretary senator governor mayor congressman congresswoman
    representative ambassador judge justice sheriff general admiral colonel major captain lieutenant sergeant
    professor prof chief executive chairman chairwoman director coach
    """.split()
)

# Numbers people write as words; years and amounts are written in digits.
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty
    """.split()
    )
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: its span, its surface, and the stemmed terms it stands for (none for a stop word)."""

    start: int
    end: int
    text: str
    terms: tuple[str, ...]

    @property
    def is_capitalised(self) -> bool:
        """Written as a name would be: first letter a capital, or capitals inside (``eK``, ``iPhone``)."""
        return any(character.isupper() for character in self.text)

    @property
    def is_number(self) -> bool:
        """Digits, with separators or an ordinal ending."""
        return bool(_NUMBER.match(self.text))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    return builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.stemmer("english")).build()


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The Snowball stem of one word, with British -is- spelled -iz- first so that both spellings meet."""
    folded = word.casefold()
    folded = re.sub(r"is(e|es|ed|ing|ation|ations)$", r"iz\1", folded) if len(folded) > 6 else folded
    stems = _stemmer().analyze(folded)
    return str(stems[0]) if stems else folded


@lru_cache(maxsize=65_536)
def _terms_of(surface: str) -> tuple[str, ...]:
    if surface in {"%", "$", "€", "£", "¥"}:
        return (surface,)
    if _ACRONYM.match(surface):
        joined = surface.replace(".", "").casefold()
        return _SAME.get("us." if joined == "us" else joined, (joined,))
    bare = re.sub(r"['’]s?$", "", surface.rstrip("."))
    bare = re.sub(r"^([A-Z]{2,})s$", r"\1", bare)  # several of an acronym: EVs, SDVs
    if bare == "US":
        return _SAME["us."]
    folded = bare.casefold()
    if folded in STOP_WORDS:
        return ()
    if folded in _SAME:
        return _SAME[folded]
    if _NUMBER.match(bare):
        return (re.sub(r"(?<=\d),(?=\d{3})", "", re.sub(r"(?:st|nd|rd|th)$", "", folded)),)
    return (stem(bare),) if len(bare) > 1 or bare.isdigit() else ()


def words(text: str) -> list[Word]:
    """All words of a text in order, stop words included (they carry no terms)."""
    return [
        Word(match.start(), match.end(), match.group(), _terms_of(match.group()))
        for match in _WORD.finditer(text)
    ]


def terms(text: str) -> list[str]:
    """The stemmed content terms of a text, in order, with repetitions."""
    return [term for word in words(text) for term in word.terms]


def numbers(text: str) -> set[str]:
    """The numbers of a text in one spelling: separators gone, small number words as digits."""
    found: set[str] = set()
    for word in words(text):
        if word.is_number:
            found.update(word.terms)
        elif word.text.casefold() in NUMBER_WORDS:
            found.add(NUMBER_WORDS[word.text.casefold()])
    return found


def written_as_names(text: str, found: Sequence[Word]) -> tuple[set[str], set[str]]:
    """Terms that ``text`` writes as names (capitalised away from the start of a sentence, alone or as a pair), and
    terms that it writes plainly.

    Longer runs of capitals are titles ("Annual Conference on Data Protection"), whose single words are no names.
    """
    names: set[str] = set()
    plain: set[str] = set()
    run: list[Word] = []
    previous_end, opens = 0, True
    for word in [*found, None]:
        between = text[previous_end : word.start] if word else "\n"
        opens = opens or previous_end == 0 or any(mark in between for mark in '.!?\n:“"(')
        if run and (word is None or between.strip(" -") or not word.is_capitalised):
            if len(run) <= 2:
                names.update(term for named in run for term in named.terms if not named.is_number)
            run = []
        if word is None:
            break
        if word.terms and word.is_capitalised and not opens:
            run.append(word)
        elif word.terms and not word.is_capitalised:
            plain.update(word.terms)
        # "Co." and "Nov." are short; a longer word with a full stop ends its sentence
        opens = word.text.endswith(".") and (not word.is_capitalised or len(word.text) > 5)
        previous_end = word.end
    return names, plain


def same_term(a: str, b: str) -> bool:
    """Whether two stems are one word: equal, a shared long prefix, or one slip of the finger apart in a long word."""
    if a == b:
        return True
    if min(len(a), len(b)) < 5 or abs(len(a) - len(b)) > 2 or a.isdigit() or b.isdigit():
        return False
    return _one_edit(a, b)


def _one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns ``a`` into ``b``."""
    if len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1:
        return False
    start = 0
    while start < len(a) and a[start] == b[start]:
        start += 1
    if len(a) == len(b):
        swapped = a[start + 1 : start + 2] + a[start : start + 1] == b[start : start + 2]
        return a[start + 1 :] == b[start + 1 :] or (swapped and a[start + 2 :] == b[start + 2 :])
    return a[start:] == b[start + 1 :]
