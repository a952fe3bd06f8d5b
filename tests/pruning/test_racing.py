import numpy as np
import pytest

from pruning.racing import course, race


def judged(errs: np.ndarray, seen: list[int]):
    def wrong(chosen, pictures):
        seen[0] += len(chosen) * len(pictures)
        return errs[np.ix_(list(chosen), pictures)]

    return wrong


@pytest.mark.parametrize("seed", range(20))
def test_the_first_of_the_best_wins_whatever_is_left_out(seed: int):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 90)
    labels = labels[course(labels, 16)]
    errs = rng.random((30, 90)) < rng.choice([0.3, 0.5, 0.8], (30, 1))
    errs[rng.integers(0, 30)] = errs[np.argmin(errs.sum(1))]  # a tie
    counts, seen = errs.sum(1), [0]
    best = (int(np.argmin(counts)), int(counts.min()))
    assert race(judged(errs, seen), 30, labels, 16) == best
    assert seen[0] < errs.size
    assert race(judged(errs, seen), 30, labels, 16, limit=best[1]) == best
    assert race(judged(errs, seen), 30, labels, 16, limit=best[1] - 1) is None


def test_a_hopeless_contestant_is_out_after_a_batch():
    errs = np.ones((10, 100), bool)
    errs[2, 10:] = False
    seen = [0]
    assert race(judged(errs, seen), 10, np.arange(100) % 5, 20) == (2, 10)
    assert seen[0] == 4 * 100 + 6 * 20


def test_a_course_has_every_picture_once_and_starts_with_all_classes():
    labels = np.random.default_rng(0).integers(0, 10, 317)
    order = course(labels, 40)
    assert sorted(order) == list(range(317))
    assert set(labels[order[:40]]) == set(range(10))
