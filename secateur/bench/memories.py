"""Memories of a layer that are large enough for block RAM, and why each takes what it takes."""

from typing import Any

from hw.families import FAMILIES, Memory
from hw.layer_plan import LayerPlan

BLOCK_BITS = 18 * 1024  # of a block RAM


def memories(plan: LayerPlan, family: str) -> list[dict[str, Any]]:
    """List row buffers and weight memories, alike ones once.

    Returns
    -------
    list of dict
        Each with its ``name``, ``copies``, ``words``, ``bits`` of a word, and the ``block_rams``
        of all copies, as Yosys is predicted to place them in a family.
    """
    found: dict[tuple[str, int, int], int] = {}
    for store in plan.stores:
        width = store.lanes * store.link.activation.bits
        key = "row buffer", store.depth, width
        found[key] = found.get(key, 0) + len(store.banks)
    if plan.is_conv and plan.weighted:
        words, copies, group = plan.schedule.weight.shape
        found["weights", words, group * plan.conv.weight_bits] = copies
    listed = []
    for (name, words, bits), copies in found.items():
        memory = Memory(words, bits, parts=plan.fold.P if name == "row buffer" else 0)
        cells = copies * FAMILIES[family].place(memory).block_rams
        listed.append(
            {"name": name, "copies": copies, "words": words, "bits": bits, "block_rams": cells}
        )
    return listed


def least(found: list[dict[str, Any]]) -> float:
    """Block RAMs that hold the bits of those memories that are in block RAM, were it only bits."""
    bits = sum(one["copies"] * one["words"] * one["bits"] for one in found if one["block_rams"])
    return bits / BLOCK_BITS


def explained(found: list[dict[str, Any]]) -> str:
    """Say of every memory in block RAM what it takes, beside what its bits would."""
    parts = []
    for one in found:
        if one["block_rams"]:
            bits = one["copies"] * one["words"] * one["bits"]
            many = f"{one['copies']} x " if one["copies"] > 1 else ""
            parts.append(
                f"{one['name']} {many}{one['words']} words of {one['bits']} bits in "
                f"{one['block_rams']} (bits: {bits / BLOCK_BITS:.2f})"
            )
    return ", ".join(parts)
