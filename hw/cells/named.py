"""Cells by the names of their families."""

from hw.cells.ecp5 import Ecp5
from hw.cells.portable import PORTABLE, Portable
from hw.cells.xilinx7 import Xilinx7
from hw.cells.xilinx7_packed import Xilinx7Packed

CELLS = {cells.name: cells for cells in (PORTABLE, Ecp5(), Xilinx7(), Xilinx7Packed())}


def named(name: str) -> Portable:
    """Find the cells of a family.

    Raises
    ------
    ValueError
        If there are none of that name.
    """
    if name not in CELLS:
        raise ValueError(f"cells must be one of {', '.join(CELLS)}, not {name!r}")
    return CELLS[name]
