"""Racing: the one with the fewest errors, found without counting all errors of the others."""

import heapq
from collections.abc import Callable, Sequence

import numpy as np

PILOTS = 4  # that are judged on all pictures, to know a good score and the difficult classes
_WEIGHT = 2  # pictures that what the pilots say about a class is worth

Wrong = Callable[[Sequence[int], np.ndarray], np.ndarray]
"""Of contestants, given by index, whether each errs on pictures, given by index: 2-D bool."""


def course(labels: np.ndarray, batch: int) -> np.ndarray:
    """Order pictures for a race: a batch of all classes, then class by class.

    Parameters
    ----------
    labels : (N,) int
        Classes of the pictures.
    batch : int
        Pictures that are judged at a time.
    """
    order = np.argsort(labels, kind="stable")
    spread = np.arange(0, len(order), -(-len(order) // batch))
    return np.concatenate((order[spread], np.delete(order, spread)))


def race(
    wrong: Wrong, count: int, labels: np.ndarray, batch: int, limit: int | None = None
) -> tuple[int, int] | None:
    """Find the contestant with the fewest errors, of equals the first.

    Always the one with the fewest errors so far goes on, with pictures of the classes that it errs
    on most; it is out once it cannot win any more. The result is that of judging all on all
    pictures, whatever their order; it is found the earliest if that is a `course`.

    Parameters
    ----------
    wrong : Callable
        Judges contestants.
    count : int
        Number of contestants, at least 1.
    labels : (N,) int
        Classes of the pictures.
    batch : int
        Pictures that are judged at a time, neighbours.
    limit : int, optional
        Most errors that count; None is found if all have more.

    Returns
    -------
    index, errors : int
    """
    names, classes = np.unique(labels, return_inverse=True)
    parts = np.split(np.arange(len(labels)), range(batch, len(labels), batch))
    shares = np.stack([np.bincount(classes[part], minlength=len(names)) for part in parts])
    pilots = range(min(PILOTS, count))
    errs = np.concatenate([wrong(pilots, part) for part in parts], 1)
    prior = np.bincount(classes, errs.mean(0)) / shares.sum(0)
    ends = [(int(errors), at) for at, errors in enumerate(errs.sum(1))]
    best = min([*ends, (len(labels) + 1 if limit is None else limit + 1, -1)])

    racing = range(len(pilots), count)
    left = {at: list(range(len(parts))) for at in racing}
    wrongs = [prior * _WEIGHT] * count  # of every class, with what the pilots say
    rights = [(1 - prior) * _WEIGHT] * count
    queue = [(0, at) for at in racing]
    while queue and queue[0] < best:
        errors, at = heapq.heappop(queue)
        if not left[at]:
            best = errors, at  # all others have as many already
            break
        rates = shares[left[at]] @ (wrongs[at] / (wrongs[at] + rights[at]))
        means = rates / shares[left[at]].sum(1)
        first = left[at][0] == 0  # the batch of all classes, which tells the most
        part = left[at].pop(0 if first else int(means.argmax()))
        found = wrong([at], parts[part])[0]
        mistakes = np.bincount(classes[parts[part]], found, len(names))
        wrongs[at] = wrongs[at] + mistakes
        rights[at] = rights[at] + shares[part] - mistakes
        heapq.heappush(queue, (errors + int(found.sum()), at))
    return None if best[1] < 0 else (best[1], best[0])
