"""A fixed number of threads, on which the last bits of a sum depend."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Compute with `count` threads inside the block."""
    if count < 1:
        raise ValueError(f"threads must be at least 1, not {count!r}")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
