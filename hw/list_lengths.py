"""Lengths of a layer's lists, and the fewest entries in which they may be walked."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hw.fold import Fold
from hw.layer_plan import LayerPlan
from hw.skipping import least_saved
from hw.taps import row_lengths


@dataclass(frozen=True)
class ListLengths:
    """Lengths of a layer's lists.

    Parameters
    ----------
    group, outputs : int
        Outputs of a list, and of all.
    whole : list of int
        Taps of every list.
    inside : list of (list of int, int)
        For the rows of the result that have the same rows of their windows inside the picture: taps
        of every list that are inside, and the number of such rows.
    splittable : bool
        Whether a list may be cut in two.
    outside : float
        Part of all taps that may be skipped.
    """

    group: int
    outputs: int
    whole: list[int]
    inside: list[tuple[list[int], int]]
    splittable: bool
    outside: float

    @staticmethod
    def of(plan: LayerPlan) -> "ListLengths":
        """Count the taps of a layer's lists; none is outside if an output is without taps."""
        rows = row_lengths(plan.layer, plan.channels, plan.fold.G)
        taps = rows[rows.any(axis=1)]
        whole = taps.sum(axis=1).tolist() or [1]
        reach = np.arange(taps.shape[1]) * plan.dilation[0]
        inside = [
            (taps[:, ~np.isin(reach, list(outside))].sum(axis=1).tolist(), many)
            for outside, many in Counter(plan.rows.outside).items()
        ]
        if len(taps) < len(rows):
            inside = [(whole, plan.rows.outputs)]
        outputs = plan.result.shape[0]
        return ListLengths(plan.fold.G, outputs, whole, inside, plan.is_conv, plan.outside)

    def may_skip(self, fold: Fold) -> bool:
        """Whether it may pay to skip taps in rows outside the picture."""
        return self.outside >= least_saved(fold)

    def fewest(self, sequencers: int, streams: int) -> tuple[int, int]:
        """Fewest entries of a pass in every row: if all taps are walked, and only those inside."""
        rows = sum(many for _, many in self.inside)
        inside = sum(many * self._share(taps, sequencers, streams) for taps, many in self.inside)
        return rows * self._share(self.whole, sequencers, streams), inside

    def _share(self, lengths: list[int], sequencers: int, streams: int) -> int:
        """Entries of a pass if lists balance as well as they can, and their sums leave in time."""
        held = [max(n, -(-self.group // streams)) for n in lengths]
        leave = -(-self.outputs // streams)
        if sequencers == 1:
            return max(sum(held), leave)
        if self.splittable:  # a list is cut in two at most
            return max(-(-sum(held) // sequencers), -(-max(held) // 2), leave)
        return max(-(-len(held) // sequencers) * max(held), leave)
