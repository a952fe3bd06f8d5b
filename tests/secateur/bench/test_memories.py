import pytest

from hw.fold import Fold
from hw.plan import LayerPlan, plan
from secateur.bench.cases import network
from secateur.bench.memories import BLOCK_BITS, explained, least, memories


@pytest.fixture
def dense() -> LayerPlan:
    """L4 on 8 lanes, 4 outputs and two sequencers: two row buffers and two weight memories."""
    folding = {"picture": Fold(1), "L4": Fold(8, 4, 2)}
    (made,) = plan(network("L4", "dense"), folding)
    assert isinstance(made, LayerPlan)
    return made


def test_memories_are_those_of_the_plan(dense):
    buffers, weights = memories(dense, "ecp5")
    assert (buffers["name"], buffers["copies"], buffers["bits"]) == ("row buffer", 2, 8 * 8)
    assert (weights["name"], weights["copies"], weights["bits"]) == ("weights", 2, 4 * 8)
    bits = [one["copies"] * one["words"] * one["bits"] for one in (buffers, weights)]
    assert bits == [dense.memory_bits["row_buffer"], dense.memory_bits["weights"]]


def test_a_word_wider_than_a_block_ram_takes_several(dense):
    """64 bits of a pixel each in two of 36, whose words are no more than 512."""
    buffers, weights = memories(dense, "ecp5")
    assert buffers["words"] <= 512
    assert buffers["block_rams"] == 2 * 2
    bits = sum(one["copies"] * one["words"] * one["bits"] for one in (buffers, weights))
    assert least([buffers, weights]) == bits / BLOCK_BITS
    assert least([buffers, weights | {"block_rams": 0}]) < bits / BLOCK_BITS
    sentence = explained([buffers, weights | {"block_rams": 0}])
    assert sentence.startswith(f"row buffer 2 x {buffers['words']} words of 64 bits in 4 (bits: ")
    assert "weights" not in sentence
