import pytest

from secateur.bench import page
from secateur.bench.synthesis import NOTHING

BEGIN, END = page.marks("layers")
BUFFER = {"name": "row buffer", "copies": 2, "words": 256, "bits": 36, "block_rams": 2}
ROW = {
    "layer": "L5",
    "variant": "grid",
    "budget": 36,
    "scales": "multiplier",
    "made_of": "portable",
    "fold": {"P": 4, "G": 1, "R": 9, "E": 1},
    "multipliers": 36,
    "macs": 589_824,
    "cycles": {"predicted": 16_384, "simulated": 16_384},
    "mismatches": 0,
    "frames": 4,
    "input_bound": False,
    "utilisation": 1.0,
    "speedup": 2.0,
    "ideal_speedup": 2.0,
    "schedule_bits_per_tap": 5.25,
    "memory_bits": {"stored_once": 90_000, "copies": 10_000},
    "memories": [
        BUFFER,
        {"name": "weights", "copies": 1, "words": 9, "bits": 32, "block_rams": 0},
    ],
    **NOTHING,
    "seconds": {"generate": 1.0, "simulate": 2.0},
    "missed": None,
}
BOUND = ROW | {"layer": "L1", "input_bound": True, "utilisation": 0.5}
BUILT = BOUND | {"luts": 1224, "carries": 1001, "flip_flops": 7, "dsp_cells": 36, "block_rams": 2}
SLOW = ROW | {"utilisation": 0.9, "missed": "no fold reaches it"}


def test_a_row_says_what_it_is():
    assert page.cells(ROW) == [
        *("L5 grid 36", "4 x 1 x 9 x 1", "36", "589,824", "16,384", "1.000", "2.00", "2.00"),
        *("5.25", "100", "-", "-", "-", "-", "-", "-", "-"),
    ]
    assert page.cells(BOUND)[5] == "0.500*"
    assert page.cells(BUILT)[10:16] == ["1,224", "34.0", "1,001", "7", "36", "2"]
    named = page.cells(ROW | {"scales": "shift", "made_of": "ecp5"})
    assert named[0] == "L5 grid 36 shift ecp5"
    assert page.cells(SLOW)[5] == "0.900!"


@pytest.mark.parametrize(
    ("mhz", "text"), [([], "-"), ([150.4], "150"), ([151, 162, 143], "143 / 151 / 162")]
)
def test_the_clock_is_that_of_all_seeds(mhz, text):
    assert page.cells(ROW | {"fmax_of_seeds": mhz})[-1] == text


def test_more_block_ram_than_bits_is_explained():
    """Two copies of 9 of 18 kbit: each takes a block RAM for a half of one."""
    text = page.text([BUILT])
    assert "Block RAM of L1 grid 36: row buffer 2 x 256 words of 36 bits in 2 (bits: 1.00)." in text
    assert "weights" not in text
    full = [BUFFER | {"words": 512}]
    assert "Block RAM of" not in page.text([BUILT | {"memories": full}])


def test_notes_name_what_is_missed():
    text = page.text([BOUND, SLOW])
    assert "2 rows, each simulated for 4 frames: 0 mismatches" in text
    assert "`!`: L5 grid 36: no fold reaches it." in text
    assert "L5 32->64 on 16x16 stride 2" in text
    assert "dense:" not in text
    assert "`*`" not in page.text([ROW])


def test_the_table_takes_its_place_in_a_page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    page.write(path, "layers", page.markdown([ROW]))
    first = path.read_text(encoding="utf-8")
    assert first.startswith("# Before\n")
    assert first.endswith(f"{END}\nafter\n")
    assert "old" not in first
    assert "| L5 grid 36 | 4 x 1 x 9 x 1 |" in first
    page.write(path, "layers", page.markdown([ROW]))
    assert path.read_text(encoding="utf-8") == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", BEGIN, END])
def test_a_page_without_marks_is_refused(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="must have the lines"):
        page.write(path, "layers", page.markdown([ROW]))
    assert path.read_text(encoding="utf-8") == text
