import numpy as np
import pytest

from hw.onnx.formats import WIDTHS, ends, fitting, holding

FORMATS = [(bits, signed) for bits in WIDTHS for signed in (False, True)]


def saturates_alike(form: tuple[int, bool], low: int, high: int, values: np.ndarray) -> bool:
    return bool((np.clip(values, *ends(*form)) == np.clip(values, low, high)).all())


def test_range_that_is_a_format() -> None:
    for form in FORMATS:
        assert fitting(*ends(*form)) == form


def test_format_saturates_as_its_range_does() -> None:
    rng = np.random.default_rng(1)
    none = 0
    for _ in range(3000):
        low, high = -int(rng.integers(0, 300)), int(rng.integers(1, 300))
        if rng.integers(2):
            low, high = ends(*FORMATS[rng.integers(10)])
        least, most = np.sort(rng.integers(-400, 400, 2)).tolist()
        form, values = fitting(low, high, least, most), np.arange(least, most + 1)
        alike = [f for f in FORMATS if saturates_alike(f, low, high, values)]
        if form is None:
            none += 1
            assert not [f for f in alike if ends(*f) == (low, high)]
        else:
            assert form in alike
    assert 500 < none < 2500


@pytest.mark.parametrize(
    ("low", "high", "form"),
    [
        *((0, 1, (2, False)), (0, 255, (8, False)), (-1, 3, (3, True)), (-100, 155, (9, True))),
        *((-255, 0, (9, True)), (0, 512, (16, False)), (-32768, 32767, (16, True))),
    ],
)
def test_format_that_holds_a_range(low: int, high: int, form: tuple[int, bool]) -> None:
    assert holding(low, high) == form


def test_range_that_no_format_holds() -> None:
    with pytest.raises(ValueError, match=r"^numbers from -1 to 32768 must fit 16 bits$"):
        holding(-1, 32768)
