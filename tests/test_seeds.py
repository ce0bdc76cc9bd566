"""The shipped articles and the questions over them: nothing copied, everything hard kept, every expected fact there.

The five articles the seeds retell are not part of the project. Where they lie beside it, the same is checked on them,
because the questions must suit both folders; elsewhere those cases skip.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from rag.evaluation.metrics import holds, is_source
from rag.evaluation.questions import KINDS, Question, read_questions

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "seeds"
ORIGINALS = ROOT.parent / "shared" / "seeds"
QUESTIONS = read_questions(ROOT / "eval" / "questions" / "seeds.jsonl")
ANSWERABLE = [question for question in QUESTIONS if question.answerable]

beside = pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the articles the seeds retell are not here")


def read(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.txt"))}


def article(prefix: str) -> str:
    return next(text for name, text in read(SEEDS).items() if name.startswith(prefix))


# ---- the articles

# what the originals begin sentences and headings with, and nothing more
OPENERS = {"Additionally", "And", "As", "At", "Beyond", "By", "Challenges", "Collaboration", "Development"}
OPENERS |= {"Earlier", "For", "From", "He", "In", "Introduction", "Still", "Target", "That", "The", "Their"}
OPENERS |= {"Then", "These", "This", "Various", "Whether", "You"}


def test_five_articles_and_nothing_else() -> None:
    names = sorted(path.name for path in SEEDS.iterdir())
    assert [name[:4] for name in names] == ["000_", "001_", "002_", "003_", "004_"]
    assert all(re.fullmatch(r"\d{3}_[a-z0-9-]+\.txt", name) for name in names)


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", re.sub("['’]", "", text.lower()))
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


@beside
def test_no_sentence_is_copied() -> None:
    theirs = set().union(*(word_runs(text, 8) for text in read(ORIGINALS).values()))
    for name, text in read(SEEDS).items():
        ours = word_runs(re.sub("“.*”", " ", text, flags=re.DOTALL), 8)  # a quotation stays one
        assert ours & theirs == set(), name


@beside
def test_the_quotation_is_word_for_word() -> None:
    quoted = re.compile("“.*”", re.DOTALL)
    original = next(text for name, text in read(ORIGINALS).items() if name.startswith("002"))
    ours, theirs = quoted.search(article("002")), quoted.search(original)
    assert ours is not None and theirs is not None
    assert ours.group() == theirs.group()


@beside
@pytest.mark.parametrize("prefix", ["000", "001", "002", "003", "004"])
def test_no_figure_name_or_abbreviation_is_lost(prefix: str) -> None:
    """Every number and every capitalised word of the original occurs in ours."""
    original = next(text for name, text in read(ORIGINALS).items() if name.startswith(prefix))
    facts = set(re.findall(r"\b(?:[A-Z][A-Za-z]*|\d+%?)", original)) - OPENERS
    assert len(facts) > 10
    ours = article(prefix)
    assert {fact for fact in facts if not re.search(rf"\b{re.escape(fact)}", ours)} == set()


def test_000_has_no_headline_but_headings_and_a_biography() -> None:
    lines = article("000").split("\n")
    assert len(lines[0]) > 200 and lines[0].endswith(".")
    headings = [line for line in lines if line and len(line) < 40]
    assert headings == ["Goals", "Japanese carmakers pull together", "Hurdles"]
    assert lines[-1].startswith("Senior Writer ") and lines[-2] == ""
    for source in ("video games", "television", "magazines", "internet forums", "rabbit hole"):
        assert source in lines[-1]


def test_001_repeats_a_paragraph_under_its_headline() -> None:
    headline, *paragraphs = article("001").split("\n\n")
    assert "\n" not in headline and not headline.endswith(".")
    assert [text for text, times in Counter(paragraphs).items() if times > 1] == [paragraphs[0]]
    assert "34%" in paragraphs[0]
    assert "joint venture" in paragraphs[1] and "Thursday" in paragraphs[1]


def test_002_begins_with_an_empty_line_and_quotes_across_paragraphs() -> None:
    text = article("002")
    assert text.startswith("\n") and not text.startswith("\n\n")
    assert text.count("“") == 2 and text.count("”") == 1 and text.endswith("”")
    assert re.search(r"century\.\n“We expect", text)
    assert "standardisation" in text and "harmonised" in text
    assert not re.search(r"standardiz|harmoniz", text)


def test_003_runs_from_the_appeal_into_the_news() -> None:
    lines = article("003").split("\n")
    assert not lines[0].endswith(".") and not lines[1].endswith(".")
    run_on = [line for line in lines if re.search(r"[a-z]\.[A-Z][a-z]+ and ", line)]
    assert len(run_on) == 1 and "said Friday" in run_on[0]
    assert any("non-binding" in line for line in lines)


def test_004_has_a_numbered_list_a_first_person_and_a_biography_cut_off() -> None:
    text = article("004")
    assert re.findall(r"^  (\d)\. ", text, re.MULTILINE) == ["1", "2"]
    assert re.search(r"\bmy thoughts\b", text) and re.search(r"\bmakes me think\b", text)
    assert re.search(r"article for\n\nAaron Turpen\n", text)
    assert text.endswith("is at")


def test_dates_carry_no_year() -> None:
    everything = "\n".join(read(SEEDS).values())
    assert set(re.findall(r"\b(?:19|20)\d\d\b", everything)) == {"2025", "2028"}  # both lie ahead of the news


def test_two_articles_disagree_about_one_event() -> None:
    assert "non-binding" in article("003") and "joint venture" not in article("003")
    assert "joint venture" in article("001") and "non-binding" not in article("001")


# ---- the questions


def test_counts() -> None:
    unanswerable = [question for question in QUESTIONS if not question.answerable]
    assert len(QUESTIONS) >= 110
    assert len(unanswerable) >= 35
    assert sum(question.near_miss for question in unanswerable) >= 20
    assert {question.kind for question in ANSWERABLE} == set(KINDS)
    assert all(bool(question.history) == (question.kind == "followup") for question in QUESTIONS)
    asked = [(question.question.lower(), question.history) for question in QUESTIONS]
    assert len(set(asked)) == len(asked)


def test_halves_are_alike() -> None:
    halves: dict[tuple[str, bool, bool], Counter[str]] = defaultdict(Counter)
    for question in QUESTIONS:
        assert question.split is not None, question.id
        halves[question.kind, question.answerable, question.near_miss][question.split] += 1
    assert all(abs(half["dev"] - half["test"]) <= 1 for half in halves.values())
    total = Counter(question.split for question in QUESTIONS)
    assert abs(total["dev"] - total["test"]) <= 4


def test_the_readme_tells_the_counts_and_shows_real_lines() -> None:
    readme = (ROOT / "eval" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|", readme, re.MULTILINE)
    told = {
        (kind, answerable): int(n)
        for kind, *both in rows
        for answerable, n in zip((True, False), both, strict=True)
    }
    counted = Counter((question.kind, question.answerable) for question in QUESTIONS)
    assert {key: n for key, n in told.items() if n} == counted
    near = sum(question.near_miss for question in QUESTIONS)
    refusals = len(QUESTIONS) - len(ANSWERABLE)
    assert f"Of the {refusals} unanswerable questions, {near} are near misses" in readme
    assert f"The other {refusals - near} are" in readme
    examples = re.findall(r"^\{.*\}$", readme, re.MULTILINE)
    lines = (ROOT / "eval" / "questions" / "seeds.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(examples) == 2 and set(examples) <= set(lines)


def test_ids_run_in_order() -> None:
    numbers = [int(question.id.removeprefix("seeds-")) for question in QUESTIONS]
    assert all(after == before + 1 for before, after in pairwise([0, *numbers]))


@pytest.mark.parametrize(
    "folder", [pytest.param(SEEDS, id="seeds"), pytest.param(ORIGINALS, id="originals", marks=beside)]
)
class TestOverEachFolder:
    def test_every_source_is_one_article(self, folder: Path) -> None:
        names = list(read(folder))
        for source in {source for question in ANSWERABLE for source in question.sources}:
            assert len([name for name in names if is_source(name, source)]) == 1, source

    def test_every_answerable_question_names_a_source(self, folder: Path) -> None:
        assert [question.id for question in ANSWERABLE if not question.sources] == []

    def test_every_expected_fact_stands_in_a_source(self, folder: Path) -> None:
        absent = [
            (question.id, fact)
            for question in ANSWERABLE
            for fact in question.expected
            if not any(holds(text, fact) for text in self.sources_of(question, folder))
        ]
        assert absent == []

    def test_every_source_holds_an_expected_fact(self, folder: Path) -> None:
        idle = [
            question.id
            for question in ANSWERABLE
            for text in self.sources_of(question, folder)
            if not any(holds(text, fact) for fact in question.expected)
        ]
        assert idle == []

    def test_an_answer_that_one_article_gives_needs_no_other(self, folder: Path) -> None:
        """Without ``sources_all``, a single source holds every fact."""
        scattered = [
            question.id
            for question in ANSWERABLE
            if not question.sources_all
            and not any(
                all(holds(text, fact) for fact in question.expected)
                for text in self.sources_of(question, folder)
            )
        ]
        assert scattered == []

    @staticmethod
    def sources_of(question: Question, folder: Path) -> list[str]:
        return [
            text
            for name, text in read(folder).items()
            if any(is_source(name, source) for source in question.sources)
        ]
