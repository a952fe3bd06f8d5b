"""Exit codes of the commands, and the errors that stand for them."""

OK = 0
USER_ERROR = 2
MISMATCH = 3
BUDGET = 4
TOOL = 5
TIME_OUT = 124
INTERRUPTED = 130


class VerificationError(RuntimeError):
    """The simulated hardware does not do what the network or the cost model says."""


class BudgetError(RuntimeError):
    """A budget is too small for what it must hold."""
