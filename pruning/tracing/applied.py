"""What a recorded call turns out to be."""

from dataclasses import dataclass

from pruning.graph import Node, Operation


@dataclass(frozen=True)
class Applied:
    """An operation on some maps."""

    operation: Operation
    inputs: tuple[Node, ...]
