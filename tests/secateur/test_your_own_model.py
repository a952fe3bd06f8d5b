"""The page on models of one's own: its code runs, and is short."""

import re
from pathlib import Path

from hw.network import Network
from secateur import cli

PAGE = Path(__file__).parents[2] / "docs" / "your-own-model.md"


def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys) -> None:
    model, script = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in script.splitlines() if line]) < 15
    (tmp_path / "my_models.py").write_text(model, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "your-own-model.md", "exec"), {})
    assert int(capsys.readouterr().out.split()[0]) > 0
    assert (tmp_path / "small" / "top.v").is_file()


def test_the_commands_of_the_page_run(tmp_path, monkeypatch, capsys) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (tmp_path / "my_models.py").write_text(
        re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    secateur (.+)$", text, re.MULTILINE)
    assert [command.split()[0] for command in commands][:2] == ["import", "quantize"]
    for command in commands:
        words = command.replace("--weights small.safetensors ", "").split()
        if words[0] != "simulate":  # Verilator takes its time; tests of its own
            assert cli.main([*words, "-q"]) == 0, command
    capsys.readouterr()
    network = Network.load("Small.network.safetensors")
    assert network.formats[network.outputs[0]].shape == (10, 1, 1)
