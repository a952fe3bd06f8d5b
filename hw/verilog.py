"""Verilog of an accelerator, and the sidecar that lets any harness drive it."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from amaranth import *
from amaranth.back import verilog

from hw import mem_files
from hw.accelerator import Accelerator
from hw.cells.portable import PORTABLE, Portable
from hw.cost import predict
from hw.layers import NAME
from hw.network import Network, file_hash
from hw.outputs import Output
from hw.plan import Folding

SCHEMA = "secateur.top/1"
_X = "xilinx.com:interface:axis:1.0"


class Top(Elaboratable):
    """An accelerator behind plain AXI4-Stream port names, clock ``aclk`` and reset ``aresetn``."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        inputs = ("s_axis", "s_axis_weights")[: 1 + accelerator.loadable]
        self.sides = (*inputs, *(output.stream for output in accelerator.outputs))
        busses = f"ASSOCIATED_BUSIF {':'.join(self.sides)}, ASSOCIATED_RESET aresetn"
        self.clock = Signal(name="aclk", attrs={"X_INTERFACE_PARAMETER": busses})
        self.reset_n = Signal(
            name="aresetn", attrs={"X_INTERFACE_PARAMETER": "POLARITY ACTIVE_LOW"}
        )
        self.flags = {"misframed": Signal(name="s_axis_misframed")}
        if accelerator.loadable:
            self.flags["weights_incomplete"] = Signal(name="s_axis_weights_incomplete")
        self.streams = {
            f"{side}_{key}": Signal.like(
                getattr(getattr(accelerator, side), key),
                name=f"{side}_{key}",
                attrs={"X_INTERFACE_INFO": f"{_X} {side} {key.upper()}"},
            )
            for side in self.sides
            for key in ("tdata", "tvalid", "tready", "tlast")
        }

    @property
    def ports(self) -> list[Signal]:
        """Ports of the module."""
        return [self.clock, self.reset_n, *self.streams.values(), *self.flags.values()]

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.accelerator = inner = self.accelerator
        m.d.comb += [
            ClockSignal().eq(self.clock),
            ResetSignal().eq(~self.reset_n),
            *(flag.eq(getattr(inner, name)) for name, flag in self.flags.items()),
        ]
        for side in self.sides:
            for key in ("tdata", "tvalid", "tready", "tlast"):
                outer, member = self.streams[f"{side}_{key}"], getattr(getattr(inner, side), key)
                inwards = side.startswith("s_axis") != (key == "tready")
                m.d.comb += member.eq(outer) if inwards else outer.eq(member)
        return m


def emit(
    network: Network,
    folding: Folding,
    folder: str | os.PathLike,
    network_file: str | os.PathLike | None = None,
    top: str = "top",
    cells: Portable = PORTABLE,
    inline_words: int | None = None,
    *,
    loadable: bool = False,
) -> Path:
    """Write ``top.v`` (Verilog-2005) and ``top.json`` into a folder; both or none.

    Parameters
    ----------
    network : Network
    folding : Folding
    folder : path
        Made if it is not there; what it holds else is left alone.
    network_file : path, optional
        File that the network was read from; its name and hash go into ``top.json``.
    top : str
        Name of the top module, which begins the names of all its modules.
    cells : Portable
        What the parts are made of: `hw.cells.named` has those of each family.
    inline_words : int, optional
        Memories of more words have their contents in files of their own (`hw.mem_files`), which are
        written with the Verilog. Default: none has.
    loadable : bool
        Whether other weights can be loaded (`hw.contents`).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UnsupportedLayer, ValueError
        If the network or the folding cannot be built, or `top` is no identifier.
    """
    if not NAME.fullmatch(top):
        raise ValueError(f"top must be an identifier, not {top!r}")
    accelerator = Accelerator(network, folding, cells.stages, loadable=loadable)
    sidecar = describe(accelerator, folding, top, cells.name)
    if loadable:
        sidecar["weights"] = {"stream": "s_axis_weights", "bytes": accelerator.weight_bytes}
    if network_file is not None:
        path = Path(network_file)
        sidecar["network"] = {"file": path.name, "sha256": file_hash(path)}
    design = Top(accelerator)
    text = verilog.convert(
        design, top, cells, ports=design.ports, emit_src=False, strip_internal_attrs=True
    )
    files = {}
    if inline_words is not None:
        text, files = mem_files.split(text, inline_words)
    sidecar["files"] = ["top.v", *files]
    files |= {"top.v": text, "top.json": json.dumps(sidecar, indent=2) + "\n"}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".part-"))
    try:
        for name, content in files.items():
            (temporary / name).write_text(content, encoding="utf-8")
        # Verilog without its sidecar is of no use to a harness, Verilog with an old one is.
        (folder / "top.json").unlink(missing_ok=True)
        for name in files:
            (temporary / name).replace(folder / name)
    finally:
        shutil.rmtree(temporary)
    return folder


def describe(accelerator: Accelerator, folding: Folding, top: str, cells: str) -> dict:
    """Say what a harness must know to drive the Verilog: streams, formats, cycles, its cells."""
    network, first = accelerator.network, accelerator.network.input.stream
    cost = predict(network, folding, accelerator.plans)
    return {
        "schema": SCHEMA,
        "top": top,
        "cells": cells,
        "clock": "aclk",
        "reset": "aresetn",
        "inputs": [
            {
                "stream": "s_axis",
                "shape": list(first.shape),
                "bits": first.bits,
                "signed": first.signed,
                "elements_per_beat": first.shape[0],
                "beats": first.shape[1] * first.shape[2],
            }
        ],
        "outputs": [_describe_output(output) for output in accelerator.outputs],
        "cycles": {"interval": cost.interval, "latency": cost.latency},
        "network": {"file": None, "sha256": None},
    }


def _describe_output(output: Output) -> dict:
    result = output.link.activation
    return {
        "stream": output.stream,
        "layer": output.layer,
        "shape": list(result.shape),
        "bits": result.bits,
        "signed": result.signed,
        "scale": result.scale,
        "channels": list(result.channels),
        "elements_per_beat": output.elements,
        "beats": output.beats,
    }
