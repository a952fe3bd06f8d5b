"""Simulation of emitted designs: their Verilog over frames, between ends that may stall."""

import contextlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw import mem_files
from sim.build import build
from sim.records import Mismatch, Result, judge
from sim.stalls import Stalls, pace
from sim.tools import ToolError, environment, require_tools, tail
from sim.top import IDENTIFIER, Port, Top
from sim.wrapper import prefix

__all__ = ["Design", "Load", "Mismatch", "Result", "SimulationTimeout", "Stalls", "simulate"]


class SimulationTimeout(RuntimeError):
    """A design stopped moving before it was done."""


@dataclass(frozen=True)
class Load:
    """Weights that a design is given while frames go through it.

    Parameters
    ----------
    after : int
        Frames that begin before, at least 1; of one beat, a few more may.
    words : bytes
        What `hw.weight_stream` makes of a network.
    """

    after: int
    words: bytes


@dataclass(frozen=True, eq=False)
class Design:
    """An emitted design and what it is to compute.

    Parameters
    ----------
    name : str
        Identifier, unique in one simulation.
    folder : Path
        Holds ``top.v``, what it reads, and ``top.json``; the modules of designs simulated together
        have names of their own.
    frames : (N, C, H, W) int
        Elements as they are on the stream.
    expected : dict of str to (N, C, H, W) int, optional
        The right results by layer, as `hw.network.Network.compute` returns them.
    load : Load, optional
        Other weights for the later frames.
    """

    name: str
    folder: Path
    frames: np.ndarray
    expected: Mapping[str, np.ndarray] | None = None
    load: Load | None = None


def simulate(
    designs: Sequence[Design],
    build_dir: Path,
    *,
    stalls: Sequence[Stalls] = (Stalls(),),
    seed: int = 0,
    timeout_cycles: int | None = None,
    jobs: int = 1,
    waves: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Result]:
    """Run designs side by side in one Verilator model, once for each stall profile.

    Parameters
    ----------
    designs : sequence of Design
        All in one model, each with its own frames and ends.
    build_dir : Path
        Keeps models by the hash of their content, and each run's files below its model.
    stalls : sequence of Stalls
        Runs, each from reset.
    seed : int
        Seed of the stalls and of what registers hold before reset.
    timeout_cycles : int, optional
        Cycles without any beat that count as a deadlock. Default: ten times the longest frame.
    jobs : int
        Runs at a time.
    waves : bool
        Whether each run leaves ``dump.vcd``.
    progress : callable
        Is told what begins.

    Returns
    -------
    list of Result
        For each stall profile in order, for each design in order.

    Raises
    ------
    ValueError
        If names, shapes or ranges do not fit; design or file are named.
    ToolMissing, ToolError
        If a program is not there, or fails.
    SimulationTimeout
        If a design stops before it is done.
    """
    tops = _tops(designs)
    most = max(len(top.outputs) for top in tops.values())
    for case in stalls:
        if case.sink.count(",") >= most:
            raise ValueError(f"stalls must be of at most {most} sinks, not {str(case)!r}")
    require_tools()
    progress(f"building the Verilator model of {', '.join(tops)}")
    sources = [design.folder / "top.v" for design in designs]
    model = build(tops, sources, build_dir, waves=waves)
    longest = max(top.latency + top.interval for top in tops.values())
    timeout = timeout_cycles or 10_000 + 10 * longest

    def run(number: int) -> list[Result]:
        case, rng = stalls[number], np.random.default_rng([seed, number])
        progress(f"simulating {', '.join(tops)} with stalls {case}")
        folder = model / f"{case.source}-{case.sink}-{seed}"
        _write_case(folder, designs, tops, case, rng, timeout)
        _execute(model, folder, seed, waves)
        _refuse_stuck(folder, tops, timeout)
        return [
            judge(design.name, tops[design.name], case, folder, len(design.frames), design.expected)
            for design in designs
        ]

    with environment(), ThreadPoolExecutor(jobs) as pool:
        return [result for results in pool.map(run, range(len(stalls))) for result in results]


