"""Ranges of activations, from pictures that a network was not trained on."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from pruning.evaluate import BATCH, normalise
from pruning.real_network import INPUT, RealNetwork

SAMPLES = 1 << 17  # of a layer's numbers that are kept, about
_CANDIDATES = np.linspace(1, 0.3, 71)  # parts of the largest number that may fit


@dataclass(frozen=True, eq=False)
class Range:
    """Numbers that a layer makes of some pictures.

    Parameters
    ----------
    low, high : float
        Least and largest of all.
    samples : (N,) float32
        Some of them, evenly spread over pictures and places.
    mean : (C,) float64
        Mean of every feature map.
    """

    low: float
    high: float
    samples: np.ndarray
    mean: np.ndarray

    def percentile(self, percentile: float) -> "Range":
        """Drop the largest numbers, by their magnitude, of which so many percent are no larger."""
        top = float(np.percentile(np.abs(self.samples), percentile))
        return replace(self, low=max(self.low, -top), high=min(self.high, top))

    def least_squares(self, steps: int) -> "Range":
        """Saturate where the squares of the errors, in so many steps up to it, are least in sum."""
        top = max(self.high, -self.low)
        tops = _CANDIDATES * top
        values = self.samples[:: max(1, len(self.samples) >> 15)].astype(np.float64)

        def error(limit: float) -> float:
            step = limit / steps
            rounded = np.clip(np.rint(values / step), -steps, steps) * step
            return float(np.square(rounded - values).sum())

        best = tops[int(np.argmin([error(limit) for limit in tops]))] if top else top
        return replace(self, low=max(self.low, -best), high=min(self.high, best))


@torch.no_grad()
def observe(network: RealNetwork, images: np.ndarray) -> dict[str, Range]:
    """Compute pictures (N, C, H, W) and see what numbers every layer makes of them.

    Raises
    ------
    ValueError
        If a number is not finite. The layer is named.
    """
    seen: dict[str, list[Range]] = {}
    batches = -(-len(images) // BATCH)
    for start in range(0, len(images), BATCH):
        x = normalise(images[start : start + BATCH], network.pixels)
        for name, y in ((INPUT, x), *network.results(x)):
            low, high = float(y.min()), float(y.max())
            if not np.isfinite([low, high]).all():
                raise ValueError(f"layer {name!r}: activations must be finite")
            # An odd stride meets all channels and places.
            stride = max(1, y.numel() * batches // SAMPLES) | 1
            samples = y.flatten()[::stride].numpy().copy()
            mean = y.double().sum((0, 2, 3)).numpy() / (len(images) * y[0, 0].numel())
            seen.setdefault(name, []).append(Range(low, high, samples, mean))
    return {name: _together(parts) for name, parts in seen.items()}


def _together(parts: list[Range]) -> Range:
    """Range of several batches, whose means are parts of the whole."""
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    samples = np.concatenate([part.samples for part in parts])
    return Range(low, high, samples, np.sum([part.mean for part in parts], axis=0))
