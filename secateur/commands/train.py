"""``secateur train``: run file to a trained dense model and its integer network."""

import argparse
import functools
from typing import Any

from secateur.commands.arguments import add_run_file, read_run_file
from secateur.files import Folder, refuse_existing, save_frames, write_json
from secateur.progress import Progress
from secateur.run_file import RunFile
from secateur.training_log import TrainingLog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run_file(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Train; return the accuracy and the files."""
    run, folder = read_run_file(arguments)
    refuse_existing([folder.checkpoint("dense"), folder.network("dense")], arguments.force)
    if arguments.force:
        folder.training.unlink(missing_ok=True)
    return train_dense(run, folder, load_data(run, progress), progress)


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    test = result["test"]
    return (
        f"{result['network']}: {result['macs']:,} MACs, {result['parameters']:,} parameters\n"
        f"accuracy on {test['images']:,} test pictures: {test['float']:.2%} float, "
        f"{test['integer']:.2%} integer"
    )


def load_data(run: RunFile, progress: Progress) -> Any:
    """Read the data set of a run."""
    with progress.step("data"):
        from pruning.data import load

        data = load(run.data.name, run.data.folder or None)
        progress.note(f"{len(data.train):,} to train, {len(data.test):,} to test")
    return data


def train_dense(run: RunFile, folder: Folder, data: Any, progress: Progress) -> dict[str, Any]:
    """Train the dense model, make it integer and write both."""
    with progress.step("train"):
        from pruning.train import train

        model = make_dense(run, data)
        folder.path.mkdir(parents=True, exist_ok=True)
        log = TrainingLog(folder.training_log("dense"), goes_on=folder.training.exists())
        if run.train.epochs:
            model = train(
                model,
                data,
                epochs=run.train.epochs,
                rate=run.train.rate,
                batch=run.train.batch,
                augment=run.train.augment,
                checkpoint=folder.training,
                seed=run.seed,
                threads=run.train.threads,
                progress=progress.update,
                log=functools.partial(log, 0),
            )
    result = write_model(run, folder, "dense", model, data, progress)
    folder.training.unlink(missing_ok=True)
    return result


def make_dense(run: RunFile, data: Any) -> Any:
    """Make the model of a run, with its weights if there are any."""
    from pruning import zoo
    from pruning.data import pixels_of
    from pruning.factory import make_model
    from pruning.importing import lowered
    from pruning.models import model_of
    from pruning.weights import load_weights

    asked, pixels, options = run.model, data.pixels, dict(run.model.options)
    if asked.name in zoo.MODELS:
        options = {"seed": run.seed, "classes": data.classes} | options
    if asked.name == "chain":
        chain = {"shape": pixels.shape, "widths": asked.widths, "pools": asked.pools}
        options = chain | options
    module = make_model(asked.name, **options)
    if asked.weights:
        load_weights(module, asked.weights)
    if asked.scale or asked.mean or asked.std:
        pixels = pixels_of(pixels.shape, pixels.bits, asked.scale, asked.mean, asked.std)
    model = model_of(module, pixels)
    lowered(model.module.graph, pixels)  # what cannot be built is refused before it is trained
    return model


def write_model(
    run: RunFile, folder: Folder, name: str, model: Any, data: Any, progress: Progress
) -> dict[str, Any]:
    """Make a trained model integer, measure both and write all of it."""
    with progress.step("quantise"):
        from pruning.accuracy import accuracy
        from pruning.checkpoint import save_model
        from pruning.data import Split
        from pruning.evaluate import evaluate
        from pruning.quantise import quantise

        network = quantise(
            model.real_network,
            data.validation.images,
            name=run.name,
            weight_bits=run.quantise.weight_bits,
            activation_bits=run.quantise.activation_bits,
            ranges=run.quantise.ranges,
            power_of_two=run.quantise.power_of_two,
        )
        (logits,) = network.compute(data.test.images).values()
        count = min(run.simulate.frames, len(data.test))
        frames = Split(data.test.images[:count], data.test.labels[:count])
        record = {
            "schema": "secateur.accuracy/1",
            "network": str(folder.network(name)),
            "macs": network.macs,
            "parameters": network.parameters,
            "test": {
                "images": len(data.test),
                "float": evaluate(model, data.test, threads=run.train.threads),
                "integer": accuracy(logits, data.test.labels),
            },
            "frames": {
                "images": count,
                "float": evaluate(model, frames, threads=run.train.threads),
                "integer": accuracy(logits[:count], frames.labels),
            },
            "prune": model.facts.get("prune"),
        }
        test = record["test"]
        progress.note(f"{test['float']:.2%} float, {test['integer']:.2%} integer")
    folder.path.mkdir(parents=True, exist_ok=True)
    save_model(model, folder.checkpoint(name))
    network.save(folder.network(name))
    save_frames(folder.frames, frames.images, frames.labels)
    write_json(folder.accuracy(name), record)
    write_json(folder.run, run_record(run, data))
    return record


def run_record(run: RunFile, data: Any) -> dict[str, Any]:
    """Say what was run, without names of folders."""
    splits = {name: len(getattr(data, name)) for name in ("train", "validation", "test")}
    return {
        "schema": "secateur.run/1",
        "name": run.name,
        "seed": run.seed,
        "config": {"hash": run.hash, "values": run.public_values},
        "data": {
            "name": data.name,
            "shape": list(data.pixels.shape),
            "bits": data.pixels.bits,
            "images": splits,
        },
    }