def _tops(designs: Sequence[Design]) -> dict[str, Top]:
    """Read and check the designs' top levels."""
    tops: dict[str, Top] = {}
    for design in designs:
        if not IDENTIFIER.fullmatch(design.name) or design.name in tops:
            raise ValueError(f"design must have an identifier of its own, not {design.name!r}")
        top = tops[design.name] = Top.load(design.folder)
        try:
            top.input.check(design.frames)
        except ValueError as error:
            raise ValueError(f"design {design.name!r}: {error}") from error
        size = top.weights.beats if top.weights else 0
        if design.load and len(design.load.words) != size:
            found = len(design.load.words)
            raise ValueError(f"design {design.name!r}: load must be of {size} bytes, not {found}")
        if design.expected is not None:
            wanted = {port.layer: (len(design.frames), *port.shape) for port in top.outputs}
            given = {layer: maps.shape for layer, maps in design.expected.items()}
            if given != wanted:
                raise ValueError(f"design {design.name!r}: expected must be {wanted}, not {given}")
    if not tops:
        raise ValueError("designs must be at least one")
    streams = [prefix(name, port) for name, top in tops.items() for port in top.ports]
    if len(set(streams)) < len(streams):
        raise ValueError(f"designs must have streams of their own, not {', '.join(tops)}")
    return tops


def _write_case(
    folder: Path,
    designs: Sequence[Design],
    tops: dict[str, Top],
    stalls: Stalls,
    rng: np.random.Generator,
    timeout: int,
) -> None:
    """Write the files that a run reads: memories, beats, paces, and ``case.json``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    counts = {}
    for design in designs:
        mem_files.copy(design.folder / "top.v", folder)
        top = tops[design.name]
        profiles = stalls.source, *stalls.sinks(len(top.outputs))
        for port, profile in zip(top.ports, profiles, strict=True):
            name = prefix(design.name, port)
            counts[name] = len(design.frames) * port.beats
            runs = pace(profile, beats=port.beats, interval=top.interval, rng=rng)
            lines = "".join(f"{go} {stop}\n" for go, stop in runs)
            (folder / f"{name}.pace").write_text(lines, encoding="ascii")
        beats = top.input.pack(design.frames)
        _write_beats(folder / f"{prefix(design.name, top.input)}.beats", beats, top.input.beats)
        if top.weights:
            counts |= _write_load(folder, design, top, top.weights)
    settle = max(top.interval for top in tops.values())
    case = {"beats": counts, "settle": settle, "timeout": timeout}
    (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")


def _write_beats(path: Path, beats: Sequence[str], size: int) -> None:
    """Write what a source plays: beats of frames of some size."""
    lines = (f"{int(i % size == size - 1)} {beat}\n" for i, beat in enumerate(beats))
    path.write_text("".join(lines), encoding="ascii")


def _write_load(folder: Path, design: Design, top: Top, port: Port) -> dict[str, int]:
    """Write what the stream of weights plays, if anything; return its beats."""
    name, load = prefix(design.name, port), design.load
    beats = [f"{byte:02x}" for byte in load.words] if load else []
    # Offered once the last frame before has begun: no further one begins then.
    after = (load.after - 1) * top.input.beats + 1 if load else 0
    _write_beats(folder / f"{name}.beats", beats, port.beats)
    (folder / f"{name}.after").write_text(f"{after}\n", encoding="ascii")
    (folder / f"{name}.pace").write_text("1000000 0\n", encoding="ascii")
    return {name: len(beats)}


def _execute(model: Path, folder: Path, seed: int, waves: bool) -> None:
    """Run the model in a case's folder."""
    from cocotb_tools.runner import get_runner

    log = folder / "run.log"
    with contextlib.suppress(OSError, RuntimeError, SystemExit):  # judged by what the bench left
        get_runner("verilator").test(
            test_module="sim.bench",
            hdl_toplevel="bench",
            hdl_toplevel_lang="verilog",
            build_dir=model,
            test_dir=folder,
            seed=seed,
            plusargs=["+verilator+rand+reset+2", f"+verilator+seed+{seed % 0x7FFFFFFE + 1}"],
            waves=waves,
            log_file=log,
        )
    if not (folder / "beats.json").exists():
        raise ToolError(f"the simulation must end, but failed\n{tail(log)}")


def _refuse_stuck(folder: Path, tops: dict[str, Top], timeout: int) -> None:
    """Check that every stream has moved its beats."""
    wanted = json.loads((folder / "case.json").read_text(encoding="utf-8"))["beats"]
    moved = json.loads((folder / "beats.json").read_text(encoding="utf-8"))
    stuck = []
    for name, top in tops.items():
        keys = {port.stream: prefix(name, port) for port in top.ports}
        if any(moved[key] < wanted[key] for key in keys.values()):
            said = (f"{moved[key]} of {wanted[key]} beats of {port}" for port, key in keys.items())
            stuck.append(f"design {name!r} stopped after {', '.join(said)}")
    if stuck:
        raise SimulationTimeout(f"{'; '.join(stuck)}; no beat moved for {timeout} cycles")
