"""Contents of read-only memories, of which only what varies is stored."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LUT_BITS = 16  # bits of a memory that take a LUT4


@dataclass(frozen=True, eq=False)
class Rom:
    """Words of a read-only memory, field by field.

    A bit that has one value, or is always the same as another one, is not stored.

    Parameters
    ----------
    fields : dict of str to (depth,) int
        Values of each field, not negative.
    """

    fields: dict[str, np.ndarray]

    @staticmethod
    def cyclic(fields: dict[str, np.ndarray]) -> "Rom":
        """Make the memory of words that are read around and around: one period of them."""
        words = np.stack(list(fields.values()), axis=1)
        sizes = np.arange(1, len(words) + 1)
        period = next(
            p
            for p in sizes[len(words) % sizes == 0].tolist()
            if np.array_equal(words[p:], words[: len(words) - p])
        )
        return Rom({name: values[:period] for name, values in fields.items()})

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))

    @cached_property
    def _stored(self) -> tuple[dict[str, list[int | None]], np.ndarray]:
        """Of every bit of a field, which of those stored it is; and those, (depth, width)."""
        first: dict[bytes, int] = {}
        columns: list[np.ndarray] = []
        sources: dict[str, list[int | None]] = {}
        for name, values in self.fields.items():
            sources[name] = []
            bits = np.arange(int(values.max()).bit_length())[:, None]
            for column in ((values >> bits) & 1).astype(np.uint8):
                key = column.tobytes()
                if not 0 < key.count(1) < len(key):
                    sources[name].append(None)
                    continue
                if key not in first:
                    first[key] = len(columns)
                    columns.append(column)
                sources[name].append(first[key])
        stored = np.stack(columns, axis=1) if columns else np.zeros((len(self), 0), np.uint8)
        return sources, stored

    @property
    def sources(self) -> dict[str, list[int | None]]:
        """Of every bit of every field, the stored bit that it is; None if it is constant."""
        return self._stored[0]

    @property
    def contents(self) -> np.ndarray:
        """Bits that are stored (depth, width)."""
        return self._stored[1]

    @property
    def width(self) -> int:
        """Width of a word as it is stored."""
        return self.contents.shape[1]

    @property
    def words(self) -> list[int]:
        """Words as they are stored."""
        return [sum(bit << k for k, bit in enumerate(word)) for word in self.contents.tolist()]

    @property
    def bits(self) -> int:
        """Bits that are stored."""
        return len(self) * self.width
