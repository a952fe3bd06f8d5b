"""What the monitors wrote: results compared, cycles counted, breaches of the protocol named."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.stalls import Stalls
from sim.top import Port, Top
from sim.wrapper import prefix


@dataclass(frozen=True)
class Mismatch:
    """One wrong element of an output, which is a layer's result."""

    output: str
    frame: int
    channel: int
    row: int
    column: int
    expected: int
    actual: int


@dataclass(frozen=True, eq=False)
class Result:
    """What one design did under one stall profile.

    Parameters
    ----------
    name : str
        The design.
    stalls : Stalls
        The profile.
    frames : int
        Frames that went through.
    outputs : dict of str to (N, C, H, W) int64
        The results by layer.
    mismatches : int or None
        Elements that differ from the expected ones; None where nothing was expected.
    first_mismatch : Mismatch or None
        One in the first frame that has any.
    interval : int or None
        Cycles between frames in steady state: of the last half of `intervals`, at least two. None
        if they differ, are fewer, or an end stalled.
    intervals : tuple of int
        Cycles between the last output beats, of all outputs, of successive frames.
    latency : int
        Cycles from the first beat in to the last beat of the first frame out.
    cycles : int
        Cycles from the first beat in to the last beat out.
    protocol_errors : tuple of str
        Sentences, one a kind and stream.
    """

    name: str
    stalls: Stalls
    frames: int
    outputs: dict[str, np.ndarray]
    mismatches: int | None
    first_mismatch: Mismatch | None
    interval: int | None
    intervals: tuple[int, ...]
    latency: int
    cycles: int
    protocol_errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs from what was expected, and the protocol was kept."""
        return not self.mismatches and not self.protocol_errors


@dataclass(frozen=True, eq=False)
class Record:
    """The beats of one stream: cycle, ``tlast`` and ``tdata`` of each, and every breach."""

    cycles: np.ndarray
    last: np.ndarray
    data: list[str]
    breaches: list[tuple[int, str]]

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read a monitor's file."""
        lines = [line.split(maxsplit=2) for line in path.read_text(encoding="ascii").splitlines()]
        beats = [line for line in lines if line[1] != "!"]
        return cls(
            cycles=np.array([int(cycle) for cycle, _, _ in beats], np.int64),
            last=np.array([last == "1" for _, last, _ in beats], bool),
            data=[data for _, _, data in beats],
            breaches=[(int(cycle), text) for cycle, mark, text in lines if mark == "!"],
        )

    def errors(self, port: Port, frames: int) -> list[str]:
        """Sentences about every kind of breach."""
        found = []
        first: dict[str, int] = {}
        for cycle, text in self.breaches:
            first.setdefault(text, cycle)
        for text, times in Counter(text for _, text in self.breaches).items():
            found.append(f"{text} {times} times, first in cycle {first[text]}")
        place = np.arange(len(self.last)) % port.beats
        wrong = np.flatnonzero(self.last != (place == port.beats - 1))
        if len(wrong):
            frame, beat = divmod(int(wrong[0]), port.beats)
            where = f"first at beat {beat} of frame {frame}"
            found.append(f"tlast must mark the last beat of a frame, {len(wrong)} wrong, {where}")
        surplus = len(self.data) - frames * port.beats
        if surplus > 0:
            found.append(f"{surplus} beats more than {frames} frames have")
        return [f"{port.stream}: {sentence}" for sentence in found]


def judge(
    name: str,
    top: Top,
    stalls: Stalls,
    folder: Path,
    frames: int,
    expected: Mapping[str, np.ndarray] | None,
) -> Result:
    """Turn the records of a finished run into a design's result.

    Parameters
    ----------
    name, top, stalls
        The design and the run.
    folder : Path
        Where the records are.
    frames : int
        Frames that went in.
    expected : dict of str to (N, C, H, W) int, or None
        The right results by layer.
    """
    records = {port: Record.load(folder / f"{prefix(name, port)}.record") for port in top.ports}
    outputs, ends = {}, np.zeros(frames, np.int64)
    for port in top.outputs:
        given, beats = records[port], frames * port.beats
        outputs[port.layer] = port.unpack(given.data[:beats])
        ends = np.maximum(ends, given.cycles[port.beats - 1 : beats : port.beats])
    begin, intervals = records[top.input].cycles[0], np.diff(ends)
    mismatches, first = (None, None) if expected is None else _compare(outputs, expected)
    return Result(
        name=name,
        stalls=stalls,
        frames=frames,
        outputs=outputs,
        mismatches=mismatches,
        first_mismatch=first,
        interval=_steady(intervals) if stalls == Stalls() else None,
        intervals=tuple(int(cycles) for cycles in intervals),
        latency=int(ends[0] - begin),
        cycles=int(ends[-1] - begin),
        protocol_errors=tuple(
            error for port in top.ports for error in records[port].errors(port, frames)
        ),
    )


def _compare(
    outputs: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> tuple[int, Mismatch | None]:
    """Count the differing elements, and find one in the first frame that has any."""
    count, found = 0, []
    for layer, result in outputs.items():
        wrong = np.argwhere(result != expected[layer])
        count += len(wrong)
        if len(wrong):
            frame, channel, row, column = place = tuple(wrong[0].tolist())
            right, actual = int(expected[layer][place]), int(result[place])
            found.append(Mismatch(layer, frame, channel, row, column, right, actual))
    return count, min(found, key=lambda mismatch: mismatch.frame, default=None)


def _steady(intervals: np.ndarray) -> int | None:
    """Find the interval that the last half of the frames, at least two, share."""
    half = intervals[-max(2, len(intervals) // 2) :]
    return int(half[0]) if len(half) >= 2 and np.all(half == half[0]) else None
