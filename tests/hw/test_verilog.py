import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw import verilog
from hw.cost import predict
from hw.layers import Input, MaxPool
from hw.network import Network
from hw.plan import Fold, UnsupportedLayer
from hw.verilog import emit
from tests.hw.networks import NO_PADDING, conv

PORTS = {
    "aclk": ("input", 1),
    "aresetn": ("input", 1),
    "s_axis_tdata": ("input", 16),
    "s_axis_tvalid": ("input", 1),
    "s_axis_tready": ("output", 1),
    "s_axis_tlast": ("input", 1),
    "m_axis_tdata": ("output", 24),
    "m_axis_tvalid": ("output", 1),
    "m_axis_tready": ("input", 1),
    "m_axis_tlast": ("output", 1),
    "s_axis_misframed": ("output", 1),
}
FOLDING = {"x": Fold(2), "a": Fold(3, 2, 2), "p": Fold(2, 1, 2)}


def network() -> Network:
    rng = np.random.default_rng(1)
    a = conv(rng, "a", "x", (2, 4), bits=6, scale=0.5)
    kept = dataclasses.replace(a, channels=(0, 3, 4, 9))
    return Network("net", (Input("x", (2, 4, 6), bits=7), kept, MaxPool("p", "a")))


def ports_of(text: str, top: str) -> dict[str, tuple[str, int]]:
    """Direction and width of every port of a module."""
    body = re.search(rf"^module {top}\((.*?)\);(.*?)^endmodule", text, re.MULTILINE | re.DOTALL)
    assert body
    names = [name.strip() for name in body[1].split(",")]
    found = {}
    for kind, high, name in re.findall(
        r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", body[2], re.MULTILINE
    ):
        found[name] = kind, int(high or 0) + 1
    assert sorted(found) == sorted(names)
    return found


def test_top_has_plain_axi_stream_ports(tmp_path) -> None:
    text = (emit(network(), FOLDING, tmp_path) / "top.v").read_text()
    assert ports_of(text, "top") == PORTS
    renamed = (emit(network(), FOLDING, tmp_path, top="dense") / "top.v").read_text()
    assert ports_of(renamed, "dense") == PORTS
    modules = re.findall(r"^module (\S+?)\(", renamed, re.MULTILINE)
    assert all(name.lstrip("\\").split(".")[0] == "dense" for name in modules)


def busses_of(text: str) -> str:
    (found,) = set(re.findall(r"ASSOCIATED_BUSIF (\S+),", text))
    return found


def test_one_output_is_called_m_axis(tmp_path) -> None:
    text = (emit(network(), FOLDING, tmp_path) / "top.v").read_text()
    assert busses_of(text) == "s_axis:m_axis"
    assert re.findall(r"^module (\S+sink\S*) \(", text, re.MULTILINE) == [r"\top.accelerator.sink"]


def test_several_outputs_have_streams_of_their_own(tmp_path) -> None:
    net = network()
    two = Network("net", net.layers, ("p", "a"))
    folder = emit(two, FOLDING, tmp_path)
    text, sidecar = (folder / "top.v").read_text(), json.loads((folder / "top.json").read_text())
    ends = {"tdata": ("output", 24), "tvalid": ("output", 1), "tready": ("input", 1)}
    ends["tlast"] = ends["tvalid"]
    wanted = {name: port for name, port in PORTS.items() if not name.startswith("m_axis")}
    wanted |= {f"m_axis_{layer}_{key}": port for layer in "pa" for key, port in ends.items()}
    assert ports_of(text, "top") == wanted
    assert busses_of(text) == "s_axis:m_axis_p:m_axis_a"
    for layer in "pa":
        for key in ends:
            assert f"interface:axis:1.0 m_axis_{layer} {key.upper()}" in text
    keys = ("stream", "layer", "shape", "bits", "signed", "elements_per_beat", "beats")
    assert [[output[key] for key in keys] for output in sidecar["outputs"]] == [
        ["m_axis_p", "p", [4, 2, 3], 6, False, 4, 6],
        ["m_axis_a", "a", [4, 4, 6], 6, False, 4, 24],
    ]
    cost = predict(two, FOLDING)
    assert sidecar["cycles"] == {"interval": cost.interval, "latency": cost.latency}


def test_verilog_names_no_place_on_this_machine(tmp_path) -> None:
    text = (emit(network(), FOLDING, tmp_path) / "top.v").read_text()
    assert str(Path.cwd()) not in text
    assert ".py" not in text


def test_lanes_without_a_column_are_no_processes(tmp_path) -> None:
    """Verilator refuses a process that reads nothing; 16 lanes of 28 columns use 14."""
    rng = np.random.default_rng(4)
    a, b = conv(rng, "a", "x", (2, 3)), conv(rng, "b", "a", (3, 2), stride=(1, 2))
    net = Network("net", (Input("x", (2, 4, 28)), a, b))
    folding = {"x": Fold(16), "a": Fold(16, 2), "b": Fold(9)}
    text = (emit(net, folding, tmp_path) / "top.v").read_text()
    assert "always @*" in text
    assert not re.findall(r"always @\*\s+\S+ (?:\[[\d:]+\] )?= \d+'h\w+;", text)


