"""Feature maps as units: everything that is coupled to a map goes with it."""

from fractions import Fraction

import numpy as np

from pruning.constraints import Constraints, first_layers, named, share_of
from pruning.coupling import Coupling, made_by, makes, mixes, read_by
from pruning.graph import Graph
from pruning.units import Candidate, Labels, Units


def feature_maps(found: Graph, constraints: Constraints) -> list[Candidate]:
    """Find the maps that can be pruned, by the layers that make them.

    Raises
    ------
    ValueError
        If maps of a layer are asked for that leave the network; the layer is named.
    """
    coupling, first = Coupling(found), first_layers(found)
    chosen: list[Candidate] = []
    found_names: set[str] = set()
    for nodes, numbers in coupling.groups().items():
        if any(named(node, constraints.protect) for node in nodes):
            continue
        asked = [name for name in constraints.layers if any(named(node, (name,)) for node in nodes)]
        found_names.update(asked)
        if asked or (not constraints.layers and not first.intersection(nodes)):
            taken = {candidate.name for candidate in chosen}
            name, count = nodes[0].name, 1
            while name in taken:
                name, count = f"{nodes[0].name}_{count + 1}", count + 1
            chosen.append(_maps(name, numbers, coupling, constraints))
    for name in constraints.layers:
        if name not in found_names:
            raise ValueError(f"layer {name!r}: its feature maps leave the network, and must stay")
    return chosen


def _maps(
    name: str, numbers: np.ndarray, coupling: Coupling, constraints: Constraints
) -> Candidate:
    """Make the candidate of one group of maps."""
    labels, own = Labels(), Labels()
    for node in coupling.graph.nodes:
        if makes(node):
            own[node.name] = _positions(numbers, made_by(node, coupling.maps[node]))
            if mixes(node):
                read = read_by(node, coupling.maps[node.inputs[0]])
                labels[node.name] = _positions(numbers, read)
    labels, own = ({k: v for k, v in each.items() if (v >= 0).any()} for each in (labels, own))
    rows = np.zeros(len(numbers), int)

    def made(share: Fraction) -> Units:
        keep = np.array([share_of(len(numbers), share, constraints.multiple, name)])
        return Units(name, "feature-map", labels, rows, keep, own, numbers)

    return Candidate(name, made, len(numbers))


def _positions(numbers: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Index of every number among ascending ones, -1 where it is none of them."""
    at = np.searchsorted(numbers, found).clip(max=len(numbers) - 1)
    return np.where(numbers[at] == found, at, -1)
