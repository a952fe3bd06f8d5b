import numpy as np
import pytest

from hw.cost import predict
from secateur.bench import layers
from secateur.bench.cases import Case, network
from secateur.bench.folds import best_folding
from secateur.bench.synthesis import NOTHING
from sim.records import Result
from sim.stalls import Stalls

KEYS = (
    *("layer", "variant", "budget", "scales", "made_of", "fold", "multipliers", "macs", "cycles"),
    "mismatches",
    *("frames", "input_bound", "utilisation", "speedup", "ideal_speedup"),
    *("schedule_bits_per_tap", "memory_bits", "memories", "cells", "luts", "carries", "flip_flops"),
    *("dsp_cells", "block_rams", "lut4_equivalent", "fmax_mhz", "fmax_of_seeds", "seconds"),
    "missed",
)

DONE = {
    **{"name": "x", "stalls": Stalls(), "frames": 4, "outputs": np.zeros((4, 1, 1, 1))},
    **{"mismatches": 0, "first_mismatch": None, "intervals": (), "latency": 1, "cycles": 1},
    "protocol_errors": (),
}


@pytest.fixture
def rows(tmp_path):
    """Rows of L2 as if they were simulated, dense and with half of the kernels."""
    dense = best_folding(network("L2", "dense"), 144)
    rows = []
    for variant in ("dense", "kernels"):
        choice = best_folding(network("L2", variant), 144)
        made = layers.Generated(Case("L2", variant, 144), choice, tmp_path, 0.1)
        result = Result(**DONE, interval=choice.cycles)
        rows.append(layers.row(made, layers.Simulated(result, 0.2), dense, NOTHING))
    return rows


def test_a_row_has_its_keys(rows):
    assert all(tuple(row) == KEYS for row in rows)
    assert rows[0]["fold"] == {"P": 14, "G": 2, "R": 5, "E": 1}
    assert rows[0]["missed"] is None


def test_speedup_is_of_work_against_dense(rows):
    dense, sparse = rows
    assert dense["speedup"] == dense["ideal_speedup"] == 1
    assert sparse["ideal_speedup"] == 2
    work = [row["cycles"]["predicted"] * row["multipliers"] for row in rows]
    assert sparse["speedup"] == pytest.approx(work[0] / work[1])
    assert sparse["speedup"] >= 0.97 * 2


def test_memory_is_all_of_the_layers(rows):
    net = network("L2", "dense")
    cost = predict(net, best_folding(net, 144).folding)
    assert sum(rows[0]["memory_bits"].values()) == cost.memory_bits
    row_buffer = cost.layers[0].memory_bits["row_buffer"]
    assert rows[0]["memory_bits"]["copies"] == row_buffer * 4 // 5  # all sequencers read all


def test_complaints_name_the_row_and_both_numbers(rows):
    assert layers.complaints(rows) == []
    rows[0]["mismatches"] = 3
    rows[1]["cycles"]["simulated"] = None
    predicted = rows[1]["cycles"]["predicted"]
    assert layers.complaints(rows) == [
        "L2 dense at 144: 3 elements differ",
        f"L2 kernels at 144: cycles must be {predicted} as predicted, not None",
    ]
