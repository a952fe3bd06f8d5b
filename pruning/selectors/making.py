"""Selectors by name, with settings from outside."""

import dataclasses
from typing import Any

from pruning.selectors import SELECTORS, Selector


def make_selector(name: str, **settings: Any) -> Selector:
    """Make a selector.

    Parameters
    ----------
    name : str
        One of `pruning.selectors.SELECTORS`.
    **settings :
        Its fields; those that are not given have their defaults.

    Raises
    ------
    ValueError
        If there is no such selector or setting, or a value is of another type or out of range; what
        there is instead is said.
    """
    if name not in SELECTORS:
        raise ValueError(f"selector must be one of {', '.join(SELECTORS)}, not {name!r}")
    kind = SELECTORS[name]
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for setting, value in settings.items():
        if setting not in fields:
            known = f"one of {', '.join(fields)}" if fields else "none"
            raise ValueError(f"setting of {name} must be {known}, not {setting!r}")
        default = fields[setting].default
        number = isinstance(value, int | float) and not isinstance(value, bool)
        expected = type(default)
        if default is None or (expected is float and number):
            continue
        if type(value) is not expected:
            raise ValueError(f"{setting} of {name} must be like {default!r}, not {value!r}")
    return kind(**settings)
