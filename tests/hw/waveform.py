"""What the fronts of the layers do in every cycle, read from a waveform of Amaranth's simulator."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.sim import Simulator

from hw.accelerator import Accelerator
from hw.layer_plan import LayerPlan
from tests.hw.networks import Case
from tests.hw.pipeline import input_words
from tests.hw.streams import Transfers, collector, driver, never


@dataclass(frozen=True)
class Fronts:
    """By layer: whether its front fires, and whether its window is there, in every cycle.

    Cycle 0 is the first in which a pixel is taken; `ends` are those of every frame's last output.
    """

    fire: dict[str, np.ndarray]
    window: dict[str, np.ndarray]
    ends: list[int]

    def counts(self, name: str, first: int, last: int) -> tuple[int, int, int]:
        """Cycles ``first .. last - 1`` in which a front fires, waits for window, and for room."""
        fire, window = self.fire[name][first:last], self.window[name][first:last]
        return int(fire.sum()), int((~window).sum()), int((window & ~fire).sum())


def fronts(case: Case, frames: np.ndarray, path: Path) -> Fronts:
    """Simulate frames between ends that never stall."""
    dut = Accelerator(case.network, case.folding)
    words = input_words(case.network, frames)
    (output,) = dut.outputs
    count = len(frames) * output.beats
    limit, taken, out = 100_000, Transfers(), Transfers()
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(driver(dut.s_axis, words, never(), limit, taken))
    sim.add_testbench(collector(dut.results(output), count, never(), limit, out))
    with sim.write_vcd(str(path)):
        sim.run()
    names = [p.name for p in dut.plans if isinstance(p, LayerPlan)]
    wanted = {
        f"layer_{name}.tap_walker.{signal}" for name in names for signal in ("fire", "window_valid")
    }
    values, start = _cycles(path, wanted), taken.cycles[0]
    ends = out.cycles[count // len(frames) - 1 :: count // len(frames)]
    return Fronts(
        {name: values[f"layer_{name}.tap_walker.fire"][start:] for name in names},
        {name: values[f"layer_{name}.tap_walker.window_valid"][start:] for name in names},
        [end - start for end in ends],
    )


def _cycles(path: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """Values of one-bit signals at every rising edge of the clock, before it."""
    scope, names, values = [], {}, {}
    found: dict[str, list[bool]] = {name: [] for name in wanted}
    changes: dict[str, str] = {}
    clock = None

    def settle() -> None:
        if changes.get(clock or "") == "1":
            for key, name in names.items():
                found[name].append(values.get(key) == "1")
        values.update(changes)
        changes.clear()

    for line in path.read_text(encoding="utf-8").splitlines():
        match line.split():
            case ["$scope", _, name, "$end"]:
                scope.append(name)
            case ["$upscope", "$end"]:
                scope.pop()
            case ["$var", _, "1", key, name, *_]:
                if name == "clk":
                    clock = key
                place = ".".join([*scope, name])
                for full in wanted:
                    if place.endswith(full):
                        names[key] = full
            case [word] if word[0] == "#":
                settle()
            case [word] if word[0] in "01":
                changes[word[1:]] = word[0]
    settle()
    assert set(names.values()) == wanted
    return {name: np.array(each) for name, each in found.items()}
