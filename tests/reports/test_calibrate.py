from itertools import product

import numpy as np
import pytest

from hw.area import KINDS, predict_area
from hw.fold import Fold
from hw.layers import Input, MaxPool
from hw.network import Network
from hw.verilog import emit
from reports.calibrate import Measured, errors, fit, least_squares, measure
from reports.samples import KINDS as SAMPLE_KINDS
from reports.samples import samples
from reports.yosys import Area, synthesise
from tests.hw.networks import conv


def test_samples_are_always_the_same():
    first, second = (list(samples(len(SAMPLE_KINDS))) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.folding == b.folding
        for mine, other in zip(a.network.layers, b.network.layers, strict=True):
            assert mine.name == other.name
            np.testing.assert_array_equal(getattr(mine, "weight", 0), getattr(other, "weight", 0))


def test_least_squares_are_the_best_of_all_choices_of_unknowns():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix, wanted = rng.normal(size=(12, 5)), rng.normal(size=12)
        found = least_squares(matrix, wanted)
        assert (found >= 0).all()
        best = np.inf
        for chosen in product((False, True), repeat=5):
            solved = np.zeros(5)
            free = np.array(chosen)
            solved[free] = np.linalg.lstsq(matrix[:, free], wanted, rcond=None)[0]
            if (solved >= 0).all():
                best = min(best, np.linalg.norm(matrix @ solved - wanted))
        assert np.linalg.norm(matrix @ found - wanted) == pytest.approx(best)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_finds_what_made_the_area(kind):
    """Samples made of known coefficients, the expected ones doubled, are fitted well."""
    rng = np.random.default_rng(1)
    (sample,) = samples(1)
    made = []
    for _ in range(80):
        counts = {name: float(rng.integers(10, 100)) for name in KINDS[kind]} | {kind: 50.0}
        total = 50 + sum(2 * worth * counts[name] for name, worth in KINDS[kind].items())
        cell = {"luts": "LUT4", "flip_flops": "TRELLIS_FF"}[kind]
        made.append(Measured(sample, counts, Area({cell: round(total)}, 0)))
    worth = fit(made, kind)
    assert np.abs(errors(made, kind, worth)).max() < 0.05


CASES = {
    "ecp5": ({"channels": (3, 6), "weight_bits": 8}, Fold(3, 2, 2)),
    "ice40": ({"channels": (2, 4), "weight_bits": 6, "by_kernel": True}, Fold(2, 2)),
}


@pytest.mark.parametrize("family", CASES)
def test_prediction_is_close_to_synthesis(family, tmp_path):
    """A design that was not fitted to: another shape than the samples', and other weights."""
    options, fold = CASES[family]
    rng = np.random.default_rng(7)
    layer = conv(rng, density=0.6, kernel=(2, 3), bits=7, **options)
    net = Network(
        "net",
        (
            Input("x", (options["channels"][0], 9, 7), bits=7),
            layer,
            MaxPool("max", "conv", (3, 3), (3, 3)),
        ),
    )
    folding = {"x": Fold(1), "conv": fold, "max": Fold(1)}
    emit(net, folding, tmp_path)
    area, predicted = (
        synthesise(tmp_path / "top.v", family=family),
        predict_area(net, folding, family),
    )
    assert (predicted.dsp_cells, predicted.block_rams) == (area.dsp_cells, area.block_rams)
    assert predicted.luts == pytest.approx(area.luts, rel=0.2)
    assert predicted.flip_flops == pytest.approx(area.flip_flops, rel=0.15)


def test_what_was_synthesised_is_kept(tmp_path):
    (sample,) = samples(1)
    emit(sample.network, sample.folding, tmp_path / "sample0")
    first = measure(0, sample, "ecp5", tmp_path)
    (kept,) = tmp_path.glob("*.json")
    luts = first.area.cells["LUT4"]
    kept.write_text(kept.read_text().replace(f'"LUT4": {luts}', '"LUT4": 7'))
    assert measure(0, sample, "ecp5", tmp_path).area.cells["LUT4"] == 7
    with (tmp_path / "sample0" / "top.v").open("a") as verilog:
        verilog.write("// another content\n")
    assert measure(0, sample, "ecp5", tmp_path).area == first.area
