"""Coding by kernel in which walks leave out the rows that lie outside the picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import numpy as np

from hw.kernel_coding import KernelProgram
from hw.rom import Rom
from hw.walk import Taps

# Fields of a pattern, of which each class of rows has a view of its own.
VIEWED = ("row", "word", "blank", "end", "skip", "step")


@dataclass(frozen=True, eq=False)
class SkippingProgram:
    """A program whose walks leave out the rows that are outside in a class of rows.

    Each class has its own view of the patterns. At every place of a walk it has the next tap that
    is inside, and how many places lie before it; a walk of which nothing is left has one blank tap.

    Parameters
    ----------
    base : KernelProgram
        What is walked where all rows are inside.
    outside : tuple of frozenset of int
        For each class, the rows of the window that are outside.
    length : int
        Entries of a pass of `base`.
    waits : bool
        Whether other sequencers ever walk longer.
    """

    base: KernelProgram
    outside: tuple[frozenset[int], ...]
    length: int
    waits: bool

    @property
    def pitch(self) -> int:
        """Channels from one walk to the next one of a segment."""
        return self.base.pitch

    @property
    def channels(self) -> int:
        """Places of channels that are counted."""
        return self.base.channels

    @property
    def disjoint(self) -> bool:
        """Whether words and channels have no bit in common."""
        return self.base.disjoint

    @cached_property
    def patterns(self) -> Rom:
        """Fields of `KernelProgram.patterns` for each class, ``row_k``, and those that are new.

        ``skip_k`` is the number of places before the tap, ``step_k`` that to the next tap or, at
        the end of a walk, to the end of the whole one.
        """
        fields = {}
        for index, view in enumerate(self._views):
            fields |= {f"{name}_{index}": values for name, values in view.items()}
        return Rom(fields)

    @cached_property
    def segments(self) -> Rom:
        """Segments; where others walk longer the last one of a pass is marked ``final``."""
        if not self.waits:
            return self.base.segments
        starts, _ = self._walks
        fields = self.base.segments.fields
        turns = len(starts) // int((fields["more"] + 1).sum())
        tiled = {name: np.tile(values, turns) for name, values in fields.items()}
        final = np.arange(len(tiled["more"])) == len(tiled["more"]) - 1
        return Rom(tiled | {"final": final.astype(int)})

    @property
    def bits(self) -> int:
        """Bits of its memories."""
        return self.patterns.bits + self.segments.bits

    @property
    def luts(self) -> int:
        """LUT4s, roughly, beside its memories: those of `base`, and of the places of weights."""
        return self.base.luts + 3 * (self.length - 1).bit_length()

    def counts(self, index: int) -> np.ndarray:
        """Taps (K,) of every walk of a pass, in a class."""
        starts, _ = self._walks
        view = self._views[index]
        taps = {start: len(list(_chain(view, start))) for start in set(starts.tolist())}
        return np.array([taps[start] for start in starts.tolist()])

    def walk_of(self, entry: int) -> int:
        """Walk of a pass to which an entry of `base` belongs."""
        _, first = self._walks
        return int(np.searchsorted(first, entry, side="right")) - 1

    def decode(self, length: int) -> Taps:
        """Taps of so many entries where all rows are inside."""
        return self.base.decode(length)

    def decode_class(self, index: int, length: int) -> tuple[Taps, np.ndarray]:
        """Taps of a pass in a class, and their places among those of `base`, (length, 1) each."""
        view, fields = self._views[index], self.base.segments.fields
        starts, entries = (values.tolist() for values in self._walks)
        runs = zip(fields["local"].tolist(), fields["more"].tolist(), strict=True)
        period = [first + self.pitch * k for first, more in runs for k in range(more + 1)]
        found = [
            (
                *(view["row"][at], view["word"][at] + local, view["blank"][at]),
                entry + at + view["skip"][at] - start,
            )
            for start, entry, local in zip(starts, entries, cycle(period), strict=False)
            for at in _chain(view, start)
        ]
        found += [(0, 0, 1, 0)] * (length - len(found))
        row, offset, blank, entry = np.array(found).T[:, :, None]
        return Taps(row, offset, blank > 0), entry

    @cached_property
    def _walks(self) -> tuple[np.ndarray, np.ndarray]:
        """Of every walk of a pass: where it starts in the patterns, and its first entry."""
        segments, ends = self.base.segments.fields, self.base.patterns.fields["end"]
        starts = np.repeat(segments["start"], segments["more"] + 1)
        lengths = np.array([int(ends[start:].argmax()) + 1 for start in starts.tolist()])
        turns = self.length // int(lengths.sum())
        starts, lengths = np.tile(starts, turns), np.tile(lengths, turns)
        return starts, np.cumsum(lengths) - lengths

    @cached_property
    def _views(self) -> tuple[dict[str, np.ndarray], ...]:
        starts = set(self.base.segments.fields["start"].tolist())
        return tuple(_view(self.base.patterns.fields, rows, starts) for rows in self.outside)


def _chain(view: dict[str, np.ndarray], start: int) -> Iterator[int]:
    """Places at which a walk looks, one after the other."""
    while not view["end"][start]:
        yield start
        start += int(view["step"][start])
    yield start


def _view(
    patterns: dict[str, np.ndarray], outside: frozenset[int], starts: set[int]
) -> dict[str, np.ndarray]:
    """Patterns as a class sees them; places at which no walk looks are as they are."""
    many = len(patterns["end"])
    view = {name: values.copy() for name, values in patterns.items()}
    view |= {"skip": np.zeros(many, np.int64), "step": np.ones(many, np.int64)}
    waiting = sorted(starts)
    while waiting:
        at = waiting.pop()
        stop = at + int(patterns["end"][at:].argmax()) + 1
        inside = [
            n for n in range(at, stop) if patterns["blank"][n] or patterns["row"][n] not in outside
        ]
        tap = inside[0] if inside else at
        for name in ("row", "word", "blank"):
            view[name][at] = patterns[name][tap]
        if not inside:
            view["blank"][at] = 1
        end = len(inside) < 2
        view["skip"][at], view["end"][at] = tap - at, end
        view["step"][at] = (stop if end else tap + 1) - at
        if not end:
            waiting.append(tap + 1)
    return view
