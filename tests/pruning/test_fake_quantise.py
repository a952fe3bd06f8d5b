import numpy as np
import pytest
import torch

from hw.layers import Conv
from pruning.data import Pixels
from pruning.fake_quantise import FakeQuantised
from pruning.importing import import_model
from pruning.observe import observe
from pruning.prepare import prepare
from pruning.real_network import RealNetwork
from pruning.reals import RealConv
from pruning.scales import Widths, choose
from pruning.zoo import SHAPES, build


def pixels(name: str) -> Pixels:
    shape = SHAPES[name]
    return Pixels(shape, 8, (0.02, 0.018, 0.021)[: shape[0]], (123, 117, 104)[: shape[0]])


def images(count: int, shape: tuple[int, ...] = (3, 32, 32)) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)


def real(name: str) -> RealNetwork:
    """A network whose batch normalisations are not the identity."""
    module, rng = build(name), torch.Generator().manual_seed(3)
    for key, value in module.state_dict().items():
        if "running" in key:
            low = 0.5 if "var" in key else -0.3
            value.copy_(torch.rand(value.shape, generator=rng) + low)
    return prepare(import_model(module, pixels(name)))


def fake(network: RealNetwork, bits: int = 8, power_of_two: bool = False) -> FakeQuantised:
    scales = choose(
        network,
        observe(network, images(8, network.pixels.shape)),
        Widths(bits, bits),
        ranges="mse",
        percentile=100.0,
        power_of_two=power_of_two,
    )
    return FakeQuantised(network, scales, learn_scales=not power_of_two)


@pytest.mark.parametrize(
    ("name", "bits", "power_of_two"),
    [
        ("resnet8", 8, False),
        ("resnet20", 4, False),
        ("resnet20", 8, True),
        ("cifar-small", 2, False),
        ("ds-cnn", 8, False),
    ],
)
def test_every_layer_equals_the_integer_network(name, bits, power_of_two) -> None:
    module = fake(real(name), bits, power_of_two).double()
    pictures = images(3, module.real.pixels.shape)
    with torch.no_grad():
        found = module.results(torch.tensor(pictures, dtype=torch.float64))
    network = module.network("net")
    names = [layer.name for layer in network.layers]
    for key, value in network.compute(pictures, keep=names).items():
        np.testing.assert_array_equal(found[key].numpy(), value, key)
    assert len(np.unique(value)) > 10


def test_a_step_of_training_changes_weights_and_scales_alike() -> None:
    """In both, and what is pruned stays zero."""
    network = real("resnet8")
    first = network.layers[0]
    assert isinstance(first, RealConv)
    mask = np.random.default_rng(0).random(first.weight.shape) < 0.5
    vars(first)["mask"] = mask
    first.weight[~mask] = 0
    module = fake(network, 4)
    before = module.network("before")
    optimiser = torch.optim.SGD(module.float().parameters(), lr=0.01)
    pictures = torch.tensor(images(4), dtype=torch.float32)
    loss = torch.nn.functional.cross_entropy(
        (module(pictures) * module.unit("fc").float()[:, None, None]).flatten(1), torch.arange(4)
    )
    loss.backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    optimiser.step()
    after = module.network("after")
    changed = [
        layer.name
        for one, layer in zip(before.layers, after.layers, strict=True)
        if isinstance(layer, Conv) and isinstance(one, Conv) and (one.weight != layer.weight).any()
    ]
    assert changed
    assert any(before.formats[name].scale != after.formats[name].scale for name in before.formats)
    kept = after.layers[1]
    assert isinstance(kept, Conv)
    assert not kept.weight[~mask].any()
    with torch.no_grad():
        found = module.double()(torch.tensor(images(2), dtype=torch.float64))
    np.testing.assert_array_equal(found.numpy(), after.compute(images(2))["fc"])
