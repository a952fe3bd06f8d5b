import pytest

from hw.parts.axis import Axis, payload_bits


@pytest.mark.parametrize(
    ("elements", "bits", "width"), [(1, 8, 8), (1, 9, 16), (3, 5, 16), (10, 21, 216), (1, 2, 8)]
)
def test_payload_is_padded_to_bytes(elements, bits, width) -> None:
    assert payload_bits(elements, bits) == width
    assert len(Axis(elements, bits).create().tdata) == width
