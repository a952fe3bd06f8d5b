"""The page on pruning: its code runs."""

import re
from pathlib import Path

from hw.network import Network

PAGE = Path(__file__).parents[2] / "docs" / "pruning.md"


def test_the_code_of_the_page_runs(tmp_path, monkeypatch) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "pruning.md", "exec"), {})
    network = Network.load("digits.network.safetensors")
    assert network.macs < 456_704 / 2  # half by maps, then 40 % of the cycles by kernels
    granularities = {getattr(layer, "granularity", "") for layer in network.layers}
    assert "kernel" in granularities


def test_the_budgets_of_the_page_are_budgets() -> None:
    from pruning.budget import Budget

    lines = re.findall(r"^    (\w[\w-]*=.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    budgets = [re.split(r" {3,}", line)[0] for line in lines]
    assert len(budgets) == 8
    for budget in budgets:
        assert str(Budget.parse(budget)) == budget
