from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest

from pruning.data import DataSet
from pruning.masks import Masks
from pruning.models import Model
from pruning.selectors import ParticleFilter, Problem, RandomMasks
from pruning.selectors.particle_filter import effective_size, normalised, resampled, softmax


class Recorded(Problem):
    """Remembers the masks that were scored, and their errors."""

    @cached_property
    def seen(self) -> list[tuple[list[Masks], list[int]]]:
        return []

    def scores(self, masks: Sequence[Masks]) -> list[int]:
        found = super().scores(masks)
        self.seen.append((list(masks), found))
        return found


def recorded(problem: Problem) -> Recorded:
    return Recorded(problem.model, problem.data, problem.units, problem.seed)


def test_hand_computed_weights():
    rates = np.array([0.5, 0.25, 0.25, 0.75])
    found = softmax(rates, 0.25)
    np.testing.assert_allclose(found, [np.exp(-1), 1, 1, np.exp(-2)])
    np.testing.assert_array_equal(softmax(np.array([0.3, 0.3]), 0.0), [1, 1])
    np.testing.assert_array_equal(normalised(np.array([1.0, 3, 0, 4])), [1 / 8, 3 / 8, 0, 1 / 2])
    np.testing.assert_array_equal(normalised(np.zeros(4)), [0.25] * 4)
    assert effective_size(np.array([0.5, 0.25, 0.25])) == 8 / 3
    assert effective_size(np.full(16, 1 / 16)) == 16
    assert effective_size(np.array([0.0, 1.0])) == 1


@pytest.mark.parametrize(
    ("weights", "count", "start", "expected"),
    [
        ([0.5, 0.25, 0.25], 4, 0.5, [0, 0, 1, 2]),
        ([0.5, 0.25, 0.25], 4, 0.0, [0, 0, 1, 2]),  # a share has its beginning, and not its end
        ([0.25, 0.75], 2, 0.25, [0, 1]),
        ([0.25, 0.75], 2, 0.75, [1, 1]),
        ([0.0, 1.0, 0.0], 3, 0.0, [1, 1, 1]),
        ([0.125, 0.125, 0.75], 3, 0.5, [1, 2, 2]),
        ([1.0], 2, 0.9, [0, 0]),
    ],
)
def test_hand_computed_resampling(weights, count, start, expected):
    np.testing.assert_array_equal(resampled(np.array(weights), count, start), expected)


def test_resampling_gives_every_particle_its_share():
    rng = np.random.default_rng(0)
    for _ in range(50):
        weights = normalised(rng.random(20) ** 4)
        counts = np.bincount(resampled(weights, 33, rng.random()), minlength=20)
        assert counts.sum() == 33
        assert (np.floor(33 * weights - 1e-9) <= counts).all()
        assert (counts <= np.ceil(33 * weights + 1e-9)).all()


def test_every_generation_has_all_particles_and_exact_masks(ask, trained: Model):
    problem = recorded(ask(trained, "kernel", seed=1))
    selection = ParticleFilter(particles=7, generations=4).select(problem)
    assert [len(masks) for masks, _ in problem.seen] == [7] * 4
    assert len(selection.candidates) == 28
    for masks, _ in problem.seen:
        for unit in problem.units:
            for particle in masks:
                unit.check(particle[unit.name])
    assert {name: len(values) for name, values in selection.log.items()} == dict.fromkeys(
        ("best", "mean", "effective", "weights"), 4
    )


def test_the_log_follows_from_the_errors(ask, trained: Model):
    problem = recorded(ask(trained, "kernel", seed=1))
    log = ParticleFilter(particles=8, generations=3, anneal=0.5, resample=1).select(problem).log
    for generation, (_, errors) in enumerate(problem.seen):
        rates = np.array(errors) / len(problem.data.validation)
        weights = np.exp(-(rates - rates.min()) / (rates.std() * 0.5**generation))
        weights /= weights.sum()
        assert (log["best"][generation], log["mean"][generation]) == (min(errors), np.mean(errors))
        np.testing.assert_allclose(log["weights"][generation], weights)
        assert log["effective"][generation] == pytest.approx(1 / (weights**2).sum())


