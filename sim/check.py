"""Proof that the simulator works here, by simulating one gate."""

import importlib.metadata
import json
import tempfile
from pathlib import Path

import numpy as np

from sim.runner import Design, simulate
from sim.tools import ToolError
from sim.top import SCHEMA

_GATE = """\
module gate (
    input aclk, input aresetn,
    input [7:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
    output [7:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast
);
  assign m_axis_tdata = {7'b0, !s_axis_tdata[0]};
  assign m_axis_tvalid = s_axis_tvalid && aresetn;
  assign m_axis_tlast = s_axis_tlast;
  assign s_axis_tready = m_axis_tready;
endmodule
"""


def check_simulator() -> str:
    """Build and run a one-gate design with Verilator and cocotb.

    Returns
    -------
    str
        The versions of both.

    Raises
    ------
    ToolMissing, ToolError
        If a program is not there, or the gate does not invert.
    """
    port = {"shape": (1, 1, 1), "bits": 1, "signed": False, "elements_per_beat": 1, "beats": 1}
    top = {
        "schema": SCHEMA,
        **{"top": "gate", "clock": "aclk", "reset": "aresetn"},
        "inputs": [{"stream": "s_axis", **port}],
        "outputs": [{"stream": "m_axis", "layer": "not", **port}],
        "cycles": {"interval": 1, "latency": 0},
    }
    bits = np.array([0, 1]).reshape(2, 1, 1, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "top.v").write_text(_GATE, encoding="utf-8")
        (folder / "top.json").write_text(json.dumps(top), encoding="utf-8")
        (result,) = simulate([Design("gate", folder, bits, {"not": 1 - bits})], folder / "build")
    if not result.ok:
        raise ToolError("Verilator must simulate an inverter, but its result is wrong")
    return ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("verilator", "cocotb")
    )
