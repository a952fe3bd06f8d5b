import numpy as np
import pytest

from hw.layers import Conv, Input, MaxPool
from hw.network import Network
from secateur.drawn_masks import GRANULARITIES, GROUP, Pruning, draw, parse


def chain():
    rng = np.random.default_rng(0)

    def conv(name, source, *shape, **options):
        weight = rng.integers(1, 100, shape)
        return Conv(name, source, weight, np.arange(shape[0]), **options)

    scales = {"multiplier": np.arange(8), "shift": np.full(8, 9)}
    return Network(
        "chain",
        (
            Input("image", (3, 8, 8)),
            conv("conv1", "image", 8, 3, 3, 3, padding=(1, 1, 1, 1), **scales),
            MaxPool("pool1", "conv1"),
            conv("conv2", "pool1", 8, 8, 1, 1, **scales),
            conv("linear", "conv2", 5, 8, 4, 4),
        ),
    )


def conv(network, name):
    layer = next(layer for layer in network.layers if layer.name == name)
    assert isinstance(layer, Conv)
    return layer


@pytest.mark.parametrize(
    ("text", "pruning"),
    [
        ("", Pruning("kernel", 0.5, 0)),
        ("ratio=0.25,granularity=weight,seed=7", Pruning("weight", 0.25, 7)),
    ],
)
def test_a_pruning_is_read(text, pruning):
    assert parse(text) == pruning


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ratio=0", "ratio must be above 0 and below 1, not 0.0"),
        ("ratio=nan", "ratio must be above 0 and below 1, not nan"),
        ("ratio=half", "ratio must be a number, not 'half'"),
        ("granularity=kernels", "granularity must be one of feature-map, kernel,"),
        ("part=0.5", "a pruning must have keys of ratio, granularity, seed, not 'part'"),
    ],
)
def test_a_wrong_pruning_is_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(text)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_the_same_seed_draws_the_same(granularity):
    dense = chain()
    first, again, other = (draw(dense, Pruning(granularity, 0.5, seed)) for seed in (1, 1, 2))
    weights = [conv(network, "conv1").weight for network in (first, again, other)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert first.macs < dense.macs


def test_maps_go_with_the_slices_that_read_them():
    dense = chain()
    pruned = draw(dense, Pruning("feature-map", 0.5))
    assert [pruned.formats[name].shape[0] for name in ("conv1", "pool1", "conv2", "linear")] == [
        *(4, 4, 4),
        5,
    ]
    kept = list(pruned.formats["conv1"].channels)
    layer, before = conv(pruned, "conv1"), conv(dense, "conv1")
    for key in ("weight", "bias", "multiplier", "shift"):
        assert np.array_equal(getattr(layer, key), getattr(before, key)[kept])
    after = list(pruned.formats["conv2"].channels)
    expected = conv(dense, "conv2").weight[after][:, kept]
    assert np.array_equal(conv(pruned, "conv2").weight, expected)
    assert np.array_equal(conv(pruned, "linear").weight, conv(dense, "linear").weight[:, after])


def test_a_map_of_every_layer_stays():
    pruned = draw(chain(), Pruning("feature-map", 0.99))
    assert pruned.formats["conv1"].shape[0] == 1
    assert pruned.formats["linear"].shape[0] == 5


@pytest.mark.parametrize(
    ("granularity", "axes"), [("kernel", (2, 3)), ("kernel-group", (2, 3)), ("column", (0,))]
)
def test_masks_are_whole_along_their_axes(granularity, axes):
    layer = conv(draw(chain(), Pruning(granularity)), "conv1")
    mask = layer.survivors
    assert np.array_equal(mask.any(axis=axes), mask.all(axis=axes))
    assert mask.sum() == (8 * 13 if granularity == "column" else 8 * 27 / 2)
    assert layer.granularity == granularity


def test_outputs_of_a_group_of_kernels_are_alike():
    mask = conv(draw(chain(), Pruning("kernel-group")), "conv1").survivors
    alike = mask.reshape(-1, GROUP, *mask.shape[1:])
    assert (alike == alike[:, :1]).all()


def test_grids_keep_every_second_place_and_single_places():
    pruned = draw(chain(), Pruning("intra-kernel"))
    flat = conv(pruned, "conv1").survivors.reshape(8, 3, 9)
    assert (flat == flat[0]).all()
    for kernel in flat[0]:
        assert kernel.tolist() == [place % 2 == int(not kernel[0]) for place in range(9)]
    assert conv(pruned, "conv2").survivors.all()


def test_a_pruned_weight_stays_pruned():
    once = draw(chain(), Pruning("weight", 0.5, 1))
    twice = draw(once, Pruning("kernel", 0.5, 2))
    assert not (conv(twice, "conv1").survivors & ~conv(once, "conv1").survivors).any()


def test_maps_of_depthwise_layers_are_not_cut():
    weight = np.ones((3, 1, 3, 3), int)
    layer = Conv("depthwise", "image", weight, np.zeros(3, int), groups=3)
    network = Network("net", (Input("image", (3, 8, 8)), layer))
    with pytest.raises(ValueError, match="layer 'depthwise' must have no groups"):
        draw(network, Pruning("feature-map"))
    assert draw(network, Pruning("weight")).macs < network.macs
