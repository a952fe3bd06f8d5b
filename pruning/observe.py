"""Ranges of activations, from pictures that a network was not trained on."""

from collections.abc import Collection
from dataclasses import dataclass

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
    """

    low: float
    high: float
    samples: np.ndarray

    def percentile(self, percentile: float) -> "Range":
        """Drop the largest numbers, by their magnitude, of which so many percent are no larger."""
        top = float(np.percentile(np.abs(self.samples), percentile))
        return Range(max(self.low, -top), min(self.high, top), self.samples)

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
        return Range(max(self.low, -best), min(self.high, best), self.samples)


@torch.no_grad()
def observe(network: RealNetwork, images: np.ndarray, names: Collection[str]) -> dict[str, Range]:
    """Compute pictures (N, C, H, W) and see what numbers some layers make of them.

    Raises
    ------
    ValueError
        If a number is not finite. The layer is named.
    """
    low, high = dict.fromkeys(names, np.inf), dict.fromkeys(names, -np.inf)
    samples: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for start in range(0, len(images), BATCH):
        x = normalise(images[start : start + BATCH], network.pixels)
        for name, y in ((INPUT, x), *network.results(x)):
            if name not in samples:
                continue
            low[name], high[name] = min(low[name], float(y.min())), max(high[name], float(y.max()))
            if not np.isfinite([low[name], high[name]]).all():
                raise ValueError(f"layer {name!r}: activations must be finite")
            # An odd stride meets all channels and places.
            stride = max(1, y.numel() * -(-len(images) // BATCH) // SAMPLES) | 1
            samples[name].append(y.flatten()[::stride].numpy().copy())
    return {name: Range(low[name], high[name], np.concatenate(samples[name])) for name in names}
