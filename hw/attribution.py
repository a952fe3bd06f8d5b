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
        Surviving taps in the padding that are walked: in rows outside the picture they may be
        skipped, but are counted as MACs, as is usual.
    imbalance : Fraction
        Sequencers that are idle while another walks, members of a group that lack a tap of the
        group's union, and members that a group lacks.
    ragged : Fraction
        Lanes whose column lies beyond the width.
    drain : Fraction
        Entries beyond the most taps of any sequencer: for sums to leave, or where nothing is left
        of a walk because all of it is outside.
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
    width = p.result.shape[2]
    mask, _ = dense(p.layer, p.channels)
    alive = mask.sum(axis=(0, 1))  # taps by place of the kernel
    taps = entries = longest = 0  # of all rows: taps; entries of passes; most taps of a sequencer
    for index, skipped in enumerate(p.skipped):
        rows = p.class_of.count(index)
        left = [k * p.dilation[0] not in skipped for k in range(len(alive))]
        fired = ~(walked.idle | np.isin(walked.row, list(skipped)))
        taps += rows * int(alive[left].sum())
        longest += rows * int(fired.sum(axis=0).max())
        entries += rows * len(p.passes[index])
    lanes = Fraction(width, fold.P)  # passes of a row, of lanes that have a column
    inside = Fraction(_inside(p, alive), fold.multipliers)
    used = lanes * Fraction(taps, fold.G * fold.R)
    return Attribution(
        useful=inside,
        border=used - inside,
        imbalance=lanes * longest - used,
        ragged=(p.columns.block - lanes) * longest,
        drain=Fraction(p.columns.block * (entries - longest)),
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
