"""Scales of batch normalisation (Liu et al., Network Slimming, arXiv 1708.06519)."""

from dataclasses import dataclass

import numpy as np

from pruning.coupling import Coupling
from pruning.graph import Graph, Norm
from pruning.selectors.problem import Problem
from pruning.selectors.ranking import Importance, Ranking


@dataclass(frozen=True)
class BnScale(Ranking):
    """Keep the feature maps that batch normalisation scales the most.

    Importance is the magnitude of the weight of the normalisation that a map passes; the sum of
    them where it passes several, as maps that several layers make do. The paper trains with a
    penalty on these weights; here the model is taken as it is.
    """

    def importance(self, problem: Problem) -> Importance:
        """Sum the magnitudes of every map's scales.

        Raises
        ------
        ValueError
            If units are no feature maps, or one passes no normalisation that has a weight; the
            layer is named.
        """
        scales, counts = _scales(problem.model.module.graph)
        found: Importance = {}
        for unit in problem.units:
            if unit.channels is None:
                raise ValueError(
                    f"layer {unit.name!r}: granularity must be feature-map for bn-scale, "
                    f"not {unit.granularity!r}"
                )
            if not counts[unit.channels].all():
                raise ValueError(f"layer {unit.name!r}: its maps must pass a batch normalisation")
            found[unit.name] = scales[unit.channels]
        return found


def _scales(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Sum of scales, and their number, by the number of a channel in the graph's `Coupling`."""
    maps = Coupling(graph).maps
    scales = np.zeros(1 + max(int(numbers.max()) for numbers in maps.values()))
    counts = np.zeros(len(scales), int)
    for node in graph.nodes:
        if isinstance(node.operation, Norm) and node.operation.weight is not None:
            magnitudes = node.operation.weight.abs().double().numpy()
            np.add.at(scales, maps[node], magnitudes)
            np.add.at(counts, maps[node], 1)
    return scales, counts
