import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from hw.layers import Conv, Input, MaxPool
from hw.network import SCHEMA, Network, file_hash
from tests.hw.networks import NO_PADDING, conv, pictures


def network() -> Network:
    rng = np.random.default_rng(1)
    layers = (
        Input("x", (2, 6, 6), bits=5, scale=0.1, offset=(1, 2)),
        conv(rng, "a", "x", (2, 5), density=0.5),
        MaxPool("p", "a"),
        conv(rng, "b", "p", (5, 3), padding=NO_PADDING, raw=True, scale=0.25),
    )
    return Network("net", layers)


@pytest.fixture
def file(tmp_path) -> Path:
    network().save(tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def change(file: Path, structure=None, tensors=None) -> None:
    """Write a file anew, its structure and its tensors changed by functions."""
    data = file.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    described = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["secateur"])
    arrays = load(data)
    described = structure(described) if structure else described
    arrays = tensors(arrays) if tensors else arrays
    file.write_bytes(save(arrays, {"secateur": json.dumps(described)}))


def test_compute_is_layer_after_layer() -> None:
    net = network()
    x = pictures(net, 3)
    results = net.compute(x, keep=("x", "a", "p", "b"))
    value = net.input.compute(x)
    for layer in net.layers[1:]:
        assert isinstance(layer, Conv | MaxPool)
        value = layer.compute(value, net.formats[layer.source])
        np.testing.assert_array_equal(results[layer.name], value)
        form = net.formats[layer.name]
        assert value.shape[1:] == form.shape
        assert form.low <= value.min() <= value.max() <= form.high
    np.testing.assert_array_equal(net.compute(x)["b"], value)


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_batches_change_no_result(batch) -> None:
    net = network()
    x = pictures(net, 7)
    np.testing.assert_array_equal(net.compute(x, batch=batch)["b"], net.compute(x)["b"])


def test_no_pictures_have_no_results() -> None:
    net = network()
    assert net.compute(pictures(net, 0))["b"].shape == (0, *net.formats["b"].shape)


def test_counts_are_sums_over_the_layers() -> None:
    net = network()
    a, b = net.layers[1], net.layers[3]
    assert isinstance(a, Conv)
    assert isinstance(b, Conv)
    assert net.macs == a.survivors.sum() * 36 + b.weight.size
    assert net.parameters == a.survivors.sum() + b.weight.size + 5 + 3


def test_a_layer_alone_computes_the_same() -> None:
    net = network()
    inside = net.compute(pictures(net, 4), keep=("a", "p", "b"))
    for name, source in (("p", "a"), ("b", "p")):
        alone = net.alone(name)
        np.testing.assert_array_equal(alone.compute(inside[source])[name], inside[name])
        assert alone.formats[name].shape == net.formats[name].shape


def test_file_holds_the_network_bit_for_bit(file) -> None:
    net, read = network(), Network.load(file)
    x = pictures(net, 5)
    np.testing.assert_array_equal(read.compute(x)["b"], net.compute(x)["b"])
    assert (read.name, read.outputs) == (net.name, net.outputs)
    assert read.formats == net.formats
    for before, after in zip(net.layers, read.layers, strict=True):
        assert type(before) is type(after)
        assert vars(before).keys() == vars(after).keys()
        for key, value in vars(before).items():
            np.testing.assert_array_equal(getattr(after, key), value)


def test_files_of_equal_networks_are_equal(file, tmp_path) -> None:
    network().save(tmp_path / "again")
    Network.load(file).save(tmp_path / "read")
    assert file.read_bytes() == (tmp_path / "again").read_bytes()
    assert file.read_bytes() == (tmp_path / "read").read_bytes()
    assert file_hash(file) == file_hash(tmp_path / "again")


def test_file_that_cannot_be_written_leaves_the_old_one(file, monkeypatch) -> None:
    before = file.read_bytes()

    def full(self, data):
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        network().save(file)
    assert file.read_bytes() == before


def refused(file: Path, sentence: str) -> None:
    with pytest.raises(
        ValueError, match=f"^{re.escape(str(file))}: not a network file: {sentence}"
    ):
        Network.load(file)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 64,
        struct.pack("<Q", 1 << 40) + b"{}",
        struct.pack("<Q", (1 << 63) - 1) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b"{" * 9,
        b"PK\x03\x04" + b"\0" * 100,
    ],
)
def test_no_safetensors_file(file, data) -> None:
    file.write_bytes(data)
    refused(file, "")


def test_truncated_anywhere(file) -> None:
    data = file.read_bytes()
    for length in np.random.default_rng(2).integers(0, len(data), 40).tolist():
        file.write_bytes(data[:length])
        refused(file, "")


def test_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "nowhere")


def test_file_that_is_too_large(file, monkeypatch) -> None:
    monkeypatch.setattr("hw.records.MAX_FILE_BYTES", 100)
    sentence = "a network file must have at most 100 bytes$"
    with pytest.raises(ValueError, match=f"^{re.escape(str(file))}: {sentence}"):
        Network.load(file)


def test_safetensors_file_of_something_else(file) -> None:
    file.write_bytes(save({"w": np.zeros(3)}))
    refused(file, "'secateur' is missing$")
    file.write_bytes(save({}, {"secateur": "{"}))
    refused(file, "Expecting property name")
    file.write_bytes(save({}, {"secateur": "[" * 100_000}))
    refused(file, "")


