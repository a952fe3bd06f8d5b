"""Racing: the one with the fewest errors, found without counting all errors of the others."""

import heapq
from collections.abc import Callable, Sequence

import numpy as np

PILOTS = 4  # that are judged on all pictures, to know a good score and the difficult classes
_WEIGHT = 2  # pictures that what the pilots say about a class is worth

Wrong = Callable[[Sequence[int], np.ndarray], np.ndarray]
"""Of contestants, given by index, whether each errs on pictures, given by index: 2-D bool."""


def race(
    wrong: Wrong, count: int, labels: np.ndarray, batch: int, limit: int | None = None
) -> tuple[int, int] | None:
    """Find the contestant with the fewest errors, of equals the first.

    Always the one with the fewest errors so far goes on, with pictures of the classes that it errs
    on most. It is out once it cannot win any more. The result is that of judging all on all
    pictures, whatever the order.

    Parameters
    ----------
    wrong : Callable
        Judges contestants.
    count : int
        Number of contestants.
    labels : (N,) int
        Classes of the pictures.
    batch : int
        Pictures that are judged at a time.
    limit : int, optional
        Most errors that count; None is found if all have more.

    Returns
    -------
    index, errors : int
    """
    best = (len(labels) + 1 if limit is None else limit + 1, -1)
    classes = np.unique(labels, return_inverse=True)[1]
    pilots = list(range(min(PILOTS, count)))
    parts = [np.arange(at, min(at + batch, len(labels))) for at in range(0, len(labels), batch)]
    seen = np.concatenate([wrong(pilots, part) for part in parts], 1)
    best = min(best, *((int(errors), at) for at, errors in zip(pilots, seen.sum(1), strict=True)))
    prior = np.bincount(classes, seen.mean(0)) / np.bincount(classes)
    left = {at: np.ones(len(labels), bool) for at in range(len(pilots), count)}
    rates = {at: _Rates(prior) for at in left}
    queue = [(0, at) for at in left]
    while queue and queue[0] < best:
        errors, at = heapq.heappop(queue)
        remaining = np.flatnonzero(left[at])
        if not len(remaining):
            best = (errors, at)
            break  # all others have as many already, or more
        order = np.argsort(-rates[at].values[classes[remaining]], kind="stable")
        part = np.sort(remaining[order[:batch]])
        errs = wrong([at], part)[0]
        left[at][part] = False
        rates[at].add(classes[part], errs)
        heapq.heappush(queue, (errors + int(errs.sum()), at))
    return None if best[1] < 0 else (best[1], best[0])


class _Rates:
    """Share of a contestant's errors in every class, as far as is known."""

    def __init__(self, prior: np.ndarray) -> None:
        self.errors, self.pictures = prior * _WEIGHT, np.full(len(prior), float(_WEIGHT))

    def add(self, classes: np.ndarray, errs: np.ndarray) -> None:
        self.errors += np.bincount(classes, errs, len(self.errors))
        self.pictures += np.bincount(classes, minlength=len(self.errors))

    @property
    def values(self) -> np.ndarray:
        return self.errors / self.pictures
