"""``secateur simulate``: generated Verilog to proof that it computes its network."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.netlist import FAMILIES
from secateur.errors import VerificationError
from secateur.files import DesignFolder, Folder, load_frames, read_json, write_json
from secateur.progress import Progress
from secateur.run_file import STALLS

FREE = "none/none"
MULTIPLIERS = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="+",
        help="what secateur generate made; with --layer, one of these or a network file",
    )
    parser.add_argument(
        "--layer", metavar="NAME", help="only this layer, alone, on what enters it in the network"
    )
    parser.add_argument(
        "--multipliers",
        type=int,
        metavar="N",
        help=f"of a network file's folding, for --layer; default: {MULTIPLIERS}",
    )
    parser.add_argument(
        "--frames", metavar="FILE", help="pictures; default: frames.safetensors beside the folder"
    )
    parser.add_argument("--random", type=int, metavar="N", help="N random pictures instead")
    parser.add_argument(
        "--stalls",
        metavar="SOURCE/SINK",
        action="append",
        help=f"a further run with these stalls, each of {', '.join(STALLS)}; default: random/slow; "
        "SOURCE/SINK,SINK gives each of two outputs its own",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of stalls and pictures")
    parser.add_argument(
        "--netlist",
        choices=FAMILIES,
        help="simulate the cells that Yosys makes of the design for this family, by our models",
    )


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Simulate; return what was found of every design."""
    stalls = ("random/slow",) if arguments.stalls is None else tuple(arguments.stalls)
    for case in stalls:
        source, *sinks = case.split("/")
        if len(sinks) != 1 or not {source, *sinks[0].split(",")} <= set(STALLS):
            raise ValueError(f"--stalls must be two of {', '.join(STALLS)} with a /, not {case!r}")
    frames = None
    if arguments.random is None:
        frames = Path(arguments.frames or Folder(Path(arguments.folders[0]).parent).frames)
    elif arguments.random < 3:
        raise ValueError(f"--random must be at least 3, not {arguments.random}")
    if arguments.layer is not None:
        if arguments.netlist is not None:
            raise ValueError("--netlist must be of whole designs, not a --layer")
        return _simulate_layer(arguments, frames, stalls, progress)
    if arguments.multipliers is not None:
        raise ValueError("--multipliers must be given with --layer only")
    folders = [DesignFolder(path) for path in arguments.folders]
    return simulate(
        folders, frames, arguments.random, stalls, arguments.seed, progress, arguments.netlist
    )


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    if "layer" in result:
        return (
            f"{result['network']}: layer {result['layer']}: PASS, {result['frames']} frames, "
            f"{result['elements']:,} integers bit for bit, {result['interval']:,} cycles a frame "
            f"as predicted, fold {' x '.join(map(str, result['fold']))}, stalls "
            f"{', '.join(result['stalls'])}"
        )
    return "\n".join(_sentence(record) for record in result["designs"])


def _sentence(record: dict[str, Any]) -> str:
    right = record["accuracy"]
    accuracy = f", {right['rtl']:.2%} of them right" if right else ""
    return (
        f"{record['name']}: PASS, {record['frames']} frames bit for bit{accuracy}, "
        f"{record['interval']:,} cycles a frame as predicted, stalls {', '.join(record['stalls'])}"
    )


def simulate(
    folders: Sequence[DesignFolder],
    frames: Path | None,
    count: int | None,
    stalls: Sequence[str],
    seed: int,
    progress: Progress,
    netlist: str | None = None,
) -> dict[str, Any]:
    """Simulate designs side by side, free and stalled, and write what was found to their folders.

    With `netlist`, a family, their cells are simulated, what was found is written to the folders of
    the netlists, and no layer is simulated alone.

    Raises
    ------
    VerificationError
        If a logit, or the number of cycles, is not what it must be.
    """
    images, labels = load_frames(frames) if frames else (None, None)
    built = _netlists(folders, netlist, progress) if netlist else folders
    with progress.step("simulate"):
        from sim.runner import Design, Stalls
        from sim.runner import simulate as run

        designs = []
        for folder, made in zip(folders, built, strict=True):
            network = _network(folder)
            pictures = images if images is not None else _random(network, count or 0, seed)
            expected = network.compute(pictures)
            designs.append(Design(folder.path.name, made.path, pictures, expected))
        cases = [Stalls(*case.split("/")) for case in dict.fromkeys((FREE, *stalls))]
        build = folders[0].path.parent / "simulation"
        results = run(designs, build, stalls=cases, seed=seed, jobs=2, progress=progress.note)
        progress.note(f"{len(designs[0].frames)} frames, stalls {', '.join(map(str, cases))}")
    layers = {} if netlist else _simulate_layers(folders, designs, build, progress)
    records, complaints = [], []
    for design, folder in zip(designs, built, strict=True):
        mine = [result for result in results if result.name == design.name]
        record = _record(design, folder, mine, labels) | {"layers": layers.get(design.name, {})}
        write_json(folder.simulation, record)
        records.append(record)
        complaints += _complaints(record, mine)
    if complaints:
        raise VerificationError("; ".join(complaints))
    return {"schema": "secateur.simulate/1", "designs": records}


