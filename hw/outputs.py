"""The streams on which a network's results leave."""

from dataclasses import dataclass

from hw.fold import Folding
from hw.link import Link
from hw.network import Network
from hw.plan import Plan, input_columns

STREAM = "m_axis"


def elements_per_beat(shape: tuple[int, int, int]) -> int:
    """Elements of an output beat: one of a vector, else all channels of a pixel."""
    channels, height, width = shape
    return 1 if (height, width) == (1, 1) else channels


@dataclass(frozen=True)
class Output:
    """One result of a network, and the AXI4-Stream on which it leaves.

    Parameters
    ----------
    link : Link
        Beats of the layer.
    in_order : bool
        Whether the result is a vector whose elements come in channel order.
    suffix : str
        Tells its stream from those of other results; empty where there is only one.
    """

    link: Link
    in_order: bool
    suffix: str = ""

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return self.link.name

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return STREAM + self.suffix

    @property
    def elements(self) -> int:
        """Elements of a beat of the stream."""
        return elements_per_beat(self.link.activation.shape)

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        channels, height, width = self.link.activation.shape
        return channels * height * width // self.elements


def outputs_of(network: Network, folding: Folding, plans: tuple[Plan, ...]) -> tuple[Output, ...]:
    """Say on which streams the results leave, in the order of `Network.outputs`.

    The only one leaves on ``m_axis``; of several, each on ``m_axis_`` and the name of its layer.
    """
    picture = network.input
    first = Link.of_one(picture.name, picture.output(), input_columns(picture, folding))
    ends = {picture.name: (first, picture.shape[1:] == (1, 1))}
    ends |= {made.name: (made.link, made.in_order) for made in plans}
    several = len(network.outputs) > 1
    return tuple(Output(*ends[name], f"_{name}" * several) for name in network.outputs)
