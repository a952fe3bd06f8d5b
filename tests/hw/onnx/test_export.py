"""onnxruntime is an independent judge of what a network computes."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from hw.layers import Add, AvgPool, Concat, Conv, Input, Layer, MaxPool
from hw.network import Network
from hw.onnx.export import SCHEMA, export_onnx, onnx_model
from tests.hw.drawn import KINDS, frames_of, seeded
from tests.hw.networks import conv, pictures
from tests.hw.onnx.runs import results

SEEDS = 8


def agree(network: Network, x: np.ndarray) -> dict[str, np.ndarray]:
    """Compare every layer's result, and return them as onnxruntime has them."""
    network = replace(network, outputs=tuple(layer.name for layer in network.layers))
    found, wanted = (
        results(onnx_model(network).SerializeToString(), x),
        network.compute(x),
    )
    assert set(found) == set(wanted)
    for name, result in wanted.items():
        np.testing.assert_array_equal(found[name].astype(np.int64), result, err_msg=name)
    return found


def network_of(*layers: Layer) -> Network:
    return Network("net", layers)


@pytest.mark.parametrize("kind", KINDS)
def test_any_network(kind: str) -> None:
    for seed in range(SEEDS):
        network = seeded(kind, seed).network
        agree(network, frames_of(network, 5, seed))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [2, 5, 8, 9, 16])
def test_width_of_what_a_convolution_takes(bits: int, signed: bool) -> None:
    rng = np.random.default_rng(bits)
    picture = Input("x", (3, 6, 5), bits, signed=signed)
    layer = conv(rng, "conv", padding=(0, 2, 1, 0), stride=(1, 2), density=0.7, raw=True)
    network = network_of(picture, layer)
    agree(network, frames_of(network, 6, bits))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [3, 8, 9, 16])
def test_width_of_a_result(bits: int, signed: bool) -> None:
    """Large sums saturate on both sides; small ones are shifted to nothing."""
    rng = np.random.default_rng(bits)
    layer = conv(rng, "conv", raw=True)
    multiplier, shift = np.array([65535, 1, 0, 900]), np.array([1, 40, 5, 12])
    layer = replace(layer, multiplier=multiplier, shift=shift, bits=bits, signed=signed)
    network = network_of(Input("x", (3, 6, 5), 8), layer)
    result = agree(network, pictures(network, 5))["conv"]
    form = network.formats["conv"]
    assert (result.min(), result.max()) == (form.low, form.high)


def test_halves_are_rounded_up_below_zero_too() -> None:
    one = np.ones((1, 1, 1, 1), int)
    scale = {"multiplier": np.array([1]), "shift": np.array([2]), "signed": True}
    network = network_of(
        Input("x", (1, 1, 9), 4, signed=True), Conv("conv", "x", one, np.zeros(1, int), **scale)
    )
    x = np.arange(-8, 1).reshape(1, 1, 1, 9)
    result = agree(network, x)["conv"]
    assert result.ravel().tolist() == [-2, -2, -1, -1, -1, -1, 0, 0, 0]  # -6 / 4 becomes -1


def test_sums_of_more_than_32_bits() -> None:
    shape = (512, 12, 12)
    weight = np.full((2, *shape), 127)
    weight[1] = -128
    layer = Conv("conv", "x", weight, np.array([(1 << 40) - 1, 1 - (1 << 40)]))
    network = network_of(Input("x", shape), layer)
    result = agree(network, np.full((1, *shape), 255))["conv"]
    assert result.dtype == np.int64
    scaled = replace(layer, multiplier=np.array([65535] * 2), shift=np.array([40] * 2), bits=16)
    agree(network_of(Input("x", shape), scaled), np.full((1, *shape), 255))


@pytest.mark.parametrize("bits", [8, 9, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_pooling(bits: int, signed: bool) -> None:
    network = Network(
        "net",
        (
            Input("x", (3, 7, 9), bits, signed=signed),
            MaxPool("most", "x", (3, 2), (2, 1), (2, 0, 0, 1)),
            AvgPool("mean", "x", (7, 9), (1, 1), 1040, 16, bits=bits, signed=signed),
            AvgPool("some", "x", (3, 2), (1, 3), 3, 4, (1, 0, 0, 1), bits, signed),
        ),
        ("most", "mean", "some"),
    )
    agree(network, frames_of(network, 6, bits))


def test_shortcut_with_stride_and_missing_channels_and_a_concat_of_wide_maps() -> None:
    rng = np.random.default_rng(5)
    form = {"bits": 16, "signed": True}
    network = Network(
        "net",
        (
            Input("x", (2, 5, 7), 9, signed=True),
            conv(rng, "a", "x", (2, 4), stride=(2, 3), **form),
            Add("add", ("a", "x"), (65535, 3), 1, stride=(2, 3), channels=(-1, 1, 0, -1), **form),
            Add("same", ("add", "add"), (0, 7), 3, 9, signed=True),
            Concat("both", ("a", "add", "a")),
        ),
        ("same", "both"),
    )
    result = agree(network, frames_of(network, 6, 1))["add"]
    assert (result.min(), result.max()) == (-(1 << 15), (1 << 15) - 1)


def test_offsets_come_off_before_the_padding() -> None:
    rng = np.random.default_rng(5)
    picture = Input("x", (3, 4, 5), 8, offset=(0, 255, 113))
    network = network_of(picture, conv(rng, raw=True))
    found = agree(network, frames_of(network, 4, 1))
    assert found["x"].dtype == np.int16


def test_names_types_and_facts(tmp_path) -> None:
    rng = np.random.default_rng(1)
    layers = (
        Input("picture", (3, 6, 6), scale=0.5),
        conv(rng, "first", "picture", scale=0.25, bits=5),
        conv(rng, "logits", "first", (4, 2), (6, 6), (0, 0, 0, 0), raw=True, scale=0.125),
    )
    network = Network("letters", layers, ("logits", "first"))
    export_onnx(network, tmp_path / "net.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert (facts["schema"], facts["name"]) == (SCHEMA, "letters")
    assert json.loads(facts["scales"]) == {"picture": 0.5, "first": 0.25, "logits": 0.125}
    assert [value.name for value in model.graph.input] == ["picture.stream"]
    assert [value.name for value in model.graph.output] == ["logits", "first"]
    made = {name for node in model.graph.node for name in node.output}
    assert {"picture", "first", "logits"} <= made
    assert all(node.name == node.output[0] for node in model.graph.node)
    assert all(node.name.partition(".")[0] in network.formats for node in model.graph.node)
    assert not {node.op_type for node in model.graph.node} & {"QuantizeLinear", "Conv"}
    found = results(tmp_path / "net.onnx", pictures(network, 2))
    assert {name: result.dtype.name for name, result in found.items()} == {
        "logits": "int32",
        "first": "uint8",
    }


def test_folder_that_is_not_there(tmp_path) -> None:
    network = seeded("window", 0).network
    with pytest.raises(FileNotFoundError):
        export_onnx(network, tmp_path / "none" / "net.onnx")