def _netlists(
    folders: Sequence[DesignFolder], family: str, progress: Progress
) -> list[DesignFolder]:
    """Synthesise designs; return the folders of what they become."""
    for folder in folders:
        _network(folder)
    with progress.step("netlist"):
        from secateur.netlists import as_netlist

        return [as_netlist(folder, family, progress.note) for folder in folders]


def _simulate_layers(
    folders: Sequence[DesignFolder], designs: Sequence[Any], build: Path, progress: Progress
) -> dict[str, dict]:
    """Measure every layer alone; return what was found by design and layer."""
    with progress.step("layers"):
        from secateur.alone import as_record, layers_alone
        from secateur.commands.generate import read_cells, read_folding
        from sim.runner import simulate as run

        found = {}
        for design, folder in zip(designs, folders, strict=True):
            folding, cells = read_folding(folder), read_cells(folder)
            found[design.name] = layers_alone(
                design.name, _network(folder), folding, design.frames, build / "alone", cells
            )
        alone = [single for layers in found.values() for single, _ in layers.values()]
        results = run(alone, build, progress=progress.note)
        progress.note(f"{len(alone)} layers alone")
    return {name: as_record(layers, results) for name, layers in found.items()}


def _simulate_layer(
    arguments: argparse.Namespace, frames: Path | None, stalls: Sequence[str], progress: Progress
) -> dict[str, Any]:
    """Run one layer of a design, or of a network file, on what enters it there."""
    if len(arguments.folders) > 1:
        raise ValueError(f"--layer must be of one network, not {len(arguments.folders)}")
    with progress.step("simulate"):
        from secateur.one_layer import simulate_layer
        from sim.runner import Stalls

        path = Path(arguments.folders[0])
        network, folding, cells = _folded(path, arguments.multipliers)
        if frames:
            pictures, _ = load_frames(frames)
        else:
            pictures = _random(network, arguments.random, arguments.seed)
        return simulate_layer(
            network,
            folding,
            arguments.layer,
            pictures,
            path.parent / "simulation" / "alone",
            stalls=[Stalls(*case.split("/")) for case in dict.fromkeys((FREE, *stalls))],
            seed=arguments.seed,
            progress=progress.note,
            cells=cells,
        )


def _folded(path: Path, multipliers: int | None) -> tuple[Any, Any, Any]:
    """Network, folding and cells of a design's folder, or of a network file for a budget."""
    from hw.cells.portable import PORTABLE
    from hw.network import Network
    from secateur.commands.generate import fold_to_multipliers, read_cells, read_folding

    if path.is_dir():
        if multipliers is not None:
            raise ValueError(f"--multipliers must be given for a network file only, not {path}")
        folder = DesignFolder(path)
        return _network(folder), read_folding(folder), read_cells(folder)
    network, most = Network.load(path), MULTIPLIERS if multipliers is None else multipliers
    return network, fold_to_multipliers(network, most), PORTABLE


def _network(folder: DesignFolder) -> Any:
    from hw.network import Network

    for path in (folder.verilog, folder.top, folder.network):
        if not path.is_file():
            raise ValueError(f"{path} is missing; secateur generate makes it")
    return Network.load(folder.network)


def _random(network: Any, count: int, seed: int) -> Any:
    import numpy as np

    stream = network.input.stream
    rng = np.random.default_rng(seed)
    return rng.integers(stream.low, stream.high + 1, (count, *stream.shape))


def _record(design: Any, folder: DesignFolder, results: Sequence[Any], labels: Any) -> dict:
    from hw.mem_files import design_hash

    free = results[0]
    predicted = read_json(folder.top, "generate")["cycles"]
    return {
        "schema": "secateur.simulation/1",
        "name": design.name,
        "verilog_sha256": design_hash(folder.verilog),
        "frames": free.frames,
        "stalls": [str(result.stalls) for result in results],
        "mismatches": sum(result.mismatches for result in results),
        "interval": free.interval,
        "latency": free.latency,
        "predicted": predicted,
        "accuracy": _accuracy(free.outputs, design.expected, labels),
    }


def _accuracy(outputs: Any, expected: Any, labels: Any) -> dict[str, float] | None:
    """Parts of the frames that the first output classifies rightly; None without labels."""
    if labels is None:
        return None
    outputs, expected = (next(iter(each.values())) for each in (outputs, expected))
    from pruning.accuracy import accuracy

    return {"integer": accuracy(expected, labels), "rtl": accuracy(outputs, labels)}


def _complaints(record: dict[str, Any], results: Sequence[Any]) -> list[str]:
    """Sentences about what one design does wrong."""
    from secateur.complaints import differences, unlike

    name = record["name"]
    found = differences(name, results)
    for key in ("interval", "latency"):
        if record[key] != record["predicted"][key]:
            found.append(unlike(f"{name}: {key}", record["predicted"][key], record[key]))
    for layer, alone in record["layers"].items():
        if alone["mismatches"]:
            found.append(f"{name}: {alone['mismatches']} elements of {layer} alone differ")
        if alone["simulated"] != alone["predicted"]:
            where = f"{name}: interval of {layer} alone"
            found.append(unlike(where, alone["predicted"], alone["simulated"]))
    return found
