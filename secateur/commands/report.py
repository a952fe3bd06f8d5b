"""``secateur report``: simulated designs to their area, the ledger and the page."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hw.whole_file import write_whole
from secateur.commands.arguments import add_force
from secateur.commands.generate import read_cells, read_folding
from secateur.files import DESIGNS, DesignFolder, Folder, read_json, refuse_existing, write_json
from secateur.progress import Progress
from secateur.table import table
from secateur.training_log import read_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("folder", metavar="FOLDER", help="the results of a run")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Synthesise and write the report; return the ledger."""
    folder = Folder(arguments.folder)
    refuse_existing([folder.report, folder.page], arguments.force)
    return report(folder, progress)


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    from reports.page import summary
    from reports.plots import LABELS

    rows = [row for _, rows in summary(result) for row in rows]
    return table(
        ["", *(LABELS[name] for name in DESIGNS)], [[title, *cells] for title, cells in rows]
    )


def report(folder: Folder, progress: Progress) -> dict[str, Any]:
    """Synthesise every design of a run and write its ledger and its page."""
    from reports import drawing, ledger, page, plots
    from reports.tools import machine, versions

    run = read_json(folder.run, "train")
    for name in DESIGNS:
        read_json(folder.design(name).simulation, "simulate")
    with progress.step("synthesise"), ThreadPoolExecutor(2) as pool:
        areas = list(pool.map(synthesise, map(folder.design, DESIGNS)))
        progress.note(", ".join(f"{area.luts:,}" for area in areas) + " LUT4-equivalents")
    with progress.step("report"):
        document = {
            "schema": ledger.SCHEMA,
            **{key: run[key] for key in ("name", "seed", "config", "data")},
            "target": {"family": "ECP5", "flow": "Yosys synth_ecp5"},
            "machine": machine(),
            "versions": versions(),
            **{name: _entry(folder, name, area) for name, area in zip(DESIGNS, areas, strict=True)},
        }
        ledger.save(document, folder.report)
        prune = read_json(folder.accuracy("pruned"), "prune").get("prune")
        pictures = draw_pruning(folder, prune)
        write_whole(folder.page, page.render(document, prune, pictures))
        for name, picture in pictures.items():
            write_whole(folder.plot(name), drawing.standalone(picture))
        write_whole(folder.picture, drawing.standalone(plots.designs(document)))
        progress.note(str(folder.page))
    return document


def draw_pruning(folder: Folder, prune: dict[str, Any] | None) -> dict[str, str]:
    """Draw what pruning did, as far as it was recorded: SVG elements by name."""
    from hw.network import Network
    from reports.mask_pictures import draw_masks
    from reports.selection_plots import draw_selection
    from reports.training_plots import draw_training

    dense, pruned = (Network.load(folder.network(name)) for name in ("dense", "pruned"))
    logs = {name: read_rows(folder.training_log(name)) for name in ("dense", "pruned")}
    drawn = {"masks": draw_masks(dense, pruned), "training": draw_training(logs)}
    found = {name: picture for name, picture in drawn.items() if picture is not None}
    return found | draw_selection(prune or {})


def synthesise(folder: DesignFolder) -> Any:
    """Count the cells of a design; what was counted of the same Verilog is not counted again."""
    from hw.mem_files import design_hash
    from reports.yosys import Area
    from reports.yosys import synthesise as run

    digest = design_hash(folder.verilog)
    if folder.synthesis.is_file():
        record = read_json(folder.synthesis, "report")
        if record.get("verilog_sha256") == digest:
            return Area(record["cells"], record["memory_bits"])
    area = run(folder.verilog, read_json(folder.top, "generate")["top"])
    record = {"schema": "secateur.synthesis/1", "verilog_sha256": digest}
    write_json(folder.synthesis, {**record, "cells": area.cells, "memory_bits": area.memory_bits})
    return area


def _entry(folder: Folder, name: str, area: Any) -> dict[str, Any]:
    from hw.mem_files import design_hash
    from hw.network import Network, file_hash
    from reports.ledger import Measured, design_record

    design = folder.design(name)
    simulation = read_json(design.simulation, "simulate")
    digest = design_hash(design.verilog)
    if simulation["verilog_sha256"] != digest:
        raise ValueError(f"{design.simulation} is of other Verilog; run secateur simulate again")
    if simulation["accuracy"] is None:
        raise ValueError(f"{design.simulation} is of random pictures; run secateur simulate again")
    model = read_json(folder.accuracy("pruned" if name == "pruned" else "dense"), "train")
    measured = Measured(
        accuracy={"float": model["frames"]["float"], **simulation["accuracy"]},
        test=model["test"],
        simulation=simulation,
        area=area,
        network_sha256=file_hash(design.network),
        verilog_sha256=digest,
    )
    before = Network.load(folder.network("dense"))
    made = Network.load(design.network)
    return design_record(made, read_folding(design), before, measured, read_cells(design).stages)
