"""What is asked of masks: which layers, how many survivors, and which share one."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from pruning.coupling import makes
from pruning.graph import Convolution, Graph, Node


@dataclass(frozen=True)
class Constraints:
    """What hardware, or people, ask of masks.

    Parameters
    ----------
    multiple : int
        Survivors of every row of units are a multiple of it; of maps, those of a layer.
    balanced : bool
        Every output keeps as many kernels as the others, so that lists of taps are of one length.
    group : int
        Outputs that share their mask, of kernel groups.
    layers : tuple of str
        Names or places of the layers to prune. Default: all convolutions but those that read the
        picture; linear layers too of feature maps, and where there are no convolutions.
    protect : tuple of str
        Layers that are left alone.
    """

    multiple: int = 1
    balanced: bool = False
    group: int = 4
    layers: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("multiple", self.multiple), ("group", self.group)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")


NONE = Constraints()


def share_of(count: int, share: Fraction, multiple: int, name: str) -> int:
    """Survivors of so many units: rounded down to a multiple, but not to none.

    Raises
    ------
    ValueError
        If there are fewer units than the multiple, or the share is out of range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"layer {name!r}: share must be above 0 and at most 1, not {float(share)}")
    if count < multiple:
        raise ValueError(f"layer {name!r} must keep a multiple of {multiple} of its {count} units")
    return max(multiple, int(share * count) // multiple * multiple)


def check_names(found: Graph, constraints: Constraints) -> None:
    """Raise a ValueError if a layer that is named is none that has weights."""
    layers = [node for node in found.nodes if makes(node)]
    for name in (*constraints.layers, *constraints.protect):
        if not any(named(node, (name,)) for node in layers):
            known = ", ".join(node.place for node in layers)
            raise ValueError(f"layer must be one of {known}, not {name!r}")


def named(node: Node, names: Iterable[str]) -> bool:
    """Whether a node's name or place is among some."""
    return node.name in names or node.place in names


def first_layers(found: Graph) -> frozenset[Node]:
    """Find the convolutions that read the picture."""
    behind: set[Node] = set()  # what no layer has made
    for node in found.nodes:
        if not node.inputs or (not makes(node) and behind.issuperset(node.inputs)):
            behind.add(node)
    layers = (node for node in found.nodes if isinstance(node.operation, Convolution))
    return frozenset(node for node in layers if behind.intersection(node.inputs))
