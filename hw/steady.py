"""Rhythm of a pipeline, by the event models of its parts: latency, intervals, waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from hw.columns import Columns
from hw.event_ends import PixelSourceModel, RasterSinkModel, RasterSourceModel, VectorSinkModel
from hw.event_links import ForkModel, Taker
from hw.events import AddModel, LayerModel
from hw.layer_plan import LayerPlan
from hw.layers import Activation
from hw.outputs import Output
from hw.plan import AddPlan, Plan

_MOST_FRAMES = 256
_LONGEST = 16  # period that is looked for
_STEADY = 4  # frames after which a rhythm is believed if the rings have not filled by then


@dataclass(frozen=True)
class Waits:
    """Cycles in which the front of a layer fires no tap.

    Parameters
    ----------
    fill : int
        Until the first frame's first tap is fired, from the first pixel.
    first_input, first_link : int
        Later in the first frame, until the window is there; until the output queue has room.
    behind : int
        From the first frame's last tap to the last output beat of the network.
    input, link : Fraction
        In a frame in steady state, the mean of those of a period.
    """

    fill: int
    first_input: int
    first_link: int
    behind: int
    input: Fraction
    link: Fraction


@dataclass(frozen=True)
class Rhythm:
    """Frames of a pipeline whose ends never stall.

    Parameters
    ----------
    latency : int
        Cycles from the first input beat to the last output beat of the first frame.
    intervals : tuple of int
        Cycles between the last output beats of successive frames, of one period.
    waits : dict of str to Waits
        For every layer that walks taps.
    """

    latency: int
    intervals: tuple[int, ...]
    waits: dict[str, Waits]

    @property
    def interval(self) -> int:
        """Mean of `intervals`, rounded up."""
        return -(-sum(self.intervals) // len(self.intervals))


def rhythm(
    picture: Activation, columns: Columns, plans: Sequence[Plan], outputs: Sequence[Output]
) -> Rhythm:
    """Run the event model of layers until their frames repeat exactly.

    Everything that happens in a frame depends on a few frames before it, and only on differences of
    times. So when all times of as many frames are those of earlier frames plus a constant, all
    later frames repeat too, and their intervals are those of this period. Of a pipeline in which
    rows still gather before a slower layer after `_MOST_FRAMES` frames, the last intervals count.

    Parameters
    ----------
    picture, columns
        Format and columns of the beats that the first layer takes.
    plans : sequence of Plan
    outputs : sequence of Output
        A frame has left when the last element of the last of them has.
    """
    pipeline = _Pipeline(picture, columns, plans, outputs)
    frames, period = 0, 0
    while not period and frames < _MOST_FRAMES:
        pipeline.step()
        frames, period = pipeline.frames(), pipeline.period()
    ends = pipeline.ends()[:frames]
    gaps = [b - a for a, b in pairwise(ends)]
    if not period:
        period = 1 if len(set(gaps[-_STEADY:])) == 1 else len(gaps) // 2
    latency = ends[0]
    waits = {
        p.name: _waits(stage, p.compute_cycles, latency, frames, period, sum(gaps[-period:]))
        for p in plans
        if isinstance(p, LayerPlan) and isinstance(stage := pipeline.stages[p.name], LayerModel)
    }
    return Rhythm(latency, tuple(gaps[-period:]), waits)


def frame_ends(
    picture: Activation,
    columns: Columns,
    plans: Sequence[Plan],
    outputs: Sequence[Output],
    frames: int,
) -> dict[str, list[int]]:
    """Cycle of each frame's last beat of every output, if the first input beat is in cycle 0."""
    pipeline = _Pipeline(picture, columns, plans, outputs)
    while pipeline.left < frames:
        pipeline.step()
    return {name: sink.ends[:frames] for name, sink in pipeline.sinks.items()}


