"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int, str], None]
"""Called with the stage, the steps done, the steps in all and a message."""


def silent(stage: str, done: int, total: int, message: str) -> None:
    """Say nothing."""
