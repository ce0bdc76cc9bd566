from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import InputError
from rag.evaluation.check import Expected, check, chosen, read_expected

ROOT = Path(__file__).resolve().parents[2]

FILE = """
- name: judged-run
  ci: true
  command: eval retrieval --run {folder}/run --qrels {folder}/qrels --measures "nDCG@10 Success@1"
  expect:
    metrics.nDCG@10.value: {{score: 0.75, tolerance: 0.001}}
    metrics.Success@1.value: {{score: 0.9, tolerance: 0.1}}
    metrics.P@3.value: {{score: 0.5}}
    questions: {{score: 1}}
- name: broken
  command: eval retrieval {folder}/none
  expect: {{questions: {{score: 1}}}}
- name: elsewhere
  command: eval retrieval {folder}/none
  needs: ["{folder}/not-here"]
  expect: {{questions: {{score: 1}}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "run").write_text("q1 Q0 a 1 2.0 x\nq2 Q0 z 1 2.0 x\nq2 Q0 b 2 1.0 x\n")
    (tmp_path / "qrels").write_text("q1 0 a 1\nq2 0 b 1\n")
    made = tmp_path / "expected.yaml"
    made.write_text(FILE.format(folder=tmp_path))
    return made


def test_commands_are_run_and_held_against_their_scores(file: Path, tmp_path: Path) -> None:
    said: list[str] = []
    results = list(check(read_expected(file), tmp_path / "work", said.append))
    told = {(result.name, result.measure): result for result in results}
    ndcg = told["judged-run", "metrics.nDCG@10.value"]
    assert ndcg.got == pytest.approx((1 + 0.6309) / 2, abs=1e-4)
    assert (ndcg.verdict, ndcg.told) == ("OK", "better than expected: raise it")
    assert told["judged-run", "metrics.Success@1.value"].verdict == "FAIL"  # 0.5
    assert told["judged-run", "metrics.P@3.value"].told == "not in the output"
    assert told["judged-run", "questions"].verdict == "OK"
    assert told["broken", "questions"].verdict == "FAIL"
    assert "is no folder" in told["broken", "questions"].told
    assert told["elsewhere", "questions"].verdict == "SKIP"
    assert [line.split(":")[0] for line in said] == ["judged-run", "broken"]


@pytest.mark.parametrize(
    ("expected", "got", "good", "beaten"),
    [
        (Expected(score=0.8, tolerance=0.05), 0.75, True, False),
        (Expected(score=0.8, tolerance=0.05), 0.7499, False, False),
        (Expected(score=0.8, tolerance=0.05), 0.9, True, True),
        (Expected(score=0.1, tolerance=0.05, lower=True), 0.15, True, False),
        (Expected(score=0.1, tolerance=0.05, lower=True), 0.2, False, False),
        (Expected(score=0.1, lower=True), 0.05, True, True),
    ],
)
def test_tolerances(expected: Expected, got: float, good: bool, beaten: bool) -> None:
    assert (expected.holds(got), expected.is_beaten(got)) == (good, beaten)


def test_which_entries_run(file: Path) -> None:
    entries = read_expected(file)
    assert [entry.name for entry in chosen(entries, [], ci=True)] == ["judged-run"]
    assert [entry.name for entry in chosen(entries, ["broken"], ci=True)] == ["broken"]
    assert len(chosen(entries, [], ci=False)) == 3
    with pytest.raises(InputError, match="there is no entry 'brokn'; known: broken"):
        chosen(entries, ["brokn"], ci=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- name: [", "is not YAML"),
        ("name: x", "holds no list"),
        ("- {name: x, command: y, expect: {}}", "entry 1: .*names no measure"),
        ("- {name: x, command: y, expect: {a: {score: 1, tolerence: 2}}}", "entry 1: expect.a.tolerence"),
        ("- &e {name: x, command: y, expect: {a: {score: 1}}}\n- *e", "'x' is used twice"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "expected.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_expected(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_expected(tmp_path / "none.yaml")


def test_the_shipped_file_is_sound_and_has_a_set_for_ci() -> None:
    entries = read_expected(ROOT / "eval" / "expected.yaml")
    assert any(entry.ci for entry in entries)
    assert all(not entry.needs for entry in entries if entry.ci)  # CI has the repository and no more
