"""From a module to its graph: recording, and reading what was recorded."""

from pruning.tracing.trace import trace

__all__ = ["trace"]
