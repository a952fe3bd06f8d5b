"""The command ``secateur``: its parser, its exit codes and what it says of errors."""

import argparse
import importlib
import json
import keyword
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from secateur import __version__, errors
from secateur.progress import Progress

COMMANDS = {
    "run": "do all of it: train, prune, generate, simulate, report",
    "train": "train the dense network of a run file and make it integer",
    "prune": "prune the trained network, retrain it and make it integer",
    "import": "turn a PyTorch model, or quantised ONNX, into a network",
    "quantize": "make an imported network integer",
    "export": "write a network as integer ONNX, which onnxruntime computes to the same integers",
    "estimate": "say in seconds what a network costs, and what a pruning would save",
    "fold": "fold a network for a part of an FPGA family, and say what every layer takes",
    "generate": "turn a network file into Verilog",
    "weights": "write another network's weights for a design that can load them",
    "simulate": "simulate generated Verilog and compare it with its network, bit for bit",
    "report": "synthesise what was simulated and write report.json and report.html",
    "bench": "measure layers and networks, dense and pruned, against their prediction",
    "doctor": "say which tools work here",
}


EXTRAS = {"torch": "torch", "sklearn": "torch", "onnx": "onnx", "onnxruntime": "onnx"}  # by package


class UsageError(ValueError):
    """Wrong use of the command line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise UsageError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line; imports nothing heavy."""
    common = _Parser(add_help=False)
    group = common.add_argument_group("everywhere")
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="show the traceback of an error"
    )

    top = _Parser(
        prog="secateur",
        description="Prune a PyTorch CNN and make an accelerator of exactly what survives.",
        epilog="Exit codes: 0 well, 1 a bug, 2 wrong input, 3 the hardware computes something "
        "else, 4 over budget, 5 a tool is missing or failed, 124 time-out, 130 interrupted.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"secateur {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=_sentence(summary), parents=[common], allow_abbrev=False
        )
        file = f"{name}_" if keyword.iskeyword(name) else name
        module = importlib.import_module(f"secateur.commands.{file}")
        module.add_arguments(command)
        command.set_defaults(module=module)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments. Default: those of the process.

    Returns
    -------
    int
        Exit code, of `secateur.errors`; an exception that leaves is a bug.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = parser().parse_args(argv)
        result = arguments.module.execute(arguments, Progress(quiet=arguments.quiet))
    except KeyboardInterrupt:
        return _fail("interrupted", errors.INTERRUPTED, argv)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        message = str(error)
        if isinstance(error, ModuleNotFoundError):
            message += f": pip install 'secateur[{EXTRAS[error.name or '']}]'"
        return _fail(message, code, argv)
    if arguments.json:
        document = getattr(arguments.module, "document", dict)
        _say(json.dumps(document(result), indent=2))
    else:
        _say(arguments.module.describe(result))
    return result.get("exit", errors.OK)


def _say(text: str) -> None:
    """Print the result; what reads it may have seen enough."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_code(error: Exception) -> int | None:
    """Exit code of an error, or None if it is a bug."""
    if isinstance(error, errors.VerificationError):
        return errors.MISMATCH
    if isinstance(error, errors.BudgetError):
        return errors.BUDGET
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        return errors.TOOL
    if isinstance(error, (ValueError, OSError)):
        return errors.USER_ERROR
    if isinstance(error, RuntimeError):
        from sim.runner import SimulationTimeout
        from sim.tools import ToolError

        if isinstance(error, ToolError):
            return errors.TOOL
        if isinstance(error, SimulationTimeout):
            return errors.TIME_OUT
    return None


def _fail(message: str, code: int, argv: Sequence[str]) -> int:
    """Say what went wrong, on stderr and, if asked for JSON, as the document on stdout."""
    if "-v" in argv or "--verbose" in argv:
        traceback.print_exc()
    print(f"secateur: {message}", file=sys.stderr)
    if "--json" in argv:
        print(json.dumps({"schema": "secateur.error/1", "exit": code, "error": message}, indent=2))
    return code


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
