"""Quantisers of ONNX: QuantizeLinear and DequantizeLinear, and the Quant of QONNX."""

import re

import numpy as np

from hw.onnx.file import CONTRIBUTED, QONNX, Node
from hw.onnx.layers import LayerWriter
from hw.onnx.values import Codes, Constant, Grid, Levels, Picture, Real, Rounded, Value

_WHOLE = re.compile(r"(u?)int(\d+)")


def quantize_linear(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Round to codes; numbers of the file at once, a result when its range is known for sure."""
    node.only("axis", saturate=1, block_size=0, output_dtype=0, precision=0)
    x, scale, zero = _three(node, values)
    low, high = _range(node, zero)
    if isinstance(x, Constant):
        node.check(x.array.dtype.kind == "f", "must take real numbers")
        step, point = (_spread(node, v, x.array.ndim) for v in (_steps(node, scale), zero))
        with np.errstate(over="ignore"):
            codes = np.rint(x.array / step.astype(x.array.dtype)) + point
        return Constant(np.clip(codes, low, high).astype(zero.dtype))
    grid = _grid(node, scale, zero, low, high)
    if isinstance(x, Real):
        return Codes(x, grid, node.single)
    raise node.error("must take real numbers")


def dequantize_linear(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Take codes for the real numbers that they are."""
    node.only("axis", block_size=0, output_dtype=0)
    x, scale, zero = _three(node, values)
    if isinstance(x, Constant):
        node.check(bool(_WHOLE.fullmatch(x.array.dtype.name)), "must take codes")
        step, point = (_spread(node, v, x.array.ndim) for v in (scale, zero))
        if len(values) < 3 or values[2] is None:
            point = 0 * step
        codes = x.array.astype(np.int64) - point.astype(np.int64)
        return Levels(codes, _steps(node, step))
    if isinstance(x, Picture):
        low, high = _range(node, zero)
        return Rounded(Codes(x, _grid(node, scale, zero, low, high)))
    if not isinstance(x, Codes):
        raise node.error("must take the codes of a QuantizeLinear")
    before = (x.grid.step, x.grid.zero)
    after = (_single(node, scale, "scale"), int(_single(node, zero, "zero point")))
    node.check(
        before == after,
        f"must have scale and zero point of the QuantizeLinear before, {before}, not {after}",
    )
    return Rounded(x, x.single and node.single)


def quant(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Round to multiples of a step, as QONNX has it: codes and their meaning in one operator."""
    node.only("signed", "narrow", "rounding_mode")
    x, *others = values
    numbers = [v.real for v in others if isinstance(v, Constant | Levels)]
    node.check(len(numbers) == 3, "must have a fixed scale, zero point and width")
    scale, zero, width = numbers
    bits = _single(node, width, "bit width")
    most = 32 if isinstance(x, Constant) else 16  # a bias may have many
    node.check(bits in range(2, most + 1), f"must have a bit width from 2 to {most}, not {bits:g}")
    signed, narrow = (
        int(bool(node.attributes.get(k, d))) for k, d in (("signed", 1), ("narrow", 0))
    )
    half = 1 << (int(bits) - signed)
    low, high = -half * signed + narrow * signed, half - 1 - narrow * (1 - signed)
    mode = str(node.attributes.get("rounding_mode", "ROUND")).upper()
    if isinstance(x, Constant):
        node.check(mode in _ROUNDING, f"must round by {', '.join(_ROUNDING)}, not {mode!r}")
        step, point = (_spread(node, v, x.array.ndim) for v in (_steps(node, scale), zero))
        whole = bool((point % 1 == 0).all()) and np.abs(point).max() <= 1 << 16
        node.check(bool(whole), "must have a whole zero point")
        codes = np.clip(_ROUNDING[mode](x.real / step + point), low, high) - point
        return Levels(codes.astype(np.int64), step)
    node.check(mode in ("ROUND", "HALF_EVEN"), f"must round to the nearest, not by {mode!r}")
    if not isinstance(x, Real):
        raise node.error("must take real numbers")
    point = _single(node, zero, "zero point")
    node.check(point % 1 == 0, f"must have a whole zero point, not {point:g}")
    return Rounded(Codes(x, _grid(node, scale, zero, low, high)), node.single)


_ROUNDING = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "ROUND_TO_ZERO": np.trunc,
}


def _three(node: Node, values: list[Value | None]) -> tuple[Value, np.ndarray, np.ndarray]:
    """Take what is quantised, the scale, and the zero point: that of uint8 if there is none."""
    x, scale, zero = [*values, None][:3]
    kind = node.attributes.get("output_dtype", 0)
    if zero is None:
        node.check(kind == 0, "must have a zero point, whose type is that of the codes")
        zero = Constant(np.zeros(1, np.uint8))
    fixed = isinstance(scale, Constant) and isinstance(zero, Constant)
    if x is None or not fixed:
        raise node.error("must have a fixed scale and zero point")
    node.check(bool(_WHOLE.fullmatch(zero.array.dtype.name)), "must have a whole zero point")
    return x, scale.array, zero.array


def _range(node: Node, zero: np.ndarray) -> tuple[int, int]:
    """Smallest and largest code of a type."""
    match = _WHOLE.fullmatch(zero.dtype.name)
    assert match is not None
    bits, signed = int(match[2]), not match[1]
    node.check(bits <= 16, f"must have codes of 16 bits at most, not {bits}")
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def _grid(node: Node, scale: np.ndarray, zero: np.ndarray, low: int, high: int) -> Grid:
    """Multiples of a step in a range of codes."""
    (step,) = _steps(node, np.array([_single(node, scale, "scale")]))
    point = int(_single(node, zero, "zero point"))
    return Grid(float(step), low - point, high - point, point)


def _single(node: Node, numbers: np.ndarray, what: str) -> float:
    """Take the number that all are."""
    found = np.unique(numbers.astype(np.float64))
    node.check(len(found) == 1, f"must have one {what} for a whole map, not {found.size}")
    return float(found[0])


def _steps(node: Node, step: np.ndarray) -> np.ndarray:
    step = step.astype(np.float64)
    ok = bool((np.isfinite(step) & (step > 0)).all())
    node.check(ok, f"must have positive scales, not {step.min():g}")
    return step


def _spread(node: Node, numbers: np.ndarray, axes: int) -> np.ndarray:
    """Bring scales or zero points to as many axes as what they belong to."""
    if numbers.ndim == 1 and numbers.size > 1 and node.domain not in QONNX:
        axis = node.attributes.get("axis", 1)
        ok = isinstance(axis, int) and -axes <= axis < axes
        node.check(ok, f"must have an axis below {axes}, not {axis!r}")
        return numbers.reshape([-1 if n == axis % axes else 1 for n in range(axes)])
    node.check(
        numbers.size == 1 or numbers.ndim == axes, f"must have scales of {axes} axes, or one"
    )
    return numbers.reshape((1,) * axes) if numbers.size == 1 else numbers


QUANTISERS = {
    **{(domain, "QuantizeLinear"): quantize_linear for domain in ("", CONTRIBUTED)},
    **{(domain, "DequantizeLinear"): dequantize_linear for domain in ("", CONTRIBUTED)},
    **{(domain, "Quant"): quant for domain in QONNX},
}
