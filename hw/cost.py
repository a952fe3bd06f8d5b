"""Cycles of a network, predicted exactly by an event model that builds no RTL."""

from dataclasses import dataclass, replace
from fractions import Fraction

from hw.attribution import Attribution, FirstFrame, attribute, first_frame
from hw.fold import Fold, Folding
from hw.layer_plan import LayerPlan
from hw.layers import Conv
from hw.link import Link
from hw.network import Network
from hw.outputs import Output, outputs_of
from hw.plan import AddPlan, Plan, input_columns, plan
from hw.steady import Rhythm, Waits, frame_ends, rhythm


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer.

    Parameters
    ----------
    name, kind : str
    fold : Fold
    multipliers : int
        Instantiated, ``P * G * R``; 0 where the layer does not multiply.
    macs, parameters : int
        Surviving multiply-adds of a picture, and surviving weights and biases.
    cycles : int
        Of one picture in steady state, the layer alone between always-ready ends.
    input_bound : bool
        The layer alone waits for its input to be written.
    memory_bits : dict of str to int
        Bits of every memory.
    coding : str
        How surviving taps are stored: of `hw.coding.Coding`; empty where none are walked.
    taps : int
        Surviving weights, or pixels that are compared.
    attribution : Attribution, optional
        Where the cycles between two frames of the network go; None for an add, which walks no taps.
    first_frame : FirstFrame, optional
        Where those of the first frame go.
    """

    name: str
    kind: str
    fold: Fold
    multipliers: int
    macs: int
    parameters: int
    cycles: int
    input_bound: bool
    memory_bits: dict[str, int]
    coding: str
    taps: int
    attribution: Attribution | None = None
    first_frame: FirstFrame | None = None

    @property
    def schedule_bits_per_tap(self) -> float | None:
        """Bits that say what is walked, per surviving tap; None where there is none."""
        return self.memory_bits["schedule"] / self.taps if self.taps else None

    @property
    def utilisation(self) -> float | None:
        """Surviving MACs over (cycles x multipliers); None where nothing is multiplied.

        MACs on padding are counted: where rows of it are skipped, it may exceed 1.
        """
        return self.macs / (self.cycles * self.multipliers) if self.multipliers else None


@dataclass(frozen=True)
class Cost:
    """Cost of a network.

    Parameters
    ----------
    intervals : tuple of int
        Cycles between the last output beats, of all outputs, of successive frames in steady state.
        Mostly one number; frames of a few cycles may take, say, 7 and 8 in turn for ever.
    latency : int
        Cycles from the first input beat to the last output beat of the first frame.
    layers : tuple of LayerCost
    """

    intervals: tuple[int, ...]
    latency: int
    layers: tuple[LayerCost, ...]

    @property
    def mean_interval(self) -> Fraction:
        """Mean of `intervals`, exactly."""
        return Fraction(sum(self.intervals), len(self.intervals))

    @property
    def interval(self) -> int:
        """Cycles that a frame takes, the mean rounded up: a rate that is kept."""
        return -(-sum(self.intervals) // len(self.intervals))

    @property
    def multipliers(self) -> int:
        """Multipliers instantiated."""
        return sum(layer.multipliers for layer in self.layers)

    @property
    def utilisation(self) -> float:
        """Surviving MACs, those on padding included, over (interval x multipliers)."""
        return sum(layer.macs for layer in self.layers) / (self.interval * self.multipliers)

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        return sum(sum(layer.memory_bits.values()) for layer in self.layers)


def predict(network: Network, folding: Folding, plans: tuple[Plan, ...] | None = None) -> Cost:
    """Predict what the generated hardware does when neither of its ends ever stalls.

    Parameters
    ----------
    network : Network
    folding : Folding
    plans : tuple of LayerPlan or AddPlan, optional
        Of `hw.plan.plan`, if they are there already.

    Raises
    ------
    UnsupportedLayer, ValueError
        As `hw.plan.plan`.
    """
    plans = plans or plan(network, folding)
    found = _rhythm(network, folding, plans)
    costs = (
        _add_cost(p) if isinstance(p, AddPlan) else _layer_cost(network, p, found.waits[p.name])
        for p in plans
    )
    return Cost(found.intervals, found.latency, tuple(costs))


def predict_interval(
    network: Network, folding: Folding, plans: tuple[Plan, ...] | None = None
) -> int:
    """Predict only `Cost.interval`, in a part of the time that `predict` takes."""
    return _rhythm(network, folding, plans or plan(network, folding)).interval


def predict_ends(
    network: Network, folding: Folding, frames: int, plans: tuple[Plan, ...] | None = None
) -> dict[str, list[int]]:
    """Predict when each frame's last beat leaves, by output; the first input beat is in cycle 0."""
    picture, plans = network.input, plans or plan(network, folding)
    columns = input_columns(picture, folding)
    outputs = outputs_of(network, folding, plans)
    return frame_ends(network.formats[picture.name], columns, plans, outputs, frames)


def _rhythm(network: Network, folding: Folding, plans: tuple[Plan, ...]) -> Rhythm:
    picture, outputs = network.input, outputs_of(network, folding, plans)
    return rhythm(network.formats[picture.name], input_columns(picture, folding), plans, outputs)


def _add_cost(p: AddPlan) -> LayerCost:
    channels, height, _ = p.result.shape
    cycles, fold = channels * height * p.columns.block, Fold(p.columns.lanes)
    return LayerCost(p.name, "Add", fold, 0, 0, 0, cycles, False, p.memory_bits, "", 0)


def _layer_cost(network: Network, p: LayerPlan, waits: Waits) -> LayerCost:
    layer = next(layer for layer in network.layers if layer.name == p.name)
    ends = [Output(p.link, p.in_order)]
    cycles = rhythm(p.source, p.links[0].columns, [_alone(p)], ends).intervals[0]
    writes = max(store.write_cycles for store in p.stores)
    return LayerCost(
        name=p.name,
        kind=type(layer).__name__,
        fold=p.fold,
        multipliers=p.multipliers,
        macs=network.layer_macs(layer),
        parameters=layer.parameters if isinstance(layer, Conv) else 0,
        cycles=cycles,
        input_bound=cycles > p.compute_cycles and cycles <= writes,
        memory_bits=p.memory_bits,
        coding=p.coding.name,
        taps=p.taps,
        attribution=attribute(p, waits),
        first_frame=first_frame(p, waits),
    )


def _alone(p: LayerPlan) -> LayerPlan:
    """Plan of a layer alone, which takes all its channels in one stream, from one layer."""
    alone = Link.of_one(p.inputs[0], p.source, p.links[0].columns)
    return p if p.links == (alone,) else replace(p, links=(alone,), ahead=(0,))
