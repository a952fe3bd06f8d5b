"""Plans that are made once: what is alike between plans of many foldings is shared."""

import dataclasses
from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from hw.layer_plan import LayerPlan
from hw.layers import Layer
from hw.network import Network

_VALUES = ("name", "source", "weight", "bias", "multiplier", "shift", "mask", "channels", "scale")

_WALKED = ("walked", "copies", "walk", "coding", "passes", "events")  # whatever lanes arrive


def structure(network: Network, layer: Layer) -> Hashable:
    """All of a layer but the values of its weights: layers with the same one fold alike."""
    fields = {
        item.name: getattr(layer, item.name)
        for item in dataclasses.fields(layer)
        if item.name not in _VALUES
    }
    formats = tuple(
        (form.shape, form.bits, form.signed)
        for form in (network.formats[name] for name in (*layer.inputs[:1], layer.name))
    )
    mask = getattr(layer, "survivors", None)
    taken = None if mask is None else (mask.shape, np.packbits(mask).tobytes())
    return type(layer), formats, tuple(fields.items()), taken, getattr(layer, "shift", 0) is None


class PlanMemo:
    """Plans of layers by all that they depend on.

    Plans of one layer that differ in their lanes or in what arrives share their lists; those whose
    beats bring the same channels at a time walk alike.
    """

    def __init__(self) -> None:
        self.made: dict[Hashable, LayerPlan] = {}
        self.shared: dict[Hashable, LayerPlan] = {}
        self.alike: dict[Hashable, LayerPlan] = {}

    def __call__(self, fresh: LayerPlan) -> LayerPlan:
        """Take the plan that was made before in place of a fresh one, if there is one."""
        key = fresh.name, fresh.fold, fresh.links, fresh.ahead, fresh.weighted, fresh.stages
        if key not in self.made:
            streams = tuple(link.streams for link in fresh.links)
            alike = self.alike.setdefault((fresh.name, fresh.fold, fresh.weighted, streams), fresh)
            vars(fresh).update((k, vars(alike)[k]) for k in _WALKED if k in vars(alike))
            first = self.shared.setdefault((fresh.name, replace(fresh.fold, P=1)), fresh)
            if first is not fresh:
                vars(fresh).update(lists=first.lists, scheduled=first.scheduled)
            self.made[key] = fresh
        return self.made[key]