def test_sidecar_says_what_a_harness_must_know(tmp_path) -> None:
    net = network()
    net.save(tmp_path / "net.safetensors")
    folder = emit(net, FOLDING, tmp_path / "out", tmp_path / "net.safetensors")
    cost = predict(net, FOLDING)
    digest = hashlib.sha256((tmp_path / "net.safetensors").read_bytes()).hexdigest()
    assert json.loads((folder / "top.json").read_text()) == {
        "schema": "secateur.top/1",
        "top": "top",
        "cells": "portable",
        "clock": "aclk",
        "reset": "aresetn",
        "inputs": [
            {
                "stream": "s_axis",
                "shape": [2, 4, 6],
                "bits": 7,
                "signed": False,
                "elements_per_beat": 2,
                "beats": 24,
            }
        ],
        "outputs": [
            {
                "stream": "m_axis",
                "layer": "p",
                "shape": [4, 2, 3],
                "bits": 6,
                "signed": False,
                "scale": 0.5,
                "channels": [0, 3, 4, 9],
                "elements_per_beat": 4,
                "beats": 6,
            }
        ],
        "cycles": {"interval": cost.interval, "latency": cost.latency},
        "network": {"file": "net.safetensors", "sha256": digest},
        "files": ["top.v"],
    }


def test_vector_leaves_one_element_a_beat(tmp_path) -> None:
    rng = np.random.default_rng(2)
    layer = conv(rng, "c", "x", (2, 5), (3, 3), padding=NO_PADDING, raw=True)
    net = Network("net", (Input("x", (2, 3, 3)), layer))
    emit(net, {"c": Fold(1)}, tmp_path)
    (output,) = json.loads((tmp_path / "top.json").read_text())["outputs"]
    assert (output["elements_per_beat"], output["beats"]) == (1, 5)
    assert (output["shape"], output["signed"]) == ([5, 1, 1], True)
    assert output["bits"] == net.formats["c"].bits


@pytest.mark.parametrize("name", ["source", "sink", "top", "reg", "module", "misframed"])
def test_layers_may_have_any_name(tmp_path, name) -> None:
    net = Network("net", (Input("x", (2, 4, 4)), conv(np.random.default_rng(3), name, "x", (2, 1))))
    assert (emit(net, {name: Fold(1)}, tmp_path) / "top.v").exists()


SCRIPT = """
import sys
from pathlib import Path
from hw.network import Network
from hw.plan import Fold
from hw.verilog import emit
assert "torch" not in sys.modules
folding = {"x": Fold(2), "a": Fold(3, 2, 2), "p": Fold(2, 1, 2)}
emit(Network.load(sys.argv[1]), folding, sys.argv[2], sys.argv[1])
"""


def test_same_bytes_in_every_run_and_for_every_hash_seed(tmp_path) -> None:
    net, file = network(), tmp_path / "net.safetensors"
    net.save(file)
    texts = set()
    for seed in ("0", "1", "4711"):
        out = tmp_path / seed
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": "."}
        command = [sys.executable, "-c", SCRIPT, str(file), str(out)]
        subprocess.run(command, check=True, env=environment)
        texts.add(((out / "top.v").read_bytes(), (out / "top.json").read_bytes()))
    emit(net, FOLDING, tmp_path / "here", file)
    here = tmp_path / "here"
    texts.add(((here / "top.v").read_bytes(), (here / "top.json").read_bytes()))
    assert len(texts) == 1


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({"folding": {}}, ValueError, "layer 'a' must have a fold"),
        ({"folding": FOLDING | {"a": Fold(9)}}, ValueError, "layer 'a': P must be 1 to 6, not 9"),
        ({"top": "a b"}, ValueError, "top must be an identifier, not 'a b'"),
        ({"top": "x;endmodule"}, ValueError, "top must be an identifier, not 'x;endmodule'"),
        ({"network_file": "nowhere"}, FileNotFoundError, "nowhere"),
        (
            {"network": Network("empty", (Input("x", (1, 2, 2)),)), "folding": {}},
            UnsupportedLayer,
            "network 'empty' must have a layer behind its input",
        ),
    ],
)
def test_wrong_call_writes_nothing(tmp_path, options, kind, sentence) -> None:
    arguments = {"network": network(), "folding": FOLDING, "folder": tmp_path / "new"} | options
    with pytest.raises(kind, match=re.escape(sentence)):
        emit(**arguments)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("failing", ["convert", "dumps"])
def test_failure_leaves_what_was_there(tmp_path, monkeypatch, failing) -> None:
    folder = emit(network(), FOLDING, tmp_path)
    (folder / "mine.txt").write_text("mine")
    before = contents(folder)

    def fail(*_, **__):
        raise OSError("no space left on device")

    owner = verilog.verilog if failing == "convert" else verilog.json
    monkeypatch.setattr(owner, failing, fail)
    with pytest.raises(OSError, match="no space"):
        emit(network(), FOLDING | {"a": Fold(1)}, folder)
    assert contents(folder) == before
