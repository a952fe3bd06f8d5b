"""The engine of a network's one layer: its plan, its Verilog, and what it takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amaranth.back import verilog

from hw.cells.portable import Portable
from hw.fold import Folding
from hw.layer import LayerEngine
from hw.layer_plan import LayerPlan
from hw.network import Network
from hw.plan import plan
from secateur.bench import synthesis

TOP = "engine"


def planned(network: Network, folding: Folding, cells: Portable) -> LayerPlan:
    """Plan the layer of a network that has one.

    Raises
    ------
    ValueError
        If the folding does not fit the network.
    """
    (built,) = plan(network, folding, stages=cells.stages)
    assert isinstance(built, LayerPlan)
    return built


def emit(built: LayerPlan, cells: Portable, path: Path) -> None:
    """Write an engine's Verilog, between the streams of beats by which layers are joined.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    made = LayerEngine(built)
    text = verilog.convert(made, TOP, cells, emit_src=False, strip_internal_attrs=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def measure(
    built: LayerPlan,
    cells: Portable,
    path: Path,
    cache: Path,
    family: str = "ecp5",
    seeds: Sequence[int] = (),
) -> dict[str, Any]:
    """Write an engine's Verilog to a path and synthesise it.

    Parameters
    ----------
    built : LayerPlan
    cells : hw.cells.portable.Portable
        That it is made of.
    path : path
        Of the Verilog.
    cache : path
        Folder of what was measured.
    family : str
        Of parts, one of `reports.yosys.FLOWS`.
    seeds : sequence of int
        Of place and route, each of which gives a clock.

    Returns
    -------
    dict
        The ``fold``, the ``multipliers``, and the figures of `secateur.bench.synthesis`.

    Raises
    ------
    OSError
        If a file cannot be written.
    ToolError
        If a tool fails or takes too long.
    """
    emit(built, cells, path)
    return {
        "fold": vars(built.fold),
        "multipliers": built.multipliers,
        **synthesis.figures(path, TOP, cache, family, seeds),
    }


def folded(rows: Sequence[dict[str, Any]]) -> str:
    """Say how far the engine of all rows is folded, and what is part of it."""
    fold = " x ".join(str(rows[0]["fold"][key]) for key in "PGRE")
    return f"P x G x R x E is {fold}, one engine with its buffers and handshakes."
