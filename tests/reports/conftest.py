"""A ledger of a network that was folded but not built: its measurements are those predicted."""

import numpy as np
import pytest

from hw.cost import predict
from hw.folding import fold_to_multipliers
from hw.layers import Conv, Input, MaxPool
from hw.network import Network
from reports.ledger import SCHEMA, Measured, design_record
from reports.yosys import Area


def network(maps: int) -> Network:
    rng = np.random.default_rng(maps)

    def conv(name, source, shape, padding, last=False):
        scale = None if last else np.full(shape[0], 3)
        weight = rng.integers(-100, 100, shape)
        return Conv(name, source, weight, np.zeros(shape[0], int), scale, scale, padding=padding)

    layers = (
        Input("image", (1, 8, 8), bits=5),
        conv("conv1", "image", (maps, 1, 3, 3), (1, 1, 1, 1)),
        MaxPool("pool1", "conv1"),
        conv("linear", "pool1", (10, maps, 4, 4), (0, 0, 0, 0), last=True),
    )
    return Network("digits", layers)


def record(maps: int, multipliers: int) -> dict:
    made, before = network(maps), network(8)
    folding = fold_to_multipliers(made, multipliers)
    cost = predict(made, folding)
    measured = Measured(
        accuracy={"float": 0.98, "integer": 0.96, "rtl": 0.96},
        test={"images": 400, "float": 0.9725, "integer": 0.97},
        simulation={
            "frames": 50,
            "mismatches": 0,
            "stalls": ["none/none", "random/slow"],
            "interval": cost.interval,
            "latency": cost.latency,
            "layers": {layer.name: {"simulated": layer.cycles} for layer in cost.layers},
        },
        area=Area({"LUT4": 100 * multipliers, "CCU2C": 5, "MULT18X18D": multipliers + 2}, 4096),
        network_sha256="a" * 64,
        verilog_sha256="b" * 64,
    )
    return design_record(made, folding, before, measured)


@pytest.fixture(scope="session")
def report() -> dict:
    return {
        "schema": SCHEMA,
        "name": "digits",
        "seed": 1,
        "config": {"hash": "c" * 64, "values": {}},
        "data": {"name": "digits", "shape": [1, 8, 8], "bits": 5, "images": {"test": 400}},
        "target": {"family": "ECP5", "flow": "Yosys synth_ecp5"},
        "machine": {"system": "Linux", "compiler": "g++ <12> & more"},
        "versions": {"python": "3.11"},
        "pruned": record(4, 8),
        "dense": record(8, 8),
        "dense_same_rate": record(8, 16),
    }
