"""``secateur import``: a PyTorch model, or quantised ONNX, to a network."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force, key_and_value, numbers
from secateur.files import INTEGER, REAL, refuse_existing
from secateur.progress import Progress
from secateur.table import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="package.module:factory, a model of the zoo such as resnet20, or a quantised .onnx",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="its weights: .safetensors, .pt or .pth (tensors only)"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="argument of the factory; may be repeated",
    )
    parser.add_argument("--shape", metavar="C,H,W", help="of a picture; default: the zoo model's")
    parser.add_argument(
        "--bits", type=int, default=8, metavar="N", help="of an element of a picture; default: 8"
    )
    parser.add_argument(
        "--scale",
        type=float,
        metavar="S",
        help="value of an element of 1; default: 1 / (2**N - 1)",
    )
    for option, what in (("--mean", "subtracted"), ("--std", "divided by")):
        parser.add_argument(
            option, metavar="X,Y,Z", help=f"{what}, for every channel, once elements are scaled"
        )
    parser.add_argument("--name", metavar="NAME", help="of the result; default: the model's")
    parser.add_argument("--out", metavar="FILE", help=f"default: NAME{REAL}, of ONNX NAME{INTEGER}")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Import and write; return what was found."""
    onnx = Path(arguments.model).suffix == ".onnx"
    name = arguments.name or _name(arguments.model)
    path = Path(arguments.out or f"{name}{INTEGER if onnx else REAL}")
    refuse_existing([path], arguments.force)
    with progress.step("import"):
        return _onnx(arguments, name, path) if onnx else _torch(arguments, name, path)


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    head, rows = ["layer", "kind", "maps", "MACs", "parameters", "place in the model"], []
    for layer in result["layers"]:
        shape = "x".join(map(str, layer["shape"]))
        counts = [f"{layer[key]:,}" if layer[key] else "" for key in ("macs", "parameters")]
        rows.append([layer["name"], layer["kind"], shape, *counts, layer["place"]])
    total = f"{result['macs']:,} MACs, {result['parameters']:,} parameters"
    return f"{table(head, rows)}\n\n{total}\n{result['file']}"


def _onnx(arguments: argparse.Namespace, name: str, path: Path) -> dict[str, Any]:
    from hw.layers import Conv
    from hw.onnx.importer import import_onnx

    network = import_onnx(arguments.model, name)
    network.save(path)
    layers = [
        {
            "name": layer.name,
            "kind": type(layer).__name__,
            "shape": list(network.formats[layer.name].shape),
            "macs": network.layer_macs(layer),
            "parameters": layer.parameters if isinstance(layer, Conv) else 0,
            "place": "",
        }
        for layer in network.layers
    ]
    return _record(path, layers)


def _torch(arguments: argparse.Namespace, name: str, path: Path) -> dict[str, Any]:
    from dataclasses import replace

    from pruning.factory import make_model
    from pruning.importing import import_model
    from pruning.reals import RealConv
    from pruning.weights import load_weights

    pixels = _pixels(arguments)
    module = make_model(
        arguments.model, **dict(key_and_value("option", text) for text in arguments.option)
    )
    if arguments.weights:
        load_weights(module, arguments.weights)
    network = import_model(module.eval(), pixels)
    network = replace(network, facts=network.facts | {"name": name})
    network.save(path)
    layers = []
    for layer in network.layers:
        shape, macs, parameters = network.shapes()[layer.name], 0, 0
        if isinstance(layer, RealConv):
            macs = layer.weight.size * shape[1] * shape[2]
            parameters = layer.weight.size + layer.bias.size
        layers.append(
            {
                "name": layer.name,
                "kind": type(layer).__name__.removeprefix("Real"),
                "shape": list(shape),
                "macs": macs,
                "parameters": parameters,
                "place": layer.place,
            }
        )
    return _record(path, layers)


def _record(path: Path, layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema": "secateur.import/1",
        "file": str(path),
        "macs": sum(layer["macs"] for layer in layers),
        "parameters": sum(layer["parameters"] for layer in layers),
        "layers": layers,
    }


def _pixels(arguments: argparse.Namespace) -> Any:
    """Shape and number format of the pictures."""
    from pruning import zoo
    from pruning.data import pixels_of

    if arguments.shape is None and arguments.model not in zoo.SHAPES:
        raise ValueError("--shape must say C,H,W of a picture, such as 3,32,32")
    shape = zoo.SHAPES.get(arguments.model, (0, 0, 0))
    if arguments.shape is not None:
        sizes = _numbers("shape", arguments.shape, 3)
        if not all(size.is_integer() for size in sizes):
            raise ValueError(f"--shape must be whole numbers, not {arguments.shape!r}")
        shape = int(sizes[0]), int(sizes[1]), int(sizes[2])
        if min(shape) < 1:
            raise ValueError(f"--shape must be positive numbers, not {arguments.shape!r}")
    if not 2 <= arguments.bits <= 8:
        raise ValueError(f"--bits must be 2 to 8, not {arguments.bits}")
    if arguments.scale is not None and not arguments.scale > 0:
        raise ValueError(f"--scale must be positive, not {arguments.scale!r}")
    mean = _numbers("mean", arguments.mean or "0", shape[0])
    std = _numbers("std", arguments.std or "1", shape[0])
    if min(std) <= 0:
        raise ValueError(f"--std must be positive, not {arguments.std!r}")
    return pixels_of(shape, arguments.bits, arguments.scale or 0, mean, std)


def _numbers(option: str, text: str, count: int) -> tuple[float, ...]:
    found = numbers(option, text)
    found *= count if len(found) == 1 else 1
    if len(found) != count:
        raise ValueError(f"--{option} must be {count} numbers with commas between, not {text!r}")
    return found


def _name(model: str) -> str:
    """Make an identifier of a model's own name."""
    import re

    stem = Path(model).stem if model.endswith(".onnx") else model.rpartition(":")[2]
    return re.sub(r"\W", "_", stem)
