from __future__ import annotations

import numpy as np
import pytest

from rag.training.calibrate import answer_f1, auc, best_threshold, fit_logistic, macro_f1


def test_logistic_regression_finds_what_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 2))
    chance = 1 / (1 + np.exp(-(1.5 * features[:, 0] - 0.7 * features[:, 1] + 0.4)))
    labels = (rng.random(20_000) < chance).astype(float)
    assert fit_logistic(features, labels, np.ones(20_000)) == pytest.approx([1.5, -0.7, 0.4], abs=0.08)


def test_best_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(1)
    scores, above, below = rng.random(60), rng.random(60), rng.random(60)

    def total(cut: float) -> float:
        return float(np.where(scores >= cut, above, below).sum())

    found = best_threshold(scores, above, below)
    assert total(found) == pytest.approx(max(total(cut) for cut in [*scores, 2.0]))


@pytest.mark.parametrize(
    ("given", "right", "f1"),
    [
        ("the Eiffel Tower", ["Eiffel tower."], 1.0),
        ("Eiffel", ["Eiffel Tower"], 2 / 3),
        ("Paris", ["London", "in Paris"], 2 / 3),
        ("", [], 1.0),
        ("Paris", [], 0.0),
    ],
)
def test_answers_are_compared_as_squad_does(given: str, right: list[str], f1: float) -> None:
    assert answer_f1(given, right) == pytest.approx(f1)


def test_auc_counts_ties_half() -> None:
    right = np.array([True, True, False, False])
    assert auc(np.array([0.9, 0.8, 0.2, 0.1]), right) == 1.0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), right) == 0.5
    assert auc(np.array([0.9, 0.3, 0.3, 0.1]), right) == pytest.approx(0.875)


def test_macro_f1_is_the_mean_over_both_classes() -> None:
    right = np.array([True, True, False, False])
    assert macro_f1(right, right) == 1.0
    assert macro_f1(right, np.array([True, True, True, True])) == pytest.approx((2 / 3) / 2)
