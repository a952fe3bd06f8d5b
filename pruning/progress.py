"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int, str], None]
"""Called with the stage, the steps done, the steps in all and a message."""

Log = Callable[[int, float, int], None]
"""Called after every epoch of training with its number, the loss of its last batch and the
validation errors."""


def silent(stage: str, done: int, total: int, message: str) -> None:
    """Say nothing."""
