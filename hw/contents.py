"""Contents of the memories that a loadable design can load, and the bytes that load them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw.activation import check_range
from hw.layer_plan import LayerPlan
from hw.plan import AddPlan, Plan


@dataclass(frozen=True)
class Contents:
    """Words of one memory.

    Parameters
    ----------
    bits : int
        Width of a word.
    words : sequence of int
        Not negative.
    """

    bits: int
    words: Sequence[int]

    @property
    def size(self) -> int:
        """Bytes of a word."""
        return -(-self.bits // 8)

    def encode(self) -> bytes:
        """Bytes that load it: of each word the low byte first."""
        return b"".join(word.to_bytes(self.size, "little") for word in self.words)


def contents(plan: Plan) -> tuple[Contents, ...]:
    """List what a layer's load writes: weights of each sequencer, then the requantiser's constants.

    Of weights there is a word for every entry of the schedule, with one weight for each output of a
    group, that of the first in the low bits. Constants have a word for all outputs that leave
    together, in the order in which they leave, with a bias, then a multiplier if there is one. An
    add has one word, with the multiplier of what passes by, then that of what waits.

    Raises
    ------
    ValueError
        If a number is too large for its place; the layer is named.
    """
    if plan.room is None:
        return ()
    if isinstance(plan, AddPlan):
        bits, _, multipliers = plan.scaling
        return (Contents(2 * bits, [_pack(multipliers, bits)]),) if bits else ()
    found = []
    if plan.weighted:
        bits = plan.conv.weight_bits
        for r in range(plan.fold.R):
            words = [_pack(weights, bits) for weights in plan.schedule.weight[:, r].tolist()]
            found.append(Contents(plan.fold.G * bits, words))
    return (*found, _constants(plan))


def _constants(plan: LayerPlan) -> Contents:
    """Biases and multipliers in the order of `Schedule.exits`; zeros where there is no output."""
    bits, multipliers = 0, [0] * len(plan.biases)
    if plan.conv.shift is not None:
        bits, _, multipliers = plan.requantiser
    limit = 1 << (plan.bias_bits - 1)
    check_range(plan.name, "bias", np.array(plan.biases), -limit, limit - 1)
    width = plan.bias_bits + bits
    of_output = [
        _pack([bias], plan.bias_bits) | (multiplier << plan.bias_bits) * (bits > 0)
        for bias, multiplier in zip(plan.biases, multipliers, strict=True)
    ]
    of_output.append(0)  # for -1, where a stream carries none
    exits = zip(*plan.schedule.streams, strict=True)
    words = [_pack([of_output[o] for o in outputs], width) for outputs in exits]
    return Contents(plan.fold.E * width, words)


def _pack(values: Sequence[int], bits: int) -> int:
    """Put numbers of some bits, two's complement if they are negative, in one, low bits first."""
    mask = (1 << bits) - 1
    return sum((value & mask) << (k * bits) for k, value in enumerate(values))
