import numpy as np
import pytest

from pruning.selectors.additive import RIDGES, fit


def example(masks: int, units: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(masks)
    removed = rng.random((masks, units)) < 0.4
    return removed, removed @ rng.normal(size=units) + noise * rng.normal(size=masks) + 2


def closed_form(removed: np.ndarray, costs: np.ndarray, ridge: float) -> np.ndarray:
    columns = removed - removed.mean(0)
    square = columns.T @ columns + ridge * np.eye(columns.shape[1])
    return np.linalg.solve(square, columns.T @ (costs - costs.mean()))


@pytest.mark.parametrize(("masks", "units"), [(40, 7), (12, 30)])
@pytest.mark.parametrize("ridge", [0.1, 10])
def test_coefficients_and_scores(masks, units, ridge):
    removed, costs = example(masks, units)
    model = fit(removed, costs, ridge)
    expected = closed_form(removed, costs, ridge)
    np.testing.assert_allclose(model.coefficients, expected, rtol=1e-8)
    assert model.ridge == ridge
    rest = costs - costs.mean()
    missed = rest - (removed - removed.mean(0)) @ expected
    assert model.fitted == pytest.approx(1 - (missed**2).sum() / (rest**2).sum())
    left_out, means = [], []
    for at in range(masks):  # by fitting again without each
        others = np.delete(removed, at, 0), np.delete(costs, at)
        moved = removed[at] - others[0].mean(0)
        predicted = others[1].mean() + moved @ closed_form(*others, ridge)
        left_out.append((costs[at] - predicted) ** 2)
        means.append((costs[at] - others[1].mean()) ** 2)
    assert model.held_out == pytest.approx(1 - sum(left_out) / sum(means))
    assert model.held_out < model.fitted


def test_an_additive_cost_is_found():
    removed, costs = example(60, 9, noise=0)
    model = fit(removed, costs)
    rng = np.random.default_rng(60)
    rng.random((60, 9))
    np.testing.assert_allclose(model.coefficients, rng.normal(size=9), atol=1e-3)
    assert model.ridge == RIDGES[0]
    assert model.held_out > 0.9999


def test_the_penalty_that_predicts_best_is_taken():
    removed, costs = example(30, 25, noise=1)
    model = fit(removed, costs)
    every = [fit(removed, costs, ridge).held_out for ridge in RIDGES.tolist()]
    assert model.ridge == RIDGES[np.argmax(every)]
    assert RIDGES[0] < model.ridge < RIDGES[-1]


def test_costs_that_do_not_differ_are_explained_by_nothing():
    removed, _ = example(10, 4)
    model = fit(removed, np.full(10, 3.0))
    np.testing.assert_array_equal(model.coefficients, np.zeros(4))
    assert (model.fitted, model.held_out) == (0, 0)
