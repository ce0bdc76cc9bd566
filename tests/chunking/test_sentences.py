"""Sentences: the hard cases of news text, one by one; exact offsets and complete coverage for any text at all."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.chunking.sentences import split_sentences

# "|" marks where a sentence ends; the text itself is the case without the marks.
CASES = {
    "month": "On Nov. 4, Mitsubishi agreed.| The firms met on Sept. 30.",
    "company": "The heads of Nissan Motor Co. and Honda Motor Co. appeared together.| They spoke.",
    "country": "Competition with their U.S. and Chinese rivals grew.| The U.S. Senate met.",
    "country-at-the-end": "He lives in the U.S.| He works there.",
    "country-president": "In the U.S. President Biden spoke.",
    "quotation-with-speaker": "“We like it. It is good. Two of them,” he said.| He left.",
    "straight-quotation": 'He said: "It is good. It is fine."| Then he left.',
    "question-in-quotes": "“Is it true?” he asked.| “Yes!” she said.| “Why?”| She left.",
    "quotations-in-a-row": 'He said, "Go. Now."| "Why? Who?" she asked.| "Because."| He left "for good".',
    "inch-mark": 'A 5" pipe broke.| He said "yes."| Then he left.',
    "apostrophes": "The workers' pay rose.| It was the bosses' fault.| He said 'tis so.| It isn't.",
    "curly-apostrophes": "It’s the dogs’ home.| The cats’ too.| ‘Rock ’n’ roll. Is dead.’| He said.",
    "quotation-over-lines": "said: “It occurs once in a century.|\n“We expect synergies.”| He nodded.",
    "number": "It is No. 2 in sales.| No. 3 is Honda.",
    "title": "Mr. Smith met Dr. Jones, Gen. Colin Powell and Sgt. Pepper.| Prof. A. B. Smith agreed.",
    "latin": "Use e.g. apples, i.e. fruit.| Honda vs. Nissan, cf. Smith et al. and others.",
    "decimal": "It rose 3.5 percent.| It fell .5 points.",
    "initials": "J. K. Rowling met George W. Bush.| They talked.",
    "inc-then-verb": "He sold it to Sealy Inc.| Dean also said so.",
    "inc-then-starter": "He joined Apple Inc.| The firm grew.",
    "inc-then-title": "Apple Inc. Chief Tim Cook spoke.| Nissan Motor Co. President Uchida said so.",
    "time-of-day": "He came at 5 p.m. Monday.| He left at 5 p.m.| She stayed until 3 a.m. Eastern time.",
    "weekday": "They met on Wed. Feb. 3 in Tokyo.",
    "day-before-month": "On 4. November it rained.",
    "exclamation-in-a-name": "Yahoo! Inc said so.| It paid.",
    "amount-at-the-end": "It cost $3.| He paid.| It was 5.| The end.",
    "missing-space": "Your support makes all the difference.|Nissan and Honda said Friday they will.",
    "missing-space-quotes": "“It makes a difference.”|“It does,” she said.",
    "web-addresses": "Visit www.Example.Com now.| Node.JS and python.org are names.| Write to J.Smith@x.com.",
    "ellipsis": "Well... maybe so.| He paused … then went.",
    "brackets": "(This is a note.)| Next one.| He (Mr. Smith) left.| [See p. 5.]| Done.",
    "footnotes": "The end.[1]| Another one.[2][3]| Third.",
    "stray-closer": "He left.)| She stayed.",
    "lower-case-after": "It rose to 5.93 mln. against 5.81.| eBay said so.",
    "all-lower-case": "it rose.| it fell.| nobody knows why.",
    "list": "Two:|\n\n  1. Development of a car.|\n  2. Introduction of one in the U.S. based on it.|\n\nA third.",
    "bullets": "Wanted:|\n- batteries|\n- e-Axles and\n  motors|\n* cars",
    "inline-list": "1. First.| 2. Second.| 3. Third.",
    "headlines": "Honda and Nissan agree to work together|\nThe two firms agreed|\nYour support helps|\nMore text.",
    "headings": "# Honda talks|\nThe firms met.|\n\n## Why|\n\nCosts.",
    "wrapped": (
        "Standard Oil Co and BP North America\nInc said they plan to form a venture to manage the money market\n"
        "borrowing and investment activities of both companies.|\nBP North America is a subsidiary of British "
        "Petroleum Co\nPlc <BP>, which also owns a 55 pct interest in Standard Oil."
    ),
    "wrapped-before-number": (
        "Texas Commerce Bancshares said it filed an application with the\nComptroller of the Currency to create\n"
        "the largest network.|\nThe bank said the network would link 31 banks having\n13.5 billion dlrs in assets "
        "and 7.5 billion in\ndeposits."
    ),
    "wrapped-quotation": (
        '"We have been sitting back and waiting on two federal\nadministrations to develop a policy. I say we have\n'
        'waited long enough," Nugent\nsaid.|\nHe then left the room in which the meeting\nhad been held.'
    ),
    "hindi": "यह एक है।| यह दो है।",
    "chinese": "他说。|好的。|谢谢！",
}


@pytest.mark.parametrize("marked", [pytest.param(text, id=name) for name, text in CASES.items()])
def test_hard_cases(marked: str) -> None:
    text = marked.replace("|", "")
    assert [text[s.start : s.end] for s in split_sentences(text)] == [
        part.strip() for part in marked.split("|")
    ]


def test_a_long_quotation_is_cut_at_its_own_sentences() -> None:
    sentence = "The automobile industry is in a period of transformation said to occur once in a century. "
    text = f"Mr. Mibe said: “{sentence * 8}That is all.” He left."
    assert len(split_sentences(text)) == 10


def test_only_the_given_part_is_split() -> None:
    text = "---\ntitle: A. B.\n---\nOne. Two. Three."
    found = split_sentences(text, text.index("One"), text.index(" Three"))
    assert [text[s.start : s.end] for s in found] == ["One.", "Two."]
    assert split_sentences("") == []
    assert split_sentences(" \n\t ") == []


PIECES = st.sampled_from(
    [
        *"abAB19 .!?\"'“”‘’()[]-*#|>;:,…\n",
        "\n\n",
        ". ",
        ".”",
        "Mr. ",
        "U.S. ",
        "Inc. ",
        "Word ",
        "word ",
        "1. ",
        "- ",
        "。",
        "é",
    ]
)


@given(st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=80)))
@example('" ' * 7000)
@example("a" * 20_000 + ". B")
@example("Word and word " * 2000)
def test_every_character_is_covered_and_no_span_is_loose(text: str) -> None:
    sentences = split_sentences(text)
    covered = set()
    last = 0
    for sentence in sentences:
        span = text[sentence.start : sentence.end]
        assert span
        assert span == span.strip()
        assert sentence.start >= last
        last = sentence.end
        covered.update(range(sentence.start, sentence.end))
    missed = [at for at, character in enumerate(text) if not character.isspace() and at not in covered]
    assert missed == []
    assert split_sentences(text) == sentences


@pytest.mark.parametrize("unit", ["word ", "a", "He said. “Go ", "“ ", "a.B", "(a. ", "\n", "漢字。", "a\n"])
def test_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        split_sentences(text)
        return time.process_time() - started

    seconds(10_000)
    small, large = seconds(40_000), seconds(320_000)
    assert large < 8 * 4 * small + 0.5  # 8 times the text; a quadratic way would need 64 times as long


def test_the_module_is_cheap_to_import() -> None:
    code = "import rag.chunking.sentences, rag.chunking.chunker, sys; print('sentencex' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
