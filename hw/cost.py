"""Cycles of a network, predicted exactly by an event model that builds no RTL."""

from dataclasses import dataclass

from hw.events import steady_cycles
from hw.fold import Fold, Folding
from hw.layers import Conv
from hw.network import Network
from hw.plan import AddPlan, Plan, plan


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
    memory_bits : dict of str to int
        Bits of every memory.
    coding : str
        How surviving taps are stored: of `hw.coding.Coding`; empty where none are walked.
    taps : int
        Surviving weights, or pixels that are compared.
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

    @property
    def schedule_bits_per_tap(self) -> float | None:
        """Bits that say what is walked, per surviving tap; None where there is none."""
        return self.memory_bits["schedule"] / self.taps if self.taps else None

    @property
    def utilisation(self) -> float | None:
        """Surviving MACs over (cycles x multipliers); None where nothing is multiplied."""
        return self.macs / (self.cycles * self.multipliers) if self.multipliers else None


@dataclass(frozen=True)
class Cost:
    """Cost of a network.

    Parameters
    ----------
    interval : int
        Cycles between the last output beats of successive frames in steady state.
    latency : int
        Cycles from the first input beat to the last output beat of the first frame.
    layers : tuple of LayerCost
    """

    interval: int
    latency: int
    layers: tuple[LayerCost, ...]

    @property
    def multipliers(self) -> int:
        """Multipliers instantiated."""
        return sum(layer.multipliers for layer in self.layers)

    @property
    def utilisation(self) -> float:
        """Surviving MACs over (interval x multipliers)."""
        return sum(layer.macs for layer in self.layers) / (self.interval * self.multipliers)

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        return sum(sum(layer.memory_bits.values()) for layer in self.layers)


def predict(network: Network, folding: Folding) -> Cost:
    """Predict what the generated hardware does when neither of its ends ever stalls.

    Raises
    ------
    UnsupportedLayer, ValueError
        As `hw.plan.plan`.
    """
    interval, latency = steady_cycles(network, folding)
    costs = (_layer_cost(network, p) for p in plan(network, folding))
    return Cost(interval, latency, tuple(costs))


def _layer_cost(network: Network, p: Plan) -> LayerCost:
    if isinstance(p, AddPlan):
        channels, height, _ = p.result.shape
        cycles, fold = channels * height * p.columns.block, Fold(p.columns.lanes)
        return LayerCost(p.name, "Add", fold, 0, 0, 0, cycles, False, p.memory_bits, "", 0)
    layer = next(layer for layer in network.layers if layer.name == p.name)
    alone = network.alone(p.name)
    cycles, _ = steady_cycles(alone, {p.inputs[0]: Fold(p.producer.lanes), p.name: p.fold})
    return LayerCost(
        name=p.name,
        kind=type(layer).__name__,
        fold=p.fold,
        multipliers=p.multipliers,
        macs=network.layer_macs(layer),
        parameters=layer.parameters if isinstance(layer, Conv) else 0,
        cycles=cycles,
        input_bound=cycles > p.compute_cycles and cycles <= p.store.write_cycles,
        memory_bits=p.memory_bits,
        coding=p.coding.name,
        taps=p.taps,
    )