@pytest.mark.parametrize(
    ("index", "changes", "sentence"),
    [
        (1, {"colour": 1}, "layer 'a' has an unknown field 'colour'$"),
        (1, {"source": "y"}, "layer 'a': input 'y' must come before it$"),
        (1, {"stride": [0, 1]}, "layer 'a': stride must be two numbers"),
        (1, {"stride": "11"}, ""),
        (1, {"stride": None}, ""),
        (1, {"groups": 0}, "layer 'a': groups must divide"),
        (1, {"granularity": []}, "layer 'a': granularity"),
        (1, {"name": "../a"}, ""),
        (1, {"name": 7}, ""),
        (1, {"kind": "Dense"}, "'Dense' is missing$"),
        (0, {"bits": 40}, "layer 'x': bits must be"),
        (0, {"offset": [0.5, 0.5]}, ""),
        (0, {"shape": [2, 6]}, "layer 'x': shape must be"),
        (2, {"kernel": [2, 99]}, "layer 'p': kernel must be"),
        (3, {"weight_bits": 2}, "layer 'b': weights must be -2 to 1, not "),
    ],
)
def test_structure_with_a_wrong_layer(file, index, changes, sentence) -> None:
    def edit(structure):
        structure["layers"][index] |= changes
        return structure

    change(file, edit)
    refused(file, sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema": "secateur.network/2"}, f"schema must be {SCHEMA}, not 'secateur.network/2'$"),
        ({"layers": []}, "network 'net' must begin with an Input$"),
        ({"layers": 3}, ""),
        ({"layers": [3]}, ""),
        ({"outputs": ["y"]}, "output 'y' must be a layer$"),
        ({"outputs": ["b", "b"]}, "output 'b' must be named once$"),
        ({"outputs": ["a"]}, "layer 'b' must feed another layer or be an output$"),
        ({"name": "a b"}, "name must match"),
        ({"name": None}, ""),
    ],
)
def test_wrong_structure(file, changes, sentence) -> None:
    change(file, lambda structure: structure | changes)
    refused(file, sentence)


@pytest.mark.parametrize("key", ["schema", "name", "layers", "outputs"])
def test_structure_with_something_missing(file, key) -> None:
    change(file, lambda structure: {k: v for k, v in structure.items() if k != key})
    refused(file, f"'{key}' is missing$")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("a.weight", None, ".*'weight'$"),
        ("a.weight", np.full((5, 2, 3, 3), np.nan), "layer 'a': weight must be integers, not"),
        ("a.weight", np.zeros((5, 2, 3), int), "layer 'a': weight must have 4 axes, not 3$"),
        ("a.weight", np.full((5, 2, 3, 3), 500), "layer 'a': "),
        ("a.weight", np.zeros((5, 3, 3, 3), int), "layer 'a': mask must be bool"),
        ("a.bias", np.zeros(5, np.float32), "layer 'a': bias must be integers, not float32$"),
        ("a.bias", np.zeros(4, int), "layer 'a': bias must have 5 entries, not 4$"),
        ("a.shift", np.full(5, 99), "layer 'a': shift must be 1 to 40, not 99$"),
        ("a.shift", None, "layer 'a': multiplier and shift must be given together$"),
        ("a.multiplier", np.full(5, -1), "layer 'a': multiplier must be 0 to 65535, not -1$"),
        ("a.mask", np.zeros((5, 2, 3, 3), np.uint8), "layer 'a': mask must be bool"),
        ("b.weight", np.zeros((3, 6, 3, 3), int), "layer 'b': mask must be bool"),
    ],
)
def test_wrong_tensor(file, name, value, sentence) -> None:
    def edit(tensors):
        del tensors[name]
        return tensors | ({} if value is None else {name: value})

    change(file, tensors=edit)
    refused(file, sentence)


def test_damaged_bytes_are_refused_or_read_as_a_network(file) -> None:
    """Wherever the damage is, nothing but a ValueError leaves `load`."""
    data = bytearray(file.read_bytes())
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(300):
        damaged = bytearray(data)
        damaged[int(rng.integers(0, len(data)))] ^= 1 << int(rng.integers(0, 8))
        file.write_bytes(damaged)
        try:
            read = Network.load(file)
        except ValueError as error:
            seen.add(str(error).split(":")[0])
        else:
            read.compute(pictures(read, 1))
            seen.add("read")
    assert seen == {str(file), "read"}


def chain(*layers, outputs=()) -> Network:
    return Network("net", (Input("x", (2, 6, 6)), *layers), outputs)


RNG = np.random.default_rng(0)
A, B = conv(RNG, "a", "x", (2, 3)), conv(RNG, "b", "a", (3, 3))
SUMS = Conv("a", "x", np.full((3, 2, 3, 3), -128), np.zeros(3, int))  # of 18 * 128 * 255


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Network("net", ()), "network 'net' must begin with an Input"),
        (lambda: Network("net", (A,)), "network 'net' must begin with an Input"),
        (lambda: chain(A, Input("y", (1, 1, 1))), "layer 'y' must be the only Input"),
        (lambda: chain(A, A), "layer 'a' must have a name of its own"),
        (lambda: chain(B), "layer 'b': input 'a' must come before it"),
        (lambda: chain(A, B, outputs=("c",)), "output 'c' must be a layer"),
        (lambda: chain(A, B, outputs=("a",)), "layer 'b' must feed another layer or be an output"),
        (
            lambda: chain(SUMS, B),
            "layer 'b' must take activations of 2 to 9 or 16 bits, but 'a' produces 21",
        ),
        (
            lambda: chain(A, conv(RNG, "c", "x", (2, 2))),
            "layer 'a' must feed another layer or be an output",
        ),
    ],
)
def test_wrong_network(make, sentence) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        make()


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "1a", "a.b", "π", "x;endmodule", "a" * 65])
def test_names_are_identifiers(name) -> None:
    with pytest.raises(ValueError, match=r"^name must match"):
        Network(name, (Input("x", (1, 1, 1)),))
    with pytest.raises(ValueError, match=r"^name must match"):
        Network("net", (Input(name, (1, 1, 1)),))
