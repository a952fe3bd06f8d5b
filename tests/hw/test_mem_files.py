import json
import re
from pathlib import Path

import numpy as np
import pytest

from hw.layers import Input
from hw.mem_files import copy, design_hash, files_of, split
from hw.network import Network
from hw.plan import Fold, LayerPlan, plan
from hw.verilog import emit
from tests.hw.networks import conv

TEXT = r"""
module \top.accelerator.layer_a (clk);
  reg [32:0] \weights$1  [2:0];
  initial begin
    \weights$1 [0] = 33'h1234abcde;
    \weights$1 [1] = 33'h000000007;
    \weights$1 [2] = 33'h1ffffffff;
  end
endmodule

module \top.accelerator.layer_a.tap_walker (clk);
  reg [31:0] other [3:0];
  initial begin
    other[0] = 32'd10;
    other[1] = 32'd0;
    other[2] = 32'd4294967295;
    other[3] = 32'd1;
  end
  initial begin
    alike[0] = 2'h2;
    alike[1] = 2'h2;
    alike[2] = 2'h2;
    alike[3] = 2'h2;
  end
endmodule
"""
WEIGHTS, OTHER = "top.layer_a.weights$1.mem", "top.layer_a.tap_walker.other.mem"


def network() -> Network:
    layers = [Input("x", (2, 5, 6)), conv(np.random.default_rng(1), "a", "x", (2, 7))]
    return Network("net", tuple(layers))


FOLDING = {"a": Fold(3, 2, 2)}


def test_large_memories_are_read_from_files() -> None:
    text, files = split(TEXT, 2)
    assert files == {
        WEIGHTS: "1234abcde\n000000007\n1ffffffff\n",
        OTHER: "0000000a\n00000000\nffffffff\n00000001\n",
    }
    assert f'  initial begin\n    $readmemh("{WEIGHTS}", \\weights$1 );\n  end\n' in text
    assert f'  initial begin\n    $readmemh("{OTHER}", other );\n  end\n' in text
    assert "33'h" not in text
    assert text.count("alike") == 4


def test_small_memories_stay() -> None:
    text, files = split(TEXT, 3)
    assert list(files) == [OTHER]
    assert text.count("weights$1 [") == 3
    assert split(TEXT, 4) == (TEXT, {})


def test_words_are_those_that_the_schedule_wants(tmp_path: Path) -> None:
    """Weights of a group in one word, the first in the low bits."""
    net = network()
    emit(net, FOLDING, tmp_path, inline_words=8)
    (made,) = plan(net, FOLDING)
    assert isinstance(made, LayerPlan)
    for r in range(2):
        words = (tmp_path / f"top.layer_a.weights_{r}.mem").read_text().split()
        pairs = [(int(word[2:], 16), int(word[:2], 16)) for word in words]
        np.testing.assert_array_equal(pairs, made.schedule.weight[:, r] % 256)


def test_the_folder_is_all_that_a_tool_needs(tmp_path: Path) -> None:
    whole = emit(network(), FOLDING, tmp_path / "whole")
    folder = emit(network(), FOLDING, tmp_path / "apart", inline_words=8)
    listed = json.loads((folder / "top.json").read_text())["files"]
    assert set(listed) | {"top.json"} == {path.name for path in folder.iterdir()}
    assert listed == ["top.v", *(path.name for path in files_of(folder / "top.v"))]
    assert len(listed) > 2
    assert json.loads((whole / "top.json").read_text())["files"] == ["top.v"]
    assert files_of(whole / "top.v") == []
    copy(folder / "top.v", tmp_path)
    assert {path.name for path in tmp_path.glob("*.mem")} == {*listed[1:]}


def test_other_contents_are_another_design(tmp_path: Path) -> None:
    folder = emit(network(), FOLDING, tmp_path, inline_words=8)
    before = design_hash(folder / "top.v")
    assert design_hash(folder / "top.v") == before
    path = folder / "top.layer_a.weights_0.mem"
    path.write_text(path.read_text().replace("0", "1", 1))
    assert design_hash(folder / "top.v") != before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = emit(network(), FOLDING, tmp_path, inline_words=8)
    (folder / "top.layer_a.weights_1.mem").unlink()
    with pytest.raises(FileNotFoundError, match=re.escape("top.layer_a.weights_1.mem")):
        design_hash(folder / "top.v")
