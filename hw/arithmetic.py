"""Integer arithmetic of the number contract: rounding, convolution and pooling, defined once."""

import numpy as np

MAX_SHIFT = 40
MAX_MULTIPLIER_BITS = 16
_EXACT = ((np.float32, 2**24), (np.float64, 2**53))  # integers below are held exactly


def signed_bits(low: int, high: int) -> int:
    """Width in bits of the narrowest two's complement number that holds ``low`` and ``high``."""
    return max(max(high, 0).bit_length(), (-low - 1 if low < 0 else 0).bit_length()) + 1


def requantise(
    acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, low: int, high: int
) -> np.ndarray:
    """Scale accumulators to activations: round half up, then saturate.

    Computes ``clip((acc * multiplier + 2**(shift - 1)) >> shift, low, high)``, with an arithmetic
    shift.

    Parameters
    ----------
    acc : (N, C, H, W) int64
        Accumulators, bias included.
    multiplier, shift : (C,) int
        Scale of every channel; ``1 <= shift <= 40``, multiplier unsigned, up to 16 bits.
    low, high : int
        Range of the result.
    """
    multiplier = np.asarray(multiplier, np.int64)[:, None, None]
    shift = np.asarray(shift, np.int64)[:, None, None]
    return np.clip((acc * multiplier + (1 << (shift - 1))) >> shift, low, high)


def fixed_point(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Approximate factors (O,) by ``multiplier / 2**shift`` with one shift, as fine as it can be.

    Parameters
    ----------
    factor : (O,) float64
        Positive factors from sums to activations.

    Returns
    -------
    multiplier, shift : (O,) int64
        As `requantise` takes them, and no larger than is as fine: 1 is the multiplier where all
        factors are one power of two. A multiplier is too large if a factor is above 32767.
    """
    limit = (1 << MAX_MULTIPLIER_BITS) - 1
    shift = int(np.clip(np.floor(np.log2(limit / factor.max()) + 1e-9), 1, MAX_SHIFT))
    multiplier = np.rint(factor * 2.0**shift).astype(np.int64)
    while shift > 1 and multiplier.any() and not (multiplier % 2).any():
        multiplier, shift = multiplier // 2, shift - 1
    return multiplier, np.full(len(factor), shift, np.int64)


def windows(
    x: np.ndarray,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    fill: int,
) -> np.ndarray:
    """View every kernel window of a padded picture.

    Parameters
    ----------
    x : (N, C, H, W)
        Pictures.
    padding : (top, bottom, left, right)
        Rows and columns of ``fill`` around the picture.

    Returns
    -------
    (N, C, Ho, Wo, Kh, Kw)
        A view; ``[..., y, x, i, j]`` is the pixel under tap ``(i, j)`` of output ``(y, x)``.
    """
    top, bottom, left, right = padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def convolve(view: np.ndarray, weight: np.ndarray, groups: int, bound: int) -> np.ndarray:
    """Multiply and add the windows of a picture, exactly.

    Parameters
    ----------
    view : (N, C, Ho, Wo, Kh, Kw) int
        What `windows` returns.
    weight : (O, C // groups, Kh, Kw) int
        Kernels.
    bound : int
        Largest magnitude that a partial sum can have. The sums are taken in the narrowest floating
        point numbers in which they are exact, which is far faster than in NumPy's integers.

    Returns
    -------
    (N, O, Ho, Wo) int64
    """
    kind = next((kind for kind, limit in _EXACT if bound < limit), np.int64)
    outputs, (height, width) = len(weight), view.shape[2:4]
    flat = weight.reshape(groups, outputs // groups, -1).astype(kind)
    sums = np.empty((len(view), groups, outputs // groups, height * width), np.int64)
    for picture, result in zip(view, sums, strict=True):  # one at a time stays in the cache
        columns = np.ascontiguousarray(picture.transpose(0, 3, 4, 1, 2), kind)
        result[:] = flat @ columns.reshape(groups, -1, height * width)
    return sums.reshape(-1, outputs, height, width)


def one_shift(multiplier: np.ndarray, shift: np.ndarray) -> tuple[int, int, tuple[int, ...]]:
    """Scale multipliers so that one shift serves all outputs, and no shifter is built.

    ``(acc * m + 2**(s-1)) >> s`` stays when ``m`` is doubled and ``s`` is one more.

    Parameters
    ----------
    multiplier, shift : (O,) int

    Returns
    -------
    int, int, tuple of int
        Bits of the multipliers (0 if all are 1), the shift, and the multipliers.
    """
    most = int(shift.max())
    pairs = zip(multiplier.tolist(), shift.tolist(), strict=True)
    scaled = [m << (most - s) for m, s in pairs]
    while most > 1 and all(m % 2 == 0 for m in scaled) and any(scaled):
        scaled, most = [m // 2 for m in scaled], most - 1
    width = 0 if set(scaled) == {1} else max(max(scaled).bit_length(), 1)
    return width, most, tuple(scaled)