def test_the_first_of_the_best_wins(ask, trained: Model, digits: DataSet):
    few = replace(digits, validation=digits.validation[:4])  # so that many are equal
    problem = recorded(replace(ask(trained, "kernel", seed=3), data=few))
    selection = ParticleFilter(particles=6, generations=4, elites=0, mutation=0.3).select(problem)
    masks = [particle for generation, _ in problem.seen for particle in generation]
    errors = [error for _, generation in problem.seen for error in generation]
    assert selection.candidates == tuple(errors)
    best = errors.index(min(errors))
    assert errors.count(min(errors)) > 1
    assert min(errors[best // 6 * 6 + 6 :]) == min(errors)  # in a later generation
    for name, mask in masks[best].items():
        np.testing.assert_array_equal(selection.masks[name], mask)


def test_the_first_generation_is_that_of_random_masks(ask, trained: Model):
    problem = ask(trained, "kernel", seed=5)
    drawn = RandomMasks(9).select(problem)
    one = ParticleFilter(particles=9, generations=1).select(problem)
    assert one.candidates == drawn.candidates
    for name, mask in drawn.masks.items():
        np.testing.assert_array_equal(one.masks[name], mask)


@pytest.mark.parametrize("resample", [0, 1])
def test_elites_pass_unchanged(ask, trained: Model, resample):
    problem = recorded(ask(trained, "kernel", seed=2))
    selector = ParticleFilter(6, 4, elites=2, resample=resample, crossover=1, mutation=0.2)
    log = selector.select(problem).log
    for (before, errors), (after, _) in zip(problem.seen, problem.seen[1:], strict=False):
        for at, best in enumerate(np.argsort(errors, kind="stable")[:2]):
            for name, mask in before[best].items():
                np.testing.assert_array_equal(after[at][name], mask)
    assert log["best"] == sorted(log["best"], reverse=True)


@pytest.mark.parametrize("elites", [0, 2])
def test_weights_accumulate_until_particles_are_resampled(ask, trained: Model, elites):
    problem = recorded(ask(trained, "kernel", seed=4))
    settings = {"elites": elites, "crossover": 0, "mutation": 0, "likelihood": "accuracy"}
    log = ParticleFilter(5, 3, resample=0, **settings).select(problem).log
    (_, first), *_ = problem.seen
    assert len(set(first)) == 5
    for power, ((_, errors), weights) in enumerate(
        zip(problem.seen, log["weights"], strict=True), 1
    ):
        assert sorted(errors) == sorted(first)  # nothing has changed but the weights
        accuracies = (1 - np.array(errors) / len(problem.data.validation)) ** power
        np.testing.assert_allclose(weights, accuracies / accuracies.sum())


def test_resampling_alone_copies_particles_by_weight(ask, trained: Model):
    problem = recorded(ask(trained, "kernel", seed=4))
    selector = ParticleFilter(5, 2, resample=1, elites=0, crossover=0, mutation=0)
    weights = np.array(selector.select(problem).log["weights"][0])
    (_, first), (_, second) = problem.seen
    assert len(set(first)) == 5  # so that errors tell particles apart
    copies = np.array([second.count(errors) for errors in first])
    assert (np.abs(copies - 5 * weights) < 1).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"particles": 0}, "particles must be at least 1, not 0"),
        ({"generations": 0}, "generations must be at least 1, not 0"),
        ({"likelihood": "errors"}, "likelihood must be softmax or accuracy, not 'errors'"),
        ({"anneal": 0}, "anneal must be above 0 and at most 1, not 0"),
        ({"elites": 100}, "elites must be 0 to 99, not 100"),
        ({"crossover": 1.5}, "crossover must be 0 to 1, not 1.5"),
        ({"mutation": -1}, "mutation must be 0 to 1, not -1"),
        ({"resample": 2}, "resample must be 0 to 1, not 2"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        ParticleFilter(**settings)
