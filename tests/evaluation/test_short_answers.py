from __future__ import annotations

import pytest

from rag.evaluation.short_answers import exact, f1


@pytest.mark.parametrize(
    ("given", "gold", "same", "overlap"),
    [
        pytest.param("The Nissan, Motor!", ["nissan motor"], 1.0, 1.0, id="case, articles, marks"),
        pytest.param("March 2025", ["in March 2025", "April"], 0.0, 0.8, id="the nearest wording"),
        pytest.param("a b a", ["b b"], 0.0, 2 / 3, id="words counted once each"),  # both "a" are articles
        pytest.param("Honda", ["Nissan"], 0.0, 0.0, id="nothing in common"),
        pytest.param("", [], 1.0, 1.0, id="refused, rightly"),
        pytest.param("", ["Nissan"], 0.0, 0.0, id="refused, wrongly"),
        pytest.param("Nissan", [], 0.0, 0.0, id="answered, wrongly"),
        pytest.param("the", ["a"], 1.0, 1.0, id="nothing but articles"),
    ],
)
def test_as_the_official_script_counts(given: str, gold: list[str], same: float, overlap: float) -> None:
    assert exact(given, gold) == same
    assert f1(given, gold) == pytest.approx(overlap)
