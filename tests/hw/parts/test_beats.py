from amaranth.hdl import Shape
from amaranth.lib.data import ArrayLayout

from hw.columns import Columns
from hw.layers import Activation
from hw.parts.beats import beat


def test_a_beat_is_as_wide_as_its_fields_need() -> None:
    activation = Activation((5, 4, 10), 6, True, 1.0, (0, 1, 2, 3, 4))
    layout = beat(activation, Columns(10, 3))  # 4 columns a lane
    widths = {name: field.width for name, field in layout}
    assert widths == {"channel": 3, "column": 2, "pixels": 18}
    pixels = layout["pixels"].shape
    assert isinstance(pixels, ArrayLayout)
    assert Shape.cast(pixels.elem_shape).signed
