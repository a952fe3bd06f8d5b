import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secateur import __version__, cli
from secateur.errors import BudgetError, VerificationError
from sim.runner import SimulationTimeout
from sim.tools import ToolError
from tests.hw.drawn import seeded

NETWORK = seeded("window", 1).network

HEAVY = ("torch", "sklearn", "amaranth", "cocotb", "matplotlib", "jinja2", "numpy", "rich")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom secateur.cli import main\n"
        "try:\n    main(['run', '--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "RUN.toml" in done.stdout
    assert not [name for name in HEAVY if f"'{name}'" in done.stderr]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    NETWORK.save(tmp_path / "net.network.safetensors")
    command = f"{sys.executable} -m secateur estimate net.network.safetensors -q | true"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"secateur {__version__}\n"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    assert f"secateur {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("wrong"), 2),
        (FileNotFoundError(2, "No such file or directory", "x"), 2),
        (VerificationError("differs"), 3),
        (BudgetError("too small"), 4),
        (ToolError("fails"), 5),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 5),
        (SimulationTimeout("stuck"), 124),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_have_their_exit_codes(monkeypatch, capsys, error, code):
    def execute(arguments, progress):
        raise error

    monkeypatch.setattr("secateur.commands.doctor.execute", execute)
    assert cli.main(["doctor", "--json"]) == code
    out, err = capsys.readouterr()
    assert err.startswith("secateur: ")
    assert "Traceback" not in err
    document = json.loads(out)
    assert (document["exit"], f"secateur: {document['error']}\n") == (code, err)


def test_a_bug_is_not_caught(monkeypatch):
    def execute(arguments, progress):
        raise ZeroDivisionError

    monkeypatch.setattr("secateur.commands.doctor.execute", execute)
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor"])


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["prnue"], "invalid choice: 'prnue'"),
        ([], "required: COMMAND"),
        (["generate", "x.network.safetensors"], "one of --multipliers, --cycles"),
        (["generate", "x", "--multipliers", "0"], "--multipliers must be at least 1, not 0"),
        (["simulate", "x", "--stalls", "fast"], "--stalls must be two of none, random"),
        (["train", "nowhere.toml"], "nowhere.toml"),
        (["report", "nowhere"], "run.json is missing; secateur train makes it"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(capsys, argv, sentence):
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.startswith("secateur: ")
    assert err.count("\n") == 1
