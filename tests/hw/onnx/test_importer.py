import numpy as np

from hw.folding import fold_to_multipliers
from hw.onnx.importer import import_onnx
from tests.hw.drawn import frames_of
from tests.hw.networks import Case
from tests.hw.onnx.checks import STEP, check, conv
from tests.hw.onnx.graphs import GraphMaker
from tests.hw.pipeline import check_rounds


def test_hardware_computes_it(tmp_path) -> None:
    """A residual block whose results have zero points of any kind."""
    rng, g = np.random.default_rng(17), GraphMaker(2, 4, 5)
    x = g.rounded("x", STEP, 100)
    y = g.rounded(conv(g, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), 0.02, 30)
    z = g.rounded(conv(g, y, rng, 3, 3, 3, 3, pads=[1, 1, 1, 1]), 0.03, 200)
    total = g.rounded(g.node("Relu", g.node("Add", z, y)), 0.02, 90)
    network, _ = check(g.save(tmp_path / "m.onnx", total), most=2.01)
    names = " ".join(layer.name for layer in network.layers)
    assert (names.count("_raised"), names.count("_wide")) == (3, 1)
    x = frames_of(network, 5, 1)
    rounds = [(x, "none", "none"), (x, "random", "bursty")]
    check_rounds(Case(network, fold_to_multipliers(network, 30)), rounds)


def test_names(tmp_path) -> None:
    rng, g = np.random.default_rng(16), GraphMaker(3, 6, 6)
    x = g.rounded("x", STEP)
    first = g.rounded(conv(g, x, rng, 4, 3, 3, 3, name="/layer1/0/conv-1/Conv"), 0.03)
    second = g.rounded(conv(g, x, rng, 4, 3, 3, 3, name="/layer1/0/conv_1/Conv"), 0.03)
    third = g.rounded(conv(g, x, rng, 4, 3, 3, 3, name="9"), 0.03)
    path = g.save(tmp_path / "8 bits.onnx", first, second, third)
    network = import_onnx(path)
    assert network.name == "n_8_bits"
    assert [layer.name for layer in network.layers] == [
        "x",
        "layer1_0_conv_1_Conv",
        "layer1_0_conv_1_Conv_2",
        "n_9",
    ]
    assert import_onnx(path, "mine").name == "mine"
