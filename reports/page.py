"""The report page: one HTML file that needs nothing else."""

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reports import drawing, plots
from reports.ledger import DESIGNS

DEFINITIONS = {
    "multipliers": "P x G x R of every layer, summed: the multiply-adders that are instantiated",
    "DSP cells": "all multiplier cells (MULT18X18D) in the netlist, those that requantise included",
    "utilisation": "of a layer: surviving MACs / (its own cycles x its multipliers), its cycles "
    "measured alone between always-ready ends; of a design: surviving MACs / (cycles a frame x "
    "multipliers). MACs on padding are counted, as is usual; where rows of it are skipped, "
    "utilisation may exceed 100 %",
    "cycles a frame": "distance between the last output beats of successive frames in steady "
    "state, neither side stalling; simulated, and equal to what the cost model predicts",
    "latency": "cycles from the first input beat to the last output beat of the first frame",
    "LUT4-equivalents": "LUT4 + 2 CCU2C + 4 TRELLIS_DPR16X4",
    "memory bits": "bits of all memories before mapping, read-only ones included",
    "MACs, parameters": "multiply-adds of one picture by surviving weights; those and the biases",
    "accuracy": "parts classified rightly: float is the trained network, integer its exact integer "
    "form, RTL the simulated Verilog",
    "mismatches": "logits of the simulated Verilog that differ from the integer network",
}

SELECTION = {
    "candidates": "Validation errors of all masks that were tried, before retraining; the line is "
    "the best so far.",
    "particles": "The particles, generation by generation: their validation errors, how many of "
    "them carry the weight, and the weight of each against that of the heaviest.",
    "regression": "A linear model of what is lost with every unit: how well it explains the masks "
    "it was fitted to and masks that were left out, and what those of every step cost. Steps that "
    "removed nothing are not shown.",
    "probabilities": "The probability with which a unit is masked while the network trains, update "
    "by update; at 1 it is gone for good. Of large layers, some units are shown.",
}

ROWS = (
    (
        "What it computes",
        (
            ("accuracy, float", ("accuracy", "float")),
            ("accuracy, integer", ("accuracy", "integer")),
            ("accuracy, RTL", ("accuracy", "rtl")),
            ("frames simulated", ("frames",)),
            ("mismatches", ("mismatches",)),
            ("whole test set, float", ("test", "float")),
            ("whole test set, integer", ("test", "integer")),
        ),
    ),
    (
        "Work and rate",
        (
            ("MACs", ("macs",)),
            ("parameters", ("parameters",)),
            ("multipliers", ("multipliers",)),
            ("utilisation", ("utilisation",)),
            ("cycles a frame, predicted", ("cycles", "predicted")),
            ("cycles a frame, simulated", ("cycles", "simulated")),
            ("latency, simulated", ("latency", "simulated")),
        ),
    ),
    (
        "Area",
        (
            ("LUT4-equivalents", ("lut4_equivalents",)),
            ("LUT4-equivalents, predicted", ("predicted_area", "luts")),
            ("flip-flops", ("flip_flops",)),
            ("flip-flops, predicted", ("predicted_area", "flip_flops")),
            ("DSP cells", ("dsp_cells",)),
            ("DSP cells, predicted", ("predicted_area", "dsp_cells")),
            ("block RAMs", ("block_rams",)),
            ("block RAMs, predicted", ("predicted_area", "block_rams")),
            ("memory bits", ("memory_bits",)),
        ),
    ),
)


def summary(report: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Table that compares the designs: groups of rows, each a title and a text per design."""

    def text(name: str, keys: tuple[str, ...]) -> str:
        value = functools.reduce(lambda entry, key: entry[key], keys, report[name])
        return _number(value) if isinstance(value, int) else _percent(value)

    return [
        (group, [(title, [text(name, keys) for name in DESIGNS]) for title, keys in rows])
        for group, rows in ROWS
    ]


def hero(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Name the three figures that matter, each with what it says."""
    pruned, dense, rate = (report[name] for name in DESIGNS)
    faster = dense["cycles"]["simulated"] / pruned["cycles"]["simulated"]
    smaller = pruned["lut4_equivalents"] / rate["lut4_equivalents"] - 1
    multipliers = pruned["multipliers"] / rate["multipliers"] - 1
    return [
        {
            "value": f"{faster:.2f}\N{MULTIPLICATION SIGN}",
            "text": f"the frame rate of the dense network on {dense['multipliers']} multipliers; "
            f"this one has {pruned['multipliers']}",
        },
        {
            "value": f"{smaller:+.0%}".replace("-", "\N{MINUS SIGN}"),
            "text": "LUTs against the dense network at this frame rate, and "
            f"{multipliers:+.0%} multipliers".replace("-", "\N{MINUS SIGN}"),
        },
        {
            "value": _percent(pruned["test"]["integer"]),
            "text": f"right on {_number(pruned['test']['images'])} test pictures "
            f"(dense {_percent(dense['test']['integer'])}); the Verilog gives "
            f"{_number(pruned['mismatches'])} wrong logits in {pruned['frames']} frames",
        },
    ]


def render(
    report: Mapping[str, Any],
    prune: Mapping[str, Any] | None = None,
    pictures: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Make the page of a ledger.

    Parameters
    ----------
    report : dict
    prune : dict, optional
        What the pruned model's facts say of its pruning.
    pictures : dict of str to str
        SVG elements of ``masks``, ``training`` and those that `SELECTION` names; any of them.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=_number, percent=_percent)
    return environment.get_template("page.html").render(
        report=report,
        designs=DESIGNS,
        labels=plots.LABELS,
        hero=hero(report),
        light=drawing.LIGHT,
        dark=drawing.DARK,
        groups=summary(report),
        definitions=DEFINITIONS.items(),
        prune=prune,
        pictures=pictures,
        selection=[(text, pictures[name]) for name, text in SELECTION.items() if name in pictures],
        plots={
            "designs": plots.designs(report),
            "layers": plots.layers(report),
            "balance": plots.balance(report),
        },
    )


def _number(value: int) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{value:.1%}"
