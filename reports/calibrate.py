"""Fit of the area model (`hw.area`) to what Yosys makes of small designs."""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.area import KINDS, count
from hw.verilog import emit
from hw.whole_file import write_whole
from reports.samples import Sample, samples
from reports.yosys import FLOWS, Area, synthesise

SAMPLES = 28
HELD_OUT = 5  # every so many is kept from the fit, so that all kinds of networks are
SOFT = 4  # every so many is synthesised for the family without multipliers, too
COEFFICIENTS = Path(__file__).parents[1] / "hw" / "area.json"
# Families whose cells are the same share what a bit is worth.
FITS = {
    "ecp5": ("ecp5",),
    "ice40": ("ice40", "ice40hx"),
    "xilinx7": ("xilinx7",),
    "gowin": ("gowin",),
}
EASE = {"luts": 0.1, "flip_flops": 0.03}  # weight of what is expected against what is measured
# A DSP48E1 has registers and an adder of its own, and a LUT is a shift register.
INSIDE = {"xilinx7": {"cell_registers": 0.1, "scaled": 0.1, "cell_sums": 0.1, "delays": 0.5}}


@dataclass(frozen=True)
class Measured:
    """A sample, what is counted of it (`hw.area.count`) and what Yosys makes of it."""

    sample: Sample
    counts: dict[str, float]
    area: Area


def measure(number: int, sample: Sample, family: str, cache: Path) -> Measured:
    """Count a sample's parts and its cells."""
    area = synthesised(cache / f"sample{number}" / "top.v", family, cache)
    return Measured(sample, count(sample.network, sample.folding, family), area)


def synthesised(verilog: Path, family: str, cache: Path) -> Area:
    """Synthesise a file; what was made of the same Verilog is kept in the cache."""
    command = FLOWS[family].command
    digest = hashlib.sha256(verilog.read_bytes() + command.encode()).hexdigest()
    path = cache / f"{digest}.json"
    if not path.is_file():
        area = synthesise(verilog, family=family)
        write_whole(path, json.dumps({"cells": area.cells, "memory_bits": area.memory_bits}))
    record = json.loads(path.read_text())
    return Area(record["cells"], record["memory_bits"], family)


