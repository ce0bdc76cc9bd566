"""The whole of preparation on a data folder of a few articles."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rag.training import edits
from rag.training.claims import SETS, YES_NO_HELD_OUT
from rag.training.examples import PLAIN, SUPPORTED, WIKI, Example, Record, read_examples
from rag.training.prepare import prepare, without_answer

NAMES = ("Ann Miller", "Bob Carter", "Cyril Stone", "Dora Lane", "Emil Grant")
SEEN = "this very sentence of more than thirteen words also stands in the text that is measured on later"

LESSON = "On Monday Dora Lane\nbought the mill."
SEA = "Few sailors knew the northern waters as well as Captain Fred Moss, who kept to the coast of Norway."


def paragraph(name: str, place: int) -> str:
    return (
        f"The mill at Ford {place} was built by {name} in 18{place}4 for 2,{place}00 pounds. It had the largest "
        "wheel of the county and worked for many years. A fire destroyed the roof one winter, but the walls "
        "stood firm. Nobody knows who lit it. The owner sold the land to a farmer, who kept geese there."
    )


def write(file: Path, items: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(item) + "\n" for item in items)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Example], list[Example]]:
    root = tmp_path_factory.mktemp("prepare")
    data, work = root / "data", root / "work"
    write(data / "eval" / "nq" / "corpus.jsonl.gz", [{"text": SEEN}])
    for source in (*WIKI, *PLAIN):
        items = []
        for place, name in enumerate(NAMES):
            context = paragraph(name, place) + (f" {source}." if source not in ("squad2_dev_rest",) else "")
            start = context.index(name)
            base = {"title": f"Mill {place}", "context": context}
            right = {"answers": [{"text": name, "start": start}], "is_impossible": False}
            items.append({**base, **right, "question": f"Who built the mill at Ford {place}?"})
            if source == "squad1_du_test":
                sum_paid = {"text": f"2,{place}00", "start": context.index(f"2,{place}00")}
                for thing in ("pounds", "sails"):
                    asked = f"How many {thing} did the mill at Ford {place} cost?"
                    items.append({**base, "answers": [sum_paid], "is_impossible": False, "question": asked})
            if source == "squad2_dev_rest":
                items.append({**base, "answers": [], "is_impossible": True, "question": "Who burnt it down?"})
        if source == "squad2_first10":
            sea = [{"title": f"Sea {n}", "context": f"{SEA} That was {n} years ago."} for n in range(30)]
            items += [
                {**about, "answers": [], "is_impossible": True, "question": "Which ship sank?"}
                for about in sea
            ]
        leaked = f"Ann says {SEEN}."
        items.append(
            {
                "title": "Leak",
                "context": leaked,
                "answers": [{"text": "Ann", "start": 0}],
                "is_impossible": False,
                "question": "Who?",
            }
        )
        items = [{"id": f"{source}-{n}", **item} for n, item in enumerate(items)]
        write(data / "train" / "qa" / f"{source}.jsonl.gz", items)
    selqa = [{"question": "Who?", "sentence": name, "label": n % 2} for n, name in enumerate(NAMES)]
    write(data / "train" / "sentence" / "selqa.jsonl.gz", selqa)
    write(
        data / "train" / "yesno" / "boolq_dev.jsonl.gz",
        [
            {"question": f"is mill {n} old?", "context": f"Mill {n} is.", "answer": "yes" if n % 2 else "no"}
            for n in range(2 * YES_NO_HELD_OUT)
        ],
    )
    for name in SETS:
        write(
            data / "train" / "support" / f"{name}.jsonl.gz",
            [
                {"premise": f"{who} was born in Ford.", "hypothesis": f"{who} lives.", "label": label}
                for who in NAMES
                for label in ("supported", "refuted", "nei", "generic")
            ],
        )
    write(data / "articles" / "wikinews.jsonl.gz", [{"_id": "w1", "text": f"{LESSON}\nMore of it."}])
    write(data / "articles" / "reuters21578.jsonl.gz", [{"_id": "r1", "text": "Oil fell."}])
    lesson = {
        "p": f"w1:0:{len(LESSON)}",
        "q": [["Who bought the mill?", "Dora Lane"]],
        "n": ["What did the mill cost?"],
        "s": ["The mill has a new owner."],
        "r": ["The mill stays in the hands of its old owner."],
        "x": ["The mill will be torn down."],
    }
    write(root / "lessons.jsonl.gz", [lesson, lesson])  # the first is held out
    case = {
        "q": "Who bought the mill?",
        "a": "Dora Lane bought the mill.",
        "v": "Dora Lane",
        "same": "The mill went to Lane.",
        "conflict": "The mill was not sold.",
        "other": "Lane sold a farm.",
    }
    write(root / "cases.jsonl.gz", [case, case])
    selection = {
        "p": lesson["p"],
        "t": [[0, len(LESSON)]],
        "b": [["Any news of the mill?", [0], None]],
        "n": ["Why was the mill sold?"],
    }
    write(root / "selections.jsonl.gz", [selection, selection])
    summary = {
        "p": lesson["p"],
        "g": ["The mill now belongs to Lane."],
        "b": [["Lane, who also owns a farm, now has the mill.", "x"]],
    }
    write(root / "summaries.jsonl.gz", [summary, summary])
    record = {"t": "name: The Mill", "g": ["It is called The Mill."], "b": [["The Mill is open.", "x"]]}
    write(root / "records.jsonl.gz", [record, record])
    asked = {"q": "Who bought the mill?", "n": [0], "a": "Dora Lane"}
    dialogue = {
        "p": lesson["p"],
        "t": [[0, len(LESSON)]],
        "c": [asked, {"q": "and what is she?", "s": "What is Dora Lane?", "n": [0]}],
        "x": [{"after": 1, "q": "for how much?", "s": "How much did Dora Lane pay for the mill?"}],
    }
    write(root / "dialogues.jsonl.gz", [dialogue, dialogue])
    prepare(data, work, seed=1, written=root)
    return read_examples(work / "examples.jsonl.gz"), read_examples(work / "held_out.jsonl.gz")


def test_every_group_is_made(made: tuple[list[Example], list[Example]]) -> None:
    groups = {example.group for example in made[0]}
    questions = {
        "wiki",
        "plain",
        "adversarial",
        "mined",
        "edited",
        "grafted",
        "cut",
        "clipped-",
        "clipped+",
        "asked-",
        "selqa+",
        "selqa-",
        "boolq+",
        "boolq-",
        "worded",
        "lesson+",
        "lesson-",
        "told+",
        "told-",
        "talk+",
        "talk-",
    }
    made_claims = (
        "unrelated",
        "asked",
        "close",
        "made",
        "joined",
        "words",
        "roles",
        "boolq",
        "lesson",
        "sides",
        "cases",
        "summed",
    )
    claims = {f"support:{name}" for name in (*SETS, *made_claims)}
    assert groups == questions | claims


def test_nothing_that_is_measured_on_is_learned(made: tuple[list[Example], list[Example]]) -> None:
    assert not [e for examples in made for e in examples if SEEN in e.second]


def test_held_out_questions_are_not_learned(made: tuple[list[Example], list[Example]]) -> None:
    learned, held = made
    pairs = {(e.first, e.second) for e in learned}
    assert {e.group for e in held} == {"wiki", "adversarial", "mined"}
    assert not [e for e in held if (e.first, e.second) in pairs and e.group != "mined"]


def test_answers_stand_where_the_example_says(made: tuple[list[Example], list[Example]]) -> None:
    answered = [e for e in made[0] if e.spans]
    assert answered
    sums = [f"2,{place}00" for place in range(len(NAMES))]
    assert all(e.second[a:b] in (*NAMES, *sums) for e in answered for a, b in e.spans)
    assert all(e.evidence == 1 and not e.no_answer for e in answered)


def test_wrong_passages_lack_the_answer(made: tuple[list[Example], list[Example]]) -> None:
    for e in made[0]:
        if e.group in ("mined", "cut", "clipped-") and e.first.startswith("Who built"):
            right = NAMES[int(e.first.rstrip("?")[-1])]
            assert right not in e.second


def test_a_grafted_question_asks_of_a_name_that_its_passage_has(
    made: tuple[list[Example], list[Example]],
) -> None:
    grafted = [e for e in made[0] if e.group == "grafted"]
    assert grafted
    for e in grafted:
        assert e.no_answer
        assert any(e.second[a:b] in e.first for a, b in edits.names(e.second))
        names = " ".join(e.second[a:b] for a, b in edits.names(e.second))
        assert not (said(e.first) & said(e.second)) - said(names)


def test_a_clipped_passage_still_answers_other_questions(made: tuple[list[Example], list[Example]]) -> None:
    gone = {e.second for e in made[0] if e.group == "clipped-"}
    still = [e for e in made[0] if e.group == "clipped+"]
    assert still
    assert all(e.second in gone and e.spans for e in still)


def test_a_yes_no_question_has_its_own_passage_and_wrong_ones(
    made: tuple[list[Example], list[Example]],
) -> None:
    own = {e.first: e.second for e in made[0] if e.group == "boolq+"}
    wrong = [e for e in made[0] if e.group == "boolq-"]
    assert len(own) == YES_NO_HELD_OUT
    assert len(wrong) == 2 * len(own)
    assert all(own[e.first] != e.second and e.evidence == 0 for e in wrong)


def said(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3}


def test_some_yes_no_questions_are_kept_to_measure_on(made: tuple[list[Example], list[Example]]) -> None:
    yes_no = [e for e in made[0] if e.group == "support:boolq"]
    assert len(yes_no) == YES_NO_HELD_OUT
    assert {e.first for e in yes_no if e.support == (SUPPORTED,)} == {
        f"Mill {n} old." for n in range(1, YES_NO_HELD_OUT, 2)
    }


def test_cutting_the_answer_out_leaves_the_rest() -> None:
    text = paragraph(NAMES[0], 0)
    start = text.index(NAMES[0])
    record = Record("s", "t", text, "Who?", ((start, start + len(NAMES[0])),))
    cut = without_answer(record)
    assert cut is not None
    assert cut == text[text.index("It had") :]
    assert without_answer(Record("s", "t", "Ann. Short.", "Who?", ((0, 3),))) is None
