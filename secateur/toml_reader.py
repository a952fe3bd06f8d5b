"""TOML files as dataclasses, with errors that say where."""

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FEW = 16  # choices that a message names
_KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


@dataclass(frozen=True)
class TomlReader:
    """Turns the tables of one TOML file into dataclasses; knows where every key stands.

    A field's default decides its type; its metadata may have bounds (``low``, ``high``), the
    ``choices`` that there are and, of a list that is empty by default, an ``entry`` like those that
    it may hold. A field that is a dict takes any numbers, strings and booleans.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    text : str
        What it holds.
    """

    path: Path
    text: str

    def table(self, kind: type, values: Mapping[str, Any], where: tuple[str, ...] = ()) -> Any:
        """Make a dataclass of a table at a place.

        Raises
        ------
        ValueError
            If a key is unknown, missing, of a wrong type or out of bounds; the message names the
            file, the line and the key.
        """
        fields = {item.name: item for item in dataclasses.fields(kind)}
        for key in values:
            if key not in fields:
                raise self.error((*where, key), f"is unknown{suggest(key, fields)}")
        for name, item in fields.items():
            needed = item.default is item.default_factory  # neither is there
            if needed and name not in values:
                raise ValueError(f"{self.path}: {'.'.join((*where, name))} is missing")
        return kind(
            **{key: self._value(fields[key], value, (*where, key)) for key, value in values.items()}
        )

    def _value(self, item: dataclasses.Field, value: Any, where: tuple[str, ...]) -> Any:
        if item.default_factory is dict:
            return self._free(value, where)
        default = "" if item.default is dataclasses.MISSING else item.default
        if dataclasses.is_dataclass(default):
            if not isinstance(value, dict):
                raise self.error(where, f"must be a table, not {value!r}")
            return self.table(type(default), value, where)
        if isinstance(default, tuple):
            if not isinstance(value, list):
                raise self.error(where, f"must be a list, not {value!r}")
            first = default[0] if default else item.metadata["entry"]
            return tuple(self._scalar(item, first, entry, where) for entry in value)
        return self._scalar(item, default, value, where)

    def _free(self, value: Any, where: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(where, f"must be a table, not {value!r}")
        for key, entry in value.items():
            entries = entry if isinstance(entry, list) else [entry]
            if not all(isinstance(each, bool | int | float | str) for each in entries):
                raise self.error((*where, key), f"must be plain values, not {entry!r}")
        return dict(value)

    def _scalar(
        self, item: dataclasses.Field, default: Any, value: Any, where: tuple[str, ...]
    ) -> Any:
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(default):
            kind = _KINDS[type(default)]
            raise self.error(where, f"must be {kind}, not {value!r}")
        low, high = item.metadata.get("low"), item.metadata.get("high")
        if low is not None and not low <= value <= high:
            raise self.error(where, f"must be {low} to {high}, not {value!r}")
        choices = item.metadata.get("choices")
        if choices and value not in choices:
            few = len(choices) <= _FEW
            hint = "" if few else suggest(value, choices)
            known = f"one of {', '.join(choices)}" if few else "known"
            raise self.error(where, f"must be {known}, not {value!r}{hint}")
        return value

    def error(self, where: tuple[str, ...], sentence: str) -> ValueError:
        """Make the error of a key."""
        line = self._line(where)
        place = f"{self.path}:{line}" if line else f"{self.path}"
        return ValueError(f"{place}: {'.'.join(where)} {sentence}")

    def _line(self, where: tuple[str, ...]) -> int | None:
        """Find a key by its table's header and its own name; None if it is written otherwise."""
        table = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line):
                table = header[1]
                if table == ".".join(where):
                    return number
                continue
            key = re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line)
            if key and ".".join(filter(None, (table, key[1]))) == ".".join(where):
                return number
        return None


def suggest(word: str, known: Iterable[str]) -> str:
    """Make ``; did you mean 'x'?``, or nothing when nothing is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
