import pytest

from hw.area import Area
from hw.families import FAMILIES
from hw.targets import RESOURCES, TARGETS, target


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_can_be_predicted_for(name):
    assert target(name).name == name
    assert target(name).family in FAMILIES


@pytest.mark.parametrize(
    ("name", "kbit"),
    [
        ("ecp5-25k", 1008),
        ("ecp5-45k", 1944),
        ("ecp5-85k", 3744),
        ("ice40-up5k", 120),
        ("ice40-hx8k", 128),
        ("xc7a35t", 1800),
        ("xc7a100t", 4860),
        ("xc7z020", 5040),
        ("gw1n-9", 468),
        ("gw2a-18", 828),
    ],
)
def test_block_rams_are_those_of_the_data_sheets(name, kbit):
    """Data sheets give kilobits in total, the table gives blocks."""
    assert target(name).block_ram_kbit == kbit


def test_what_lacks_is_told():
    part = target("ecp5-25k")
    assert part.lacks(Area(24288, 24288, 28, 56)) == {}
    assert part.lacks(Area(24289, 1, 31, 2)) == {"luts": 1, "dsp_cells": 3}
    assert set(RESOURCES) == set(vars(Area(0, 0, 0, 0)))


def test_an_unknown_target_is_refused():
    with pytest.raises(ValueError, match=r"^target must be one of ecp5-25k, .*, not 'ecp5'$"):
        target("ecp5")
