"""Cells in one Verilator model, their pins set step by step from files."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.tools import environment

_BENCH = """\
module bench;
  localparam STEPS = {steps};
  reg [{ins}:0] stimuli [0:STEPS-1];
  reg [{ins}:0] in;
  wire [{outs}:0] out;
  integer step, file;
{cells}
  initial begin
    $readmemh("stimuli.hex", stimuli);
    file = $fopen("responses.hex", "w");
    for (step = 0; step < STEPS; step = step + 1) begin
      in = stimuli[step];
      #1;
      $fdisplay(file, "%h", out);
    end
    $finish;
  end
endmodule
"""


@dataclass(frozen=True)
class Cell:
    """A cell with parameters; the widths of its inputs and outputs, of which others stay open.

    A wide one is as many pins, numbered from 0, unless `vectors` says that it is one port.
    """

    module: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    vectors: bool = False

    def instance(self, name: str, first_in: int, first_out: int) -> str:
        ports = []
        for wire, first, fields in (
            ("in", first_in, self.inputs),
            ("out", first_out, self.outputs),
        ):
            for field, width in fields.items():
                if width == 1 or self.vectors:
                    ports.append(f".{field}({wire}[{first}+:{width}])")
                else:
                    ports += [f".{field}{k}({wire}[{first + k}])" for k in range(width)]
                first += width
        values = ", ".join(f".{key}({_literal(value)})" for key, value in self.parameters.items())
        return f"  {self.module} #({values}) {name} ({', '.join(ports)});"


Pins = dict[str, np.ndarray]


def steps(pins: Pins) -> Iterator[dict[str, int]]:
    """Yield the pins step by step, and each that has just risen as ``+NAME``."""
    before = dict.fromkeys(pins, 1)
    for values in zip(*(values.tolist() for values in pins.values()), strict=True):
        now = dict(zip(pins, values, strict=True))
        yield now | {f"+{name}": now[name] > before[name] for name in now}
        before = now


def drive(
    cells: Sequence[Cell], stimuli: Sequence[Pins], folder: Path, sources: Sequence[Path] = ()
) -> list[Pins]:
    """Set the pins of all cells, step by step; return theirs after each step.

    Cells that are no primitives of the ECP5 are in `sources`.
    """
    steps = len(next(iter(stimuli[0].values())))
    lines, first_in, first_out = [], 0, 0
    for number, cell in enumerate(cells):
        lines.append(cell.instance(f"cell_{number}", first_in, first_out))
        first_in += sum(cell.inputs.values())
        first_out += sum(cell.outputs.values())
    bench = _BENCH.format(steps=steps, ins=first_in - 1, outs=first_out - 1, cells="\n".join(lines))
    (folder / "bench.v").write_text(bench)
    bits = [
        _bits(given[field], width)
        for cell, given in zip(cells, stimuli, strict=True)
        for field, width in cell.inputs.items()
    ]
    _write(folder / "stimuli.hex", np.concatenate(bits, axis=1))
    _run(folder, sources)
    found = _read(folder / "responses.hex", first_out)
    assert len(found) == steps
    results, first = [], 0
    for cell in cells:
        result = {}
        for field, width in cell.outputs.items():
            result[field] = found[:, first : first + width] @ (
                1 << np.arange(width, dtype=np.int64)
            )
            first += width
        results.append(result)
    return results


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{max(value.bit_length(), 32)}'h{value:x}"


def _bits(values: np.ndarray, width: int) -> np.ndarray:
    return (values[:, None] >> np.arange(width) & 1).astype(np.uint8)


def _write(path: Path, bits: np.ndarray) -> None:
    words = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    path.write_text("".join(f"{word.tobytes().hex()}\n" for word in words))


def _read(path: Path, width: int) -> np.ndarray:
    digits = -(-width // 8) * 2
    lines = [line.zfill(digits) for line in path.read_text().split()]
    words = np.array([list(bytes.fromhex(line)) for line in lines], np.uint8)[:, ::-1]
    return np.unpackbits(words, axis=1, bitorder="little")[:, :width].astype(np.int64)


def _run(folder: Path, sources: Sequence[Path]) -> None:
    models = sorted((Path(__file__).parents[3] / "sim" / "verilog" / "ecp5").glob("*.v"))
    flags = ["--binary", "-CFLAGS", "-std=c++20", "-Wno-lint", "--x-initial", "unique"]
    with environment():
        build = ["verilator", *flags, "--top-module", "bench", "--Mdir", "model", "bench.v"]
        subprocess.run([*build, *models, *sources], cwd=folder, check=True, capture_output=True)
        run = ["./model/Vbench", "+verilator+rand+reset+2", "+verilator+seed+7"]
        subprocess.run(run, cwd=folder, check=True, capture_output=True)
