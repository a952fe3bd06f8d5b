"""Designs as the cells that synthesis makes of them, for simulation."""

from collections.abc import Callable

from hw.whole_file import write_whole
from reports.netlist import write_netlist
from secateur.files import DesignFolder
from sim.top import Top


def as_netlist(
    folder: DesignFolder, family: str, note: Callable[[str], None] = lambda message: None
) -> DesignFolder:
    """Synthesise a design; return a folder below its own that holds the netlist in its place.

    Parameters
    ----------
    folder : DesignFolder
    family : str
        One of `reports.netlist.FAMILIES`.
    note : callable
        Is told what begins.

    Raises
    ------
    ToolError
        If Yosys fails or takes too long.
    """
    made = DesignFolder(folder.path / f"netlist-{family}")
    made.path.mkdir(exist_ok=True)
    note(f"synthesising {folder.path.name}")
    write_netlist(folder.verilog, made.verilog, Top.load(folder.path).name, family)
    write_whole(made.top, folder.top.read_bytes())
    return made
