"""The Verilator model of a bench, built once for each content."""

import hashlib
import importlib.metadata
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sim.tools import MAKEFLAGS, ToolError, environment, tail
from sim.top import Top
from sim.wrapper import wrap

_PARTS = sorted((Path(__file__).parent / "verilog").rglob("*.v"))
_MODULE = re.compile(r"^\s*module\s+(\\\S+|\w+)", re.MULTILINE)
# Warnings end a build; style is not judged here, latches are. Only what cocotb touches is public:
# with everything public, as cocotb's runner asks, a run takes twice as long.
_FLAGS = (
    *("-Wno-lint", "-Wwarn-LATCH", "-Wwarn-IMPLICIT", "--no-public-flat-rw"),
    *("--x-initial", "unique", "--x-assign", "unique"),
)


def build(
    tops: Mapping[str, Top], sources: Sequence[Path], folder: Path, *, waves: bool = False
) -> Path:
    """Build the bench around designs, unless the same content was built before.

    Parameters
    ----------
    tops : mapping of str to Top
        The designs by name.
    sources : sequence of Path
        Their Verilog files.
    folder : Path
        Holds one build a content, each in a folder named by its hash.
    waves : bool
        Whether the model can write waves.

    Returns
    -------
    Path
        Folder of the model.

    Raises
    ------
    ValueError
        If two files define the same module.
    ToolError
        If Verilator or the compiler refuses the Verilog.
    """
    bench = wrap(tops)
    texts = [path.read_text(encoding="utf-8") for path in (*_PARTS, *sources)]
    _refuse_twins([*_PARTS, *sources], texts)
    versions = [importlib.metadata.version(name) for name in ("verilator", "cocotb")]
    content = "\0".join([bench, *texts, *_FLAGS, MAKEFLAGS, *versions, str(waves)])
    done = folder / hashlib.sha256(content.encode()).hexdigest()[:16]
    if done.is_dir():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder))
    (partial / "bench.v").write_text(bench, encoding="utf-8")
    _verilate([*_PARTS, *sources, partial / "bench.v"], partial, waves)
    try:
        partial.replace(done)
    except OSError:  # another process was faster
        shutil.rmtree(partial)
    return done


def _refuse_twins(paths: Sequence[Path], texts: Sequence[str]) -> None:
    """Check that every module is defined once."""
    owners: dict[str, Path] = {}
    for path, text in zip(paths, texts, strict=True):
        for module in _MODULE.findall(text):
            if module in owners or module == "bench":
                raise ValueError(f"{path}: module {module} must have a name of its own")
            owners[module] = path


def _verilate(sources: Sequence[Path], folder: Path, waves: bool) -> None:
    """Run Verilator and the compiler."""
    from cocotb_tools.runner import get_runner

    log = folder / "build.log"
    try:
        with environment():
            get_runner("verilator").build(
                sources=[path.resolve() for path in sources],
                hdl_toplevel="bench",
                build_dir=folder,
                build_args=list(_FLAGS),
                waves=waves,
                log_file=log,
            )
    except (RuntimeError, SystemExit) as error:
        lines = tail(log)
        shutil.rmtree(folder)
        raise ToolError(f"Verilator must build the Verilog, but failed\n{lines}") from error
