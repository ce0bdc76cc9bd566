from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from places import SEEDS

from rag.documents.read import read_document
from rag.errors import InputError
from rag.evaluation.drafts import GAP, draft, read_drafts, write_accepted, write_drafts
from rag.evaluation.formats import load_questions
from rag.evaluation.metrics import holds


def test_drafts_over_the_seeds_are_true_to_their_sentences() -> None:
    drafts = draft(SEEDS, most=45)
    assert len(drafts) > 25
    assert {one.how for one in drafts} == {"subject", "when", "gap", "swapped"}
    assert len({one.question.id for one in drafts}) == len(drafts)
    for one in drafts:
        text = read_document(SEEDS / one.path, SEEDS).text
        assert " ".join(text[one.start : one.end].split()) == one.sentence
        if one.question.answerable:
            assert holds(one.sentence, one.question.answers)
            assert not one.question.near_miss and one.question.sources == (one.path,)
        else:
            assert one.question.near_miss and one.question.facts == ()
        if one.how == "gap":
            answer = one.question.answers[0]
            gapped = one.question.question.removeprefix("Which words are missing here: ")
            assert gapped.count(GAP) == 1
            assert gapped.replace(GAP, answer) == one.sentence


@pytest.mark.parametrize(
    ("sentence", "how", "question", "answer"),
    [
        (
            "Renault will bring its Korean vehicles to the U.S. with a partner, the company said.",
            "subject",
            "Who or what will bring its Korean vehicles to the U.S. with a partner?",
            "Renault",
        ),
        (
            "The old bridge over the river was closed by the city in March 2019, and nobody objected.",
            "when",
            "When was the old bridge over the river closed by the city?",
            "March 2019",
        ),
        (
            "Last year the two firms together sold about 3.5 million cars abroad.",
            "gap",
            f"Which words are missing here: Last year the two firms together sold about {GAP} abroad.",
            "3.5 million cars",
        ),
    ],
)
def test_each_pattern(tmp_path: Path, sentence: str, how: str, question: str, answer: str) -> None:
    (tmp_path / "a.txt").write_text(f"A headline\n\n{sentence}\n", "utf-8")
    made = {one.how: one.question for one in draft(tmp_path)}
    assert (made[how].question, made[how].answers) == (question, (answer,))


def test_an_exchanged_name_is_one_the_article_never_mentions(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "Head\n\nRenault bought the old factory near Lyon from a rival of Peugeot.\n"
    )
    (tmp_path / "b.txt").write_text(
        "Head\n\nThe meeting took place in Oslo with many guests from the region.\n"
    )
    (swapped,) = [one for one in draft(tmp_path) if one.how == "swapped"]
    assert swapped.path == "a.txt"
    assert "Oslo" in swapped.question.question
    assert swapped.question.answerable is False


def test_the_same_seed_drafts_the_same(tmp_path: Path) -> None:
    assert draft(SEEDS, most=12) == draft(SEEDS, most=12)
    assert len(draft(SEEDS, most=12)) <= 12
    (tmp_path / "a.txt").write_text("no\n")
    with pytest.raises(InputError, match="no sentence there makes a question"):
        draft(tmp_path)


def test_decisions_are_kept_and_the_accepted_become_a_set(tmp_path: Path) -> None:
    drafts = draft(SEEDS, most=6)
    file = tmp_path / "drafts.jsonl"
    write_drafts(file, drafts)
    assert read_drafts(file) == drafts
    with pytest.raises(InputError, match="no draft was accepted"):
        write_accepted(tmp_path / "set.jsonl", drafts)
    decided = [replace(drafts[0], status="accepted"), replace(drafts[1], status="rejected"), *drafts[2:]]
    write_drafts(file, decided)
    assert write_accepted(tmp_path / "set.jsonl", read_drafts(file)) == 1
    assert load_questions(tmp_path / "set.jsonl") == [drafts[0].question]
    file.write_text('{"status": "draft"}\n')
    with pytest.raises(InputError, match="line 1: no draft"):
        read_drafts(file)
