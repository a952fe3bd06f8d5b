"""``secateur quantize``: a network of real numbers to one of integers."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force
from secateur.files import INTEGER, REAL, refuse_existing
from secateur.progress import Progress
from secateur.run_file import DATA_SETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar=f"NAME{REAL}", help="what secateur import wrote")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data", choices=DATA_SETS, help="data set, of which held-out training pictures are taken"
    )
    source.add_argument(
        "--pictures", metavar="FILE", help="a frames.safetensors of pictures to take instead"
    )
    parser.add_argument("--folder", metavar="FOLDER", help="where the data set's files are")
    parser.add_argument(
        "--images", type=int, default=1024, metavar="N", help="pictures taken; default: 1024"
    )
    for what in ("weight", "activation"):
        parser.add_argument(f"--{what}-bits", type=int, default=8, metavar="N", help="default: 8")
    parser.add_argument(
        "--layer-bits",
        action="append",
        default=[],
        metavar="NAME=W,A",
        help="other bits of one layer's weights and result; may be repeated",
    )
    parser.add_argument(
        "--ranges",
        choices=("minmax", "percentile", "mse"),
        default="minmax",
        help="how much of the activations must fit; default: minmax",
    )
    parser.add_argument("--percentile", type=float, default=99.99, metavar="P")
    parser.add_argument(
        "--power-of-two", action="store_true", help="requantise by shifts alone: no multipliers"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        default=0,
        metavar="N",
        help="of fine-tuning; default: 0, none",
    )
    parser.add_argument("--rate", type=float, default=5e-4, metavar="R", help="of fine-tuning")
    parser.add_argument("--augment", action="store_true", help="fine-tune on shifted pictures")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--out", metavar="FILE", help=f"default: NAME{INTEGER}")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Quantise, fine-tune if asked to, and write; return the accuracy, if there are labels."""
    source = Path(arguments.network)
    stem = source.name.removesuffix(REAL).removesuffix(".safetensors")
    path = Path(arguments.out or source.with_name(f"{stem}{INTEGER}"))
    refuse_existing([path], arguments.force)
    if arguments.epochs and not arguments.data:
        raise ValueError("--epochs must come with --data: fine-tuning needs labels")
    if arguments.images < 1:
        raise ValueError(f"--images must be at least 1, not {arguments.images}")
    with progress.step("quantize"):
        import re

        from hw.layers import Conv
        from pruning.quantise import quantise
        from pruning.real_network import RealNetwork

        network = RealNetwork.load(source)
        data, pictures = _pictures(arguments, network.pixels)
        weights, activations = _layer_bits(arguments.layer_bits)
        options: dict[str, Any] = {
            "weight_bits": arguments.weight_bits,
            "activation_bits": arguments.activation_bits,
            "weight_bits_of": weights,
            "activation_bits_of": activations,
            "ranges": arguments.ranges,
            "percentile": arguments.percentile,
            "power_of_two": arguments.power_of_two,
            "name": re.sub(r"\W", "_", network.facts.get("name", stem)),
        }
        if not arguments.epochs:
            made = quantise(network, pictures, **options)
    if arguments.epochs:
        with progress.step("fine-tune"):
            from pruning.fine_tune import fine_tune

            made = fine_tune(
                network,
                pictures,
                data,
                epochs=arguments.epochs,
                rate=arguments.rate,
                augment=arguments.augment,
                seed=arguments.seed,
                threads=arguments.threads,
                progress=progress.update,
                **options,
            )
    result = {
        "schema": "secateur.quantize/1",
        "file": str(path),
        "macs": made.macs,
        "parameters": made.parameters,
        "weight_bits": sum(
            layer.weight.size * layer.weight_bits
            for layer in made.layers
            if isinstance(layer, Conv)
        ),
        "test": None,
    }
    if data is not None:
        with progress.step("accuracy"):
            result["test"] = _accuracy(network, made, data.test)
    made.save(path)
    return result


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    size = f"{result['macs']:,} MACs, {result['parameters']:,} parameters"
    lines = [f"{size}, {result['weight_bits']:,} bits of weights"]
    if test := result["test"]:
        lines.append(
            f"accuracy on {test['images']:,} test pictures: {test['float']:.2%} float, "
            f"{test['integer']:.2%} integer"
        )
    return "\n".join([*lines, result["file"]])


def _pictures(arguments: argparse.Namespace, pixels: Any) -> tuple[Any, Any]:
    """Read the data set, if there is one, and held-out training pictures."""
    from secateur.files import load_frames

    if arguments.pictures:
        images, _ = load_frames(Path(arguments.pictures))
        data, where = None, arguments.pictures
    else:
        from pruning.data import load

        data, where = load(arguments.data, arguments.folder), f"data set {arguments.data!r}"
        images = data.validation.images
    if images.shape[1:] != pixels.shape:
        raise ValueError(f"{where}: pictures must be {pixels.shape}, not {images.shape[1:]}")
    if images.max(initial=0) >= 1 << pixels.bits:
        raise ValueError(f"{where}: elements must be below {1 << pixels.bits}, not {images.max()}")
    return data, images[: arguments.images]


def _layer_bits(options: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Bits of weights and of results, by layer; either may be left out."""
    weights, activations = {}, {}
    for option in options:
        name, equals, bits = option.partition("=")
        of_weights, _, of_result = bits.partition(",")
        try:
            if of_weights:
                weights[name] = int(of_weights)
            if of_result:
                activations[name] = int(of_result)
        except ValueError:
            equals = ""
        if not equals or not bits:
            raise ValueError(f"--layer-bits must be NAME=W,A, not {option!r}")
    return weights, activations


def _accuracy(network: Any, made: Any, test: Any) -> dict[str, Any]:
    """Accuracy of both networks on the test pictures."""
    import torch

    from pruning.accuracy import accuracy
    from pruning.evaluate import BATCH, normalise

    parts = []
    for start in range(0, len(test), BATCH):
        x = normalise(test.images[start : start + BATCH], network.pixels)
        parts.append(network.compute(x)[network.outputs[0]])
    integers = made.compute(test.images)[made.outputs[0]]
    return {
        "images": len(test),
        "float": accuracy(torch.cat(parts).numpy(), test.labels),
        "integer": accuracy(integers, test.labels),
    }
