"""Learning rates: how they rise and fall from step to step."""

import math


def cosine(step: int, steps: int, warm_up: int = 0) -> float:
    """Part of the rate at a step, from 0: rises along a line, falls to zero along half a cosine.

    Parameters
    ----------
    steps : int
        Steps in all.
    warm_up : int
        Steps before the whole rate is reached, at step `warm_up`.
    """
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    return (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) / 2


def constant(step: int, steps: int, warm_up: int = 0) -> float:
    """Part of the rate at a step, from 0: rises along a line, and stays."""
    return min(1.0, (step + 1) / (warm_up + 1))


RATES = {"cosine": cosine, "constant": constant}
