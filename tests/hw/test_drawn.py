"""The random networks are of everything that there is."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from hw.fold import UnsupportedLayer
from hw.layers import GRANULARITIES, Add, Concat, Conv, Input, MaxPool
from hw.network import Network
from hw.plan import AddPlan, plan
from tests.hw.drawn import KINDS, WIDTHS, seeded
from tests.hw.networks import Case

SEEDS = 40
CONV = {
    "1x1 stride 2": lambda c, _: c.kernel == (1, 1) and c.stride == (2, 2),
    "11 rows or columns": lambda c, _: 11 in c.kernel,
    "kernel not square": lambda c, _: c.kernel[0] != c.kernel[1],
    "stride 4": lambda c, _: 4 in c.stride,
    "dilation": lambda c, _: max(c.dilation) > 1 and min(c.kernel) > 1,
    "padding of four kinds": lambda c, _: len(set(c.padding)) == 4,
    "depthwise": lambda c, x: c.groups == x.shape[0] > 1,
    "grouped": lambda c, x: 1 < c.groups < x.shape[0],
    "linear after flatten": lambda c, x: c.kernel == x.shape[1:] != (1, 1),
    "shifts only": lambda c, _: c.shift is not None and set(c.multiplier) == {1},
    "multiplier of 16 bits": lambda c, _: c.shift is not None and c.multiplier.max() >= 1 << 15,
    "multiplier 0": lambda c, _: c.shift is not None and 0 in c.multiplier,
    "shifts from 1 to 40": lambda c, _: c.shift is not None and np.ptp(c.shift) >= 20,
    "accumulators": lambda c, _: c.shift is None,
    "output without taps": lambda c, _: not c.survivors.any(axis=(1, 2, 3)).all(),
    "no taps at all": lambda c, _: not c.survivors.any(),
    "channel that nobody reads": lambda c, _: not c.survivors.any(axis=(0, 2, 3)).all(),
    "zero that survives": lambda c, _: (c.survivors & (c.weight == 0)).any(),
    "outputs left out": lambda c, _: c.channels != tuple(range(len(c.channels))),
    "lowest weights": lambda c, _: (c.weight[c.survivors] == -1 << (c.weight_bits - 1)).all(),
    **{f"weights of {n} bits": lambda c, _, n=n: c.weight_bits == n for n in range(2, 9)},
    **{f"pruned by {g}": lambda c, _, g=g: c.granularity == g for g in GRANULARITIES},
}
LAYER = {
    "max pooling of 2x2": lambda p: isinstance(p.layer, MaxPool) and p.layer.kernel == (2, 2),
    "max pooling with padding": lambda p: isinstance(p.layer, MaxPool) and max(p.layer.padding) > 0,
    "max pooling of signed": lambda p: isinstance(p.layer, MaxPool) and p.source.signed,
    "average": lambda p: not p.weighted and p.layer.kernel != p.source.shape[1:],
    "average with padding": lambda p: not p.weighted and max(p.layer.padding) > 0,
    "global average": lambda p: not p.weighted and p.layer.kernel == p.source.shape[1:],
    "odd channels": lambda p: p.source.shape[0] % 2 and p.source.shape[0] > 1,
    "ten channels": lambda p: p.source.shape[0] >= 10,
    "one pixel": lambda p: p.source.shape[1:] == (1, 1),
    "20 columns": lambda p: p.source.shape[2] >= 20,
    "lanes uneven": lambda p: p.columns.width % p.fold.P,
    "lane without a column": lambda p: (p.fold.P - 1) * p.columns.block >= p.columns.width,
    "producer of other lanes": lambda p: p.links[0].columns.lanes not in (1, p.fold.P),
    "groups and sequencers": lambda p: p.fold.G > 1 and p.fold.R > 1,
    "cut lists": lambda p: p.schedule.splits,
    "idle sequencers": lambda p: p.schedule.idle.any(),
    "results abreast": lambda p: p.fold.E > 1 and p.fold.G > 1,
    "streams that carry nothing": lambda p: p.link.gaps,
    "banks for streams": lambda p: len(p.links) == 1 and p.most_banks > 1,
    "behind a concat": lambda p: len(p.links) > 1,
    "behind a concat, in streams": lambda p: any(len(k.streams) > 1 for k in p.links[1:]),
    "concat that walks": lambda p: len(p.links) > 1 and p.layer.source == p.name,
    "taps by kernel": lambda p: p.coding.name == "kernel",
    "taps by offset": lambda p: p.coding.name == "offset",
    "rows that are not read": lambda p: sum(p.rows.stored) < p.source.shape[1],
}
ADD = {
    "strided shortcut": lambda p: p.layer.stride != (1, 1),
    "option A": lambda p: -1 in p.taken,
    "identity": lambda p: p.layer.stride == (1, 1) and -1 not in p.taken,
    "shortcut of other lanes": lambda p: p.links[1].columns.lanes != p.columns.lanes,
    "several streams pass": lambda p: len(p.link.streams) > 1,
    "several streams wait": lambda p: len(p.links[1].streams) > 1,
    "signs that differ": lambda p: p.links[0].activation.signed != p.links[1].activation.signed,
    "widths that differ": lambda p: p.links[0].activation.bits != p.links[1].activation.bits,
}
FORMATS = {f"{kind} of {bits} bits" for kind in ("signed", "unsigned") for bits in WIDTHS}
OTHERS = {
    *("offsets", "result is a map", "result is a vector", "several results"),
    *("result that others read", "picture is a result", "concat is a result", "sum is a result"),
}


def features(made: Case) -> set[str]:
    """What a network, its folds and its hardware have."""
    network, found = made.network, set()
    if any(network.input.offset):
        found.add("offsets")
    for p in plan(network, made.folding):
        form = network.formats[p.inputs[0]]
        found.add(f"{'signed' if form.signed else 'unsigned'} of {form.bits} bits")
        if isinstance(p, AddPlan):
            found |= {name for name, has in ADD.items() if has(p)}
            continue
        found |= {name for name, has in LAYER.items() if has(p)}
        layer = next(layer for layer in network.layers if layer.name == p.name)
        if isinstance(layer, Conv):
            found |= {name for name, has in CONV.items() if has(layer, p.source)}
    return found | set(results(network))


def results(network: Network) -> Iterator[str]:
    """What the results of a network are."""
    layers = {layer.name: layer for layer in network.layers}
    read = {name for layer in network.layers for name in layer.inputs}
    if len(network.outputs) > 1:
        yield "several results"
    for name in network.outputs:
        vector = network.formats[name].shape[1:] == (1, 1)
        yield f"result is a {'vector' if vector else 'map'}"
        if name in read:
            yield "result that others read"
        for kind, word in ((Input, "picture"), (Concat, "concat"), (Add, "sum")):
            if isinstance(layers[name], kind):
                yield f"{word} is a result"


def test_everything_is_drawn() -> None:
    counts: Counter[str] = Counter()
    for seed in range(SEEDS):
        for kind in KINDS:
            try:
                counts.update(features(seeded(kind, seed)))
            except UnsupportedLayer:
                counts["shortcuts that are too long"] += 1
    wanted = {*CONV, *LAYER, *ADD, *FORMATS, *OTHERS}
    assert {name: counts[name] for name in wanted if counts[name] < 3} == {}
    assert counts["shortcuts that are too long"] < SEEDS
