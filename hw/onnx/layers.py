"""Makes integer layers of what a quantised ONNX graph says, exactly where it saturates, too.

A layer saturates at the ends of its format only. A range that is no format, such as that of a zero
point in the middle of nowhere, takes more layers: the result is raised until the format of unsigned
numbers saturates at the right end, and then, by a channel-wise 1x1 convolution, lowered again.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hw.activation import NAME
from hw.layers import Concat, Conv, Input, Layer, MaxPool
from hw.onnx.formats import WIDTHS, fitting, holding
from hw.onnx.terms import ConvTerms, Scaled
from hw.onnx.values import Codes, Grid, Map, Picture, Pool, Rounded, Shape, Sum, Together

_FINE = 2**-5  # a bias, which is a whole number of products, can so raise a result well enough


class LayerWriter:
    """Layers of a network, in the order in which they are made."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self._names: set[str] = set()
        self._joined: dict[Together, Map] = {}
        self._entered: tuple[Grid, Map] | None = None

    def settled(self, codes: Codes) -> Map:
        """Map that codes stand for; made at the first call."""
        if codes.made is None:
            source, grid = codes.source, codes.grid
            if isinstance(source, Rounded):
                source = self.settled(source.codes)
            if isinstance(source, Picture):
                codes.made = self._picture(source, grid)
            elif isinstance(source, Sum):
                try:
                    codes.made = self._rounded(source, grid)
                except ValueError as error:
                    raise ValueError(f"result of node {source.name!r}: {error}") from error
            elif isinstance(source, Together):
                codes.made = self._together(source, grid)
            else:
                codes.made = self._again(source, grid)
        return codes.made

    def joined(self, source: Together) -> Map:
        """Concatenate maps of one format; once, whoever asks for it."""
        if source in self._joined:
            return self._joined[source]
        first = source.maps[0]
        name = self._name(source.name)
        self.layers.append(Concat(name, tuple(m.layer for m in source.maps)))
        low, high = min(m.low for m in source.maps), max(m.high for m in source.maps)
        made = replace(first, layer=name, shape=source.shape, low=low, high=high, flat=source.flat)
        self._joined[source] = made
        return made

    def pooled(self, pool: Pool, source: Map, shape: Shape) -> Map:
        """Put max pooling behind a map; the shape is that of the result."""
        name = self._name(pool.name)
        self.layers.append(MaxPool(name, source.layer, pool.kernel, pool.stride, pool.padding))
        return replace(source, layer=name, shape=shape)

    def raw(self, source: Sum) -> str:
        """Leave sums as they are, at the end of a network; or in 16 bits if their scales differ."""
        terms = source.terms
        if not isinstance(terms, ConvTerms) or not source.plain:
            raise ValueError(f"result of node {source.name!r} must be quantised, as an output")
        units = terms.units
        if np.ptp(units) <= 1e-6 * units.max():
            name = self._name(source.name)
            self.layers.append(terms.conv(name, terms.biases(), scale=float(units.max())))
            return name
        most = max(np.abs(s * units).max() for s in terms.sums(terms.biases()))
        return self._rounded(source, Grid(float(most) / 32767, -32768, 32767)).layer

    def _picture(self, source: Picture, grid: Grid) -> Map:
        if self._entered is not None:
            if self._entered[0] == grid:
                return self._entered[1]
            raise ValueError(f"input {source.name!r} must be quantised once, not in several ways")
        low, high = grid.low + grid.zero, grid.high + grid.zero
        bits, signed = holding(low, high)
        offset = (grid.zero,) * source.shape[0] if grid.zero else ()
        made = Input(self._name(source.name), source.shape, bits, grid.step, offset, signed)
        self.layers.append(made)
        form, ends = made.output(), (grid.low, grid.high)
        args = (made.name, source.shape, grid.step, *ends, form.bits, form.signed)
        found = Map(*args, flat=source.flat)
        self._entered = grid, found
        return found

    def _again(self, source: Map, grid: Grid) -> Map:
        """Quantise a map that is quantised: nothing, if all its elements stay."""
        same = abs(source.step - grid.step) <= 1e-6 * grid.step
        if same and grid.low <= source.low and source.high <= grid.high:
            return source
        made = self._rounded(unchanged(f"{source.layer}_again", source.bare), grid)
        return replace(made, padding=source.padding, flat=source.flat)

    def _together(self, source: Together, grid: Grid) -> Map:
        """Bring maps to one format, and concatenate them."""
        again = [unchanged(f"{source.name}_{old.layer}", old) for old in source.maps]
        reached = [found.terms.scaled(grid.step) for found in again]
        reach = min(r.least for r in reached), max(r.most for r in reached)
        form = fitting(grid.low, grid.high, *reach)
        maps = []
        for old, found in zip(source.maps, again, strict=True):
            inside = grid.low <= old.low and old.high <= grid.high
            kept = inside and (old.step, old.bits, old.signed) == (grid.step, *(form or ()))
            maps.append(old if kept else self._rounded(found, grid, reach))
        return self.joined(replace(source, maps=tuple(maps)))

    def _rounded(self, source: Sum, grid: Grid, reach: tuple[int, int] | None = None) -> Map:
        """Round a sum; `reach` is the range that its format is chosen for. Default: its own."""
        low = int(max(grid.low, np.rint(source.low / grid.step)))
        high = int(min(grid.high, np.rint(source.high / grid.step)))
        if not (low <= 0 <= high and low < high):
            raise ValueError(f"zero must lie in its range, not {low} to {high}")
        scaled = source.terms.scaled(grid.step)
        form = fitting(low, high, *(reach or (scaled.least, scaled.most)))
        if form is None:
            made, form = self._limited(source, scaled, grid.step, low, high)
        else:
            made = self._append(scaled, source.name, *form)
        low, high = max(low, min(scaled.least, 0)), min(high, max(scaled.most, 1))
        found = Map(made, source.shape, grid.step, low, high, *form, flat=source.flat)
        for pool in source.pools:
            found = self.pooled(pool, found, source.shape)
        return found

    def _limited(
        self, source: Sum, scaled: Scaled, step: float, low: int, high: int
    ) -> tuple[str, tuple[int, bool]]:
        """Round a sum to a range that is no format: first its upper end, then its lower one."""
        form = holding(low, high)
        bits = next(width for width in WIDTHS if (1 << width) > high - low)
        raised, name = (1 << bits) - 1 - high, source.name
        if isinstance(source.terms, ConvTerms) and source.terms.units.max() <= _FINE * step:
            made = self._append(source.terms.scaled(step, raised), f"{name}_raised", bits, False)
        else:
            wide = fitting(-(1 << 15), (1 << 15) - 1, scaled.least, scaled.most)
            assert wide is not None
            made = self._append(scaled, f"{name}_wide", *wide)
            made = self._shift(f"{name}_raised", made, source, raised, (bits, False), step)
        if not form[1] or low in (high + 1 - (1 << bits), -(1 << (form[0] - 1))):
            return self._shift(name, made, source, -raised, form, step), form
        made = self._shift(f"{name}_above", made, source, -raised - low, (bits, False), step)
        return self._shift(name, made, source, low, form, step), form

    def _shift(
        self, name: str, layer: str, source: Sum, amount: int, form: tuple[int, bool], step: float
    ) -> str:
        """Add a number to every element, and saturate."""
        channels = source.shape[0]
        ones = np.ones(channels, np.int64)
        name = self._name(name)
        made = Conv(
            name,
            layer,
            ones.reshape(-1, 1, 1, 1),
            amount * ones,
            2 * ones,  # over 2**1: one
            ones,
            groups=channels,
            weight_bits=2,
            bits=form[0],
            signed=form[1],
            scale=step,
        )
        self.layers.append(made)
        return name

    def _append(self, scaled: Scaled, name: str, bits: int, signed: bool) -> str:
        name = self._name(name)
        self.layers.append(scaled.layer(name, bits, signed))
        return name

    def _name(self, wanted: str) -> str:
        """Make an identifier of a name, one that no other layer has."""
        made = identifier(wanted)
        found = next(name for name in _numbered(made) if name not in self._names)
        self._names.add(found)
        return found


def identifier(text: str) -> str:
    """Make a name of a layer or network of any text; the end of a long one counts."""
    made = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[-56:] or "layer"
    return made if NAME.fullmatch(made) else f"n_{made}"


def unchanged(name: str, source: Map) -> Sum:
    """Convolve every channel of a map by itself with a one."""
    channels = source.shape[0]
    weight, unit = np.ones((channels, 1, 1, 1), np.int64), np.full(channels, source.step)
    terms = ConvTerms(source.source, weight, unit, np.zeros(channels), {"groups": channels})
    return Sum(name, terms, source.shape, flat=source.flat)


def _numbered(name: str) -> Iterator[str]:
    yield name
    count = 2
    while True:
        yield f"{name}_{count}"
        count += 1
