"""Where the cycles of a layer go: to surviving taps, or lost, and to what."""

from dataclasses import dataclass, fields
from fractions import Fraction

import numpy as np

from hw.layer_plan import LayerPlan
from hw.steady import Waits
from hw.taps import dense


@dataclass(frozen=True)
class Attribution:
    """Cycles of a layer between two frames in steady state; the parts add up exactly.

    A cycle in which only some multipliers (or comparisons) have a surviving tap of a pixel counts
    for the fraction that has.

    Parameters
    ----------
    useful : Fraction
        Surviving taps inside the picture.
    border : Fraction
        Surviving taps in the padding: they are walked, and counted as MACs, as is usual.
    imbalance : Fraction
        Sequencers that are idle while another walks, members of a group that lack a tap of the
        group's union, and members that a group lacks.
    ragged : Fraction
        Lanes whose column lies beyond the width.
    drain : Fraction
        Entries beyond the most taps of any sequencer: sums leave one a cycle.
    input : Fraction
        The front waits for its window.
    link : Fraction
        The front waits for room in the output queue, as the consumer does not take.
    """

    useful: Fraction
    border: Fraction
    imbalance: Fraction
    ragged: Fraction
    drain: Fraction
    input: Fraction
    link: Fraction

    @property
    def parts(self) -> dict[str, Fraction]:
        """All parts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def total(self) -> Fraction:
        """All cycles: the mean interval of the network."""
        return sum(self.parts.values(), Fraction(0))


@dataclass(frozen=True)
class FirstFrame:
    """Cycles of a layer from the first pixel to the network's last output of the first frame.

    Parameters
    ----------
    fill : int
        Until the first window is there.
    walk : int
        Taps are fired: all that is not a wait.
    input, link : int
        Waits as in `Attribution`.
    behind : int
        From the layer's last tap until the last output has left; negative if that is over before
        the layer has walked its last rows, which no other layer needs.
    """

    fill: int
    walk: int
    input: int
    link: int
    behind: int

    @property
    def total(self) -> int:
        """All cycles: the latency of the network."""
        return self.fill + self.walk + self.input + self.link + self.behind


def attribute(p: LayerPlan, waits: Waits) -> Attribution:
    """Attribute all cycles of a layer between two frames."""
    walked, fold = p.schedule, p.fold
    _, height, width = p.result.shape
    mask, _ = dense(p.layer, p.channels)
    longest = int((~walked.idle).sum(axis=0).max())
    passes = Fraction(height * width, fold.P)  # of lanes that have a column
    taps = passes * Fraction(int(mask.sum()), fold.G * fold.R)
    inside = Fraction(_inside(p, mask.sum(axis=(0, 1))), fold.multipliers)
    rows = height * p.columns.block
    return Attribution(
        useful=inside,
        border=taps - inside,
        imbalance=passes * longest - taps,
        ragged=(rows - passes) * longest,
        drain=Fraction(rows * (len(walked) - longest)),
        input=waits.input,
        link=waits.link,
    )


def first_frame(p: LayerPlan, waits: Waits) -> FirstFrame:
    """Attribute all cycles from the first pixel to the last output of the first frame."""
    walk = p.compute_cycles
    return FirstFrame(waits.fill, walk, waits.first_input, waits.first_link, waits.behind)


def _inside(p: LayerPlan, taps: np.ndarray) -> int:
    """Taps of a picture, of so many per place of the kernel (Kh, Kw), that are not on padding."""
    sides = []
    for axis in (0, 1):
        outputs, size = p.result.shape[1 + axis], p.source.shape[1 + axis]
        start = np.arange(outputs) * p.layer.stride[axis] - p.layer.padding[2 * axis]
        places = start + p.dilation[axis] * np.arange(taps.shape[axis])[:, None]  # (K, outputs)
        sides.append(((places >= 0) & (places < size)).sum(axis=1))
    return int(sides[0] @ taps @ sides[1])
