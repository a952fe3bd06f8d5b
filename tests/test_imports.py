"""The direction of imports between the packages."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "hw": set(),
    "pruning": {"hw"},
    "sim": {"hw"},
    "reports": {"hw", "sim"},
    "secateur": {"hw", "pruning", "sim", "reports"},
}
PRUNING_MAY_IMPORT_OF_HW = {
    "hw.network",
    "hw.layers",
    "hw.arithmetic",
    "hw.records",
    "hw.whole_file",
}
PRICES_MAY_IMPORT_OF_HW = PRUNING_MAY_IMPORT_OF_HW | {
    "hw.area",
    "hw.cost",
    "hw.families",
    "hw.fit",
    "hw.fold",
    "hw.fold_search",
    "hw.folding",
    "hw.plan",
    "hw.plan_memo",
    "hw.resources",
    "hw.targets",
}
WITHOUT_TORCH = ("hw", "sim", "reports")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_in_one_direction(package):
    assert modules(package)
    for path in modules(package):
        for name in imports(path):
            owner = name.partition(".")[0]
            if owner in MAY_IMPORT and owner != package:
                assert owner in MAY_IMPORT[package], f"{path} imports {name}"


def test_pruning_knows_the_network_file_and_prices_alone_the_hardware():
    for path in modules("pruning"):
        of_hw = {name for name in imports(path) if name.partition(".")[0] == "hw"}
        prices = path == ROOT / "pruning" / "price.py"
        assert of_hw <= (PRICES_MAY_IMPORT_OF_HW if prices else PRUNING_MAY_IMPORT_OF_HW), path


@pytest.mark.parametrize("package", WITHOUT_TORCH)
def test_the_hardware_half_does_not_import_torch(package):
    for path in modules(package):
        assert not {name.partition(".")[0] for name in imports(path)} & {"torch", "sklearn"}, path