def least_squares(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Solve for the non-negative vector of least squared error, by Lawson and Hanson."""
    result = np.zeros(matrix.shape[1])
    free = np.zeros(len(result), bool)
    while not free.all():
        slope = np.where(free, -np.inf, matrix.T @ (wanted - matrix @ result))
        if slope.max() < 1e-9:
            break
        free[slope.argmax()] = True
        while True:
            solved = np.zeros(len(result))
            solved[free] = np.linalg.lstsq(matrix[:, free], wanted, rcond=None)[0]
            if solved[free].min() > 0:
                break
            back = free & (solved <= 0)
            step = (result[back] / (result[back] - solved[back])).min()
            result = result + step * (solved - result)
            free &= result > 1e-12
        result = solved
    return result


def fit(measured: Sequence[Measured], kind: str) -> dict[str, float]:
    """Find what a bit of everything is worth in LUTs or flip-flops, by relative error.

    What samples say little about stays near what is expected of it, by and large scaled to the
    family.
    """
    names = list(KINDS[kind])
    total = np.array([getattr(m.area, kind) for m in measured], float)
    known = np.array([m.counts[kind] for m in measured], float)
    matrix = np.array([[m.counts[name] for name in names] for m in measured], float)
    matrix /= total[:, None]
    wanted = (total - known) / total
    likely = KINDS[kind] | INSIDE.get(measured[0].area.family, {})
    expected = np.array([likely[name] for name in names])
    made = matrix @ expected
    expected *= (made @ wanted) / (made @ made)
    ease = np.diag(np.sqrt(EASE[kind] * (matrix**2).sum(axis=0) + 1e-9))
    solved = least_squares(
        np.concatenate([matrix, ease]), np.concatenate([wanted, ease @ expected])
    )
    return {name: round(float(value), 3) for name, value in zip(names, solved, strict=True)}


def predicted(measured: Measured, kind: str, worth: dict[str, float]) -> float:
    """Predict the LUTs or flip-flops of a sample."""
    counts = measured.counts
    return counts[kind] + sum(each * counts[name] for name, each in worth.items())


def errors(measured: Sequence[Measured], kind: str, worth: dict[str, float]) -> np.ndarray:
    """Relative errors of predictions."""
    return np.array(
        [predicted(m, kind, worth) / max(getattr(m.area, kind), 1) - 1 for m in measured]
    )


def said(measured: Sequence[Measured], kind: str, worth: dict[str, float]) -> str:
    """Say how large errors are, in magnitude."""
    wrong = np.abs(errors(measured, kind, worth))
    return f"median {np.median(wrong):5.1%}  worst {wrong.max():5.1%}"


def wrong_cells(measured: Sequence[Measured], kind: str) -> list[str]:
    """List the samples whose DSP cells or block RAMs are not as predicted."""
    pairs = [(m, int(np.ceil(m.counts[kind])), getattr(m.area, kind)) for m in measured]
    return [f"{m.sample.network.name}: {p}, not {a}" for m, p, a in pairs if p != a]


def main(argv: Sequence[str] | None = None) -> None:
    """Synthesise, fit, write the coefficients and say how good they are."""
    parser = argparse.ArgumentParser(
        prog="tools/calibrate-area",
        description="Fit the area model to what Yosys makes of small designs, "
        "and write hw/area.json.",
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, metavar="N", help="designs")
    parser.add_argument("--cache", type=Path, default=Path("build/area"), metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--verbose", action="store_true", help="list every sample")
    arguments = parser.parse_args(argv)

    start = time.monotonic()
    drawn = list(enumerate(samples(arguments.samples)))
    for number, sample in drawn:
        emit(sample.network, sample.folding, arguments.cache / f"sample{number}")
    jobs = [
        (number, sample, family)
        for number, sample in drawn
        for family in FLOWS
        if family in FITS or number % SOFT == 1
    ]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        made = list(pool.map(lambda job: measure(*job, cache=arguments.cache), jobs))
    print(f"{len(drawn)} designs, {len(made)} syntheses, {time.monotonic() - start:.0f} s")

    coefficients = {}
    for name, families in FITS.items():
        found = [m for m in made if m.area.family in families]
        coefficients |= dict.fromkeys(families, fitted(name, found))
        if arguments.verbose:
            list_samples(found, coefficients[name])
    COEFFICIENTS.write_text(json.dumps(coefficients, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {COEFFICIENTS}")


def fitted(name: str, found: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """Fit a family's coefficients and say how good they are, also where they were not fitted."""
    held = [m for m in found if _number(m) % HELD_OUT == 0]
    seen = [m for m in found if _number(m) % HELD_OUT]
    worth = {kind: fit(seen, kind) for kind in KINDS}
    for kind, each in worth.items():
        texts = f"fitted {said(seen, kind, each)}  held out {said(held, kind, each)}"
        print(f"{name:8} {kind:10} {texts}")
    for kind in ("dsp_cells", "block_rams"):
        wrong = wrong_cells(found, kind)
        print(f"{name:8} {kind:10} {len(found) - len(wrong)} of {len(found)} exact", *wrong)
    return worth


def list_samples(found: Sequence[Measured], worth: dict[str, dict[str, float]]) -> None:
    """Print every sample's figures, predicted and synthesised."""
    for m in found:
        figures = (
            f"{kind} {predicted(m, kind, worth[kind]):.0f} of {getattr(m.area, kind)}"
            for kind in KINDS
        )
        print(f"  {m.sample.network.name:9} {m.area.family:8}", *figures)


def _number(measured: Measured) -> int:
    return int(measured.sample.network.name.removeprefix("sample"))


if __name__ == "__main__":
    main()
