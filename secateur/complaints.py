"""Sentences about hardware that does something else than it must."""

from collections.abc import Sequence
from typing import Any


def differences(name: str, results: Sequence[Any]) -> list[str]:
    """Say what one design computed wrongly, and where it broke the protocol, in several runs."""
    found = []
    for result in results:
        if result.first_mismatch is not None:
            first = result.first_mismatch
            found.append(
                f"{name}: {result.mismatches} elements differ with stalls {result.stalls}, the "
                f"first in {first.output}, frame {first.frame}, channel {first.channel}, "
                f"row {first.row}, column {first.column}: {first.actual}, not {first.expected}"
            )
        found += [f"{name}: {text} (stalls {result.stalls})" for text in result.protocol_errors]
    return found


def unlike(what: str, predicted: int, simulated: int | None) -> str:
    """Say that something did not take the cycles that it must take."""
    return f"{what} must be {predicted} cycles as predicted, not {simulated}"
