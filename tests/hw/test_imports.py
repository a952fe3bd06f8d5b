import ast
import subprocess
import sys
from pathlib import Path

FOREIGN = {"torch", "sklearn", "cocotb", "matplotlib", "pruning", "sim", "reports", "secateur"}
MODULES = sorted(
    path.with_suffix("").as_posix().replace("/", ".")
    for path in Path("hw").rglob("*.py")
    if path.name != "__init__.py"
)


REFERENCE = ("activation", "arithmetic", "conv", "joins", "layers", "pooling")


def test_hardware_half_runs_without_the_rest() -> None:
    script = f"import importlib, sys\nfor m in {MODULES}: importlib.import_module(m)\n"
    script += f"print(sorted({FOREIGN} & set(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def imported(module: str) -> set[str]:
    """Names of the modules that a module imports, wherever it does."""
    tree = ast.parse(Path(module.replace(".", "/") + ".py").read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


def test_hardware_half_imports_nothing_of_the_rest() -> None:
    assert len(MODULES) > 15
    for module in MODULES:
        assert not {name.split(".")[0] for name in imported(module)} & FOREIGN, module


def test_reference_knows_nothing_of_the_hardware() -> None:
    """What everything is compared with must not share its mistakes."""
    for module in (*(f"hw.{name}" for name in REFERENCE), "hw.network"):
        ours = {name for name in imported(module) if name.startswith("hw.")}
        assert ours <= {f"hw.{name}" for name in REFERENCE}
        assert not any(name.startswith("amaranth") for name in imported(module))


def test_only_its_own_package_imports_onnx() -> None:
    """Networks load, run and become hardware without it."""
    for module in MODULES:
        foreign = {name.split(".")[0] for name in imported(module)} & {"onnx", "onnxruntime"}
        assert not foreign or module.startswith("hw.onnx."), module
        if not module.startswith("hw.onnx"):
            assert not any(name.startswith("hw.onnx") for name in imported(module)), module


def test_cost_builds_no_hardware() -> None:
    for module in (
        "hw.cost",
        "hw.folding",
        "hw.plan",
        "hw.schedule",
        "hw.taps",
        "hw.rows",
        "hw.columns",
    ):
        names = imported(module)
        assert not any(n.startswith(("amaranth", "hw.parts", "hw.layer.")) for n in names), module
