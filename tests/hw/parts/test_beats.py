from amaranth.hdl import Shape
from amaranth.lib.data import ArrayLayout, StructLayout

from hw.columns import Columns
from hw.layers import Activation
from hw.link import Link
from hw.parts.beats import beat

ACTIVATION = Activation((4, 4, 10), 6, True, 1.0, (0, 1, 2, 3))
COLUMNS = Columns(10, 3)  # 4 columns a lane


def test_a_beat_is_as_wide_as_its_fields_need() -> None:
    link = Link.of_one("x", ACTIVATION, COLUMNS)
    layout = beat(link)
    assert {name: field.width for name, field in layout} == {"column": 2, "maps": 2 + 18}
    maps = layout["maps"].shape
    assert isinstance(maps, ArrayLayout)
    assert isinstance(maps.elem_shape, StructLayout)
    pixels = maps.elem_shape["pixels"].shape
    assert isinstance(pixels, ArrayLayout)
    assert Shape.cast(pixels.elem_shape).signed
    assert Shape.cast(layout).width == link.beat_bits == 22


def test_a_stream_that_may_carry_nothing_can_say_so() -> None:
    full = Link("x", ACTIVATION, COLUMNS, ((0, 1), (3, 2)))
    gaps = Link("x", ACTIVATION, COLUMNS, ((0, 1), (3, -1), (-1, 2)))
    assert Shape.cast(beat(full)).width == full.beat_bits == 2 + 2 * (2 + 18)
    assert Shape.cast(beat(gaps)).width == gaps.beat_bits == 2 + 3 * (3 + 18)
    assert (full.row_beats, full.gaps, gaps.gaps) == (8, False, True)
