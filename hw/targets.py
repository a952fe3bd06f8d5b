"""Parts that a design may be meant for, and what they have."""

from dataclasses import dataclass

from hw.area import Area


@dataclass(frozen=True)
class Target:
    """An FPGA, by its data sheet.

    Parameters
    ----------
    name : str
    family : str
        One of `hw.families.FAMILIES`.
    luts, flip_flops : int
        On iCE40 a cell has one of each.
    dsp_cells : int
        18x18 multipliers; SB_MAC16 on iCE40, DSP48E1 on Xilinx 7.
    block_rams : int
        Of 18 kbit, Xilinx' of 36 kbit counted twice; of 4 kbit on iCE40.
    """

    name: str
    family: str
    luts: int
    flip_flops: int
    dsp_cells: int
    block_rams: int

    @property
    def block_ram_kbit(self) -> int:
        """Kilobits of all block RAMs."""
        return self.block_rams * (4 if self.family.startswith("ice40") else 18)

    def lacks(self, area: Area) -> dict[str, int]:
        """Say of which resources a design needs more than there are, and how many more."""
        over = {key: getattr(area, key) - getattr(self, key) for key in RESOURCES}
        return {key: number for key, number in over.items() if number > 0}


RESOURCES = {
    "luts": "LUTs",
    "flip_flops": "flip-flops",
    "dsp_cells": "DSP cells",
    "block_rams": "block RAMs",
}
TARGETS = {
    target.name: target
    for target in (
        Target("ecp5-25k", "ecp5", 24288, 24288, 28, 56),
        Target("ecp5-45k", "ecp5", 43848, 43848, 72, 108),
        Target("ecp5-85k", "ecp5", 83640, 83640, 156, 208),
        Target("ice40-up5k", "ice40", 5280, 5280, 8, 30),
        Target("ice40-hx8k", "ice40hx", 7680, 7680, 0, 32),
        Target("xc7a35t", "xilinx7", 20800, 41600, 90, 100),
        Target("xc7a100t", "xilinx7", 63400, 126800, 240, 270),
        Target("xc7z020", "xilinx7", 53200, 106400, 220, 280),
        Target("gw1n-9", "gowin", 8640, 6480, 20, 26),
        Target("gw2a-18", "gowin", 20736, 15552, 48, 46),
    )
}


def target(name: str) -> Target:
    """Find a target by its name.

    Raises
    ------
    ValueError
        If there is none of that name; all names are listed.
    """
    if name not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(TARGETS)}, not {name!r}")
    return TARGETS[name]
