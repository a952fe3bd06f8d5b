"""``secateur export``: network file to integer ONNX."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force
from secateur.files import INTEGER, refuse_existing
from secateur.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar="NETWORK", help="a network file")
    parser.add_argument("--out", metavar="FILE", help="default: beside the network file")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Export; return where to."""
    source = Path(arguments.network)
    stem = source.name.removesuffix(INTEGER).removesuffix(".safetensors")
    path = Path(arguments.out or source.with_name(f"{stem}.onnx"))
    refuse_existing([path], arguments.force)
    with progress.step("export"):
        from hw.network import Network
        from hw.onnx.export import export_onnx

        network = Network.load(source)
        export_onnx(network, path)
    return {
        "schema": "secateur.export/1",
        "file": str(path),
        "input": f"{network.input.name}.stream",
        "outputs": list(network.outputs),
    }


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    return f"{result['file']}: {result['input']} to {', '.join(result['outputs'])}"
