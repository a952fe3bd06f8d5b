"""``secateur weights``: another network of the same structure to what a design can load."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force
from secateur.files import INTEGER, DesignFolder, read_json, refuse_existing
from secateur.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar="NETWORK", help="a network file")
    parser.add_argument(
        "--for",
        dest="design",
        metavar="FOLDER",
        required=True,
        help="the design: what `secateur generate --loadable` made",
    )
    parser.add_argument("--out", metavar="FILE", help="default: NAME.weights beside the network")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Write the bytes; return where to, and what they change for those who read results."""
    source, folder = Path(arguments.network), DesignFolder(arguments.design)
    stem = source.name.removesuffix(INTEGER).removesuffix(".safetensors")
    path = Path(arguments.out or source.with_name(f"{stem}.weights"))
    refuse_existing([path], arguments.force)
    with progress.step("weights"):
        from hw.network import Network
        from hw.weight_stream import weight_stream
        from hw.whole_file import write_whole
        from secateur.commands.generate import read_cells, read_folding

        if "weights" not in read_json(folder.top, "generate"):
            raise ValueError(
                f"{folder.path} must be a design that can be loaded; secateur generate --loadable "
                "makes one"
            )
        network, design = Network.load(source), Network.load(folder.network)
        stages = read_cells(folder).stages
        words = weight_stream(network, design, read_folding(folder), stages)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, words)
    return {
        "schema": "secateur.weights/1",
        "file": str(path),
        "bytes": len(words),
        "scales": {name: network.formats[name].scale for name in network.outputs},
    }


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    scales = ", ".join(f"{name} {scale:g}" for name, scale in result["scales"].items())
    return f"{result['file']}: {result['bytes']:,} bytes; scales of the results: {scales}"