def _waits(
    stage: LayerModel, fired: int, latency: int, frames: int, period: int, cycles: int
) -> Waits:
    """Sum up what a front waited for, in the first frame and in the last period.

    A layer that still runs ahead takes less than its share of `cycles`: what is missing it will
    wait for room, when the rings behind it are full. One whose frames still differ may have taken
    more in the last ones; it has waited for rows less in others.
    """
    height = stage.height
    first_link = sum(stage.held[:height])
    fill = stage.swaps[0] + 1
    fired_by = stage.row_ends[height - 1] + 1
    last = stage.row_ends[(frames - period) * height - 1 :: height][: period + 1]
    held = stage.held[(frames - period) * height : frames * height]
    input_ = min(last[-1] - last[0] - sum(held), cycles) - period * fired
    return Waits(
        fill=fill,
        first_input=fired_by - fill - fired - first_link,
        first_link=first_link,
        behind=latency - fired_by,
        input=Fraction(input_, period),
        link=Fraction(cycles - period * fired - input_, period),
    )


class _Pipeline:
    """Event models of a source, of layers and of sinks, linked."""

    def __init__(
        self,
        picture: Activation,
        columns: Columns,
        plans: Sequence[Plan],
        outputs: Sequence[Output],
    ) -> None:
        source = PixelSourceModel if columns.lanes == 1 else RasterSourceModel
        first = plans[0].inputs[0]
        self.stages: dict[str, PixelSourceModel | LayerModel | AddModel] = {
            first: source(picture, columns)
        }
        takers: dict[str, list[Taker]] = {first: []}
        for p in plans:
            stage = AddModel(p) if isinstance(p, AddPlan) else LayerModel(p)
            self.stages[p.name], takers[p.name] = stage, []
            for name, inlet in zip(p.inputs, stage.inlets, strict=True):
                takers[name].append(inlet)
        self.sinks = {output.layer: _sink(output) for output in outputs}
        for name, sink in self.sinks.items():
            takers[name].append(sink)
        self.links = {
            name: found[0] if len(found) == 1 else ForkModel(found)
            for name, found in takers.items()
        }
        memories = [2]  # of the ends
        for name, stage in self.stages.items():
            if isinstance(stage, AddModel):
                stage.consumer = self.links[name]
            if not isinstance(stage, PixelSourceModel):
                memories.append(stage.memory)
        self.memory = max(memories)
        self.seen: list[np.ndarray] = []  # all times of each frame

    @property
    def left(self) -> int:
        """Frames of which all results have left."""
        return min(len(sink.ends) for sink in self.sinks.values())

    def ends(self) -> list[int]:
        """Cycle in which the last element of each frame leaves."""
        each = (sink.ends[: self.left] for sink in self.sinks.values())
        return [max(ends) for ends in zip(*each, strict=True)]

    def step(self) -> None:
        """Let all that can move do so until a frame has left."""
        frames = self.left
        while self.left == frames:
            stuck = True
            for name, stage in self.stages.items():
                while stage.ready() and self.links[name].open_row():
                    stage.send_row(self.links[name])
                    stuck = False
            assert not stuck, "the pipeline blocks itself"

    def frames(self) -> int:
        """Count the frames that every part is done with; last rows that nobody reads come late."""
        parts = *self.stages.values(), *self.sinks.values()
        histories = [history for part in parts for history in part.histories()]
        frames = min(len(times) // size for times, size in histories)
        for index in range(len(self.seen), frames):
            found = [times[index * size : (index + 1) * size] for times, size in histories]
            self.seen.append(np.concatenate(found))
        return frames

    def period(self) -> int:
        """Count the frames after which all repeats; 0 if that is not certain yet."""
        for period in range(1, min(len(self.seen) - self.memory, _LONGEST) + 1):
            recent = range(1, self.memory + 1)
            changes = (self.seen[-back] - self.seen[-back - period] for back in recent)
            if np.ptp(np.stack([*changes])) == 0:
                return period
        return 0


def _sink(output: Output) -> VectorSinkModel | RasterSinkModel:
    channels, height, width = output.link.activation.shape
    if output.in_order:
        return VectorSinkModel()
    if (height, width) == (1, 1):
        return RasterSinkModel(1, channels)
    return RasterSinkModel(height, width)
