from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from hw.layers import Add, Conv
from hw.onnx.export import onnx_model
from secateur.bench import resnet8
from secateur.bench.networks import drawn
from tests.hw.onnx.runs import results

REALS = resnet8.at_random(1)


def tensors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A file of weights whose batch normalisations do something."""
    found, norm = {}, 0
    for index in range(9):
        real = REALS[f"c{index}"]
        outputs = len(real.bias)
        found[f"c.{index}.weight"] = real.weight.astype(np.float32)
        found[f"c.{index}.bias"] = rng.normal(size=outputs).astype(np.float32)
        if index not in (5, 8):
            for key in ("weight", "bias", "running_mean", "running_var"):
                values = rng.uniform(0.5, 2, outputs)
                found[f"b.{norm}.{key}"] = values.astype(np.float32)
            norm += 1
    fc = REALS["fc"]
    return found | {
        "fc.weight": fc.weight[:, :, 0, 0].astype(np.float32),
        "fc.bias": fc.bias.astype(np.float32),
    }


def test_size_is_that_of_mlperf_tiny() -> None:
    network = resnet8.quantise(REALS, drawn(2))
    assert network.macs == 12_501_632
    assert network.formats["fc"].shape == (10, 1, 1)
    strided = [layer for layer in network.layers if isinstance(layer, Conv) and layer.stride[0] > 1]
    assert [layer.padding for layer in strided] == [(0, 1, 0, 1), (0,) * 4, (0, 1, 0, 1), (0,) * 4]


def test_batch_normalisation_is_folded_in(tmp_path) -> None:
    rng = np.random.default_rng(2)
    found = tensors(rng)
    save_file(found, tmp_path / "weights.safetensors")
    reals = resnet8.from_file(tmp_path / "weights.safetensors")
    x = rng.normal(size=(1, 32, 8, 8))
    plain = replace(REALS["c6"], bias=found["c.6.bias"].astype(float), relu=False)
    gamma, beta, mean, var = (
        found[f"b.5.{key}"].astype(float)[:, None, None]
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    wanted = np.maximum((plain.compute(x) - mean) / np.sqrt(var + 1e-3) * gamma + beta, 0)
    np.testing.assert_allclose(reals["c6"].compute(x), wanted, rtol=1e-4, atol=1e-4)


def test_integers_follow_the_real_network() -> None:
    """Each result of the integer network, scaled, is near the one of the real network."""
    x = drawn(4, seed=3)
    network = resnet8.quantise(REALS, x)
    names = [layer.name for layer in network.layers]
    got = network.compute(x, names)
    real = {"picture": x.astype(float)}
    for name in names[1:]:
        if name in REALS:
            real[name] = REALS[name].compute(real[REALS[name].source])
        elif name == "mean":
            real[name] = real["add2"].mean(axis=(2, 3), keepdims=True)
        else:
            a, b = next(layer.inputs for layer in network.layers if layer.name == name)
            real[name] = np.maximum(real[a] + real[b], 0)
        error = got[name] * network.formats[name].scale - real[name]
        assert (
            np.sqrt((error**2).mean()) < 0.05 * real[name].std() + 0.02 * np.abs(real[name]).max()
        )


def test_onnxruntime_computes_the_same() -> None:
    network = resnet8.quantise(REALS, drawn(3))
    network = replace(network, outputs=tuple(layer.name for layer in network.layers))
    x = drawn(5)
    found = results(onnx_model(network).SerializeToString(), x)
    for name, result in network.compute(x).items():
        np.testing.assert_array_equal(found[name], result, err_msg=name)


def test_half_of_the_maps_that_are_added_are_the_same() -> None:
    halved = resnet8.half(REALS)
    assert [len(halved[f"c{i}"].bias) for i in range(9)] == [8, 8, 8, 16, 16, 16, 32, 32, 32]
    first = {REALS["c0"].weight[o].tobytes(): o for o in range(16)}
    kept = [first[w.tobytes()] for w in halved["c0"].weight]
    score = sum(np.abs(REALS[name].weight).sum(axis=(1, 2, 3)) for name in ("c0", "c2"))
    assert kept == sorted(np.argsort(-score)[:8].tolist())
    c1 = [
        o for o in range(16) if np.isin(REALS["c2"].weight[kept[0], o], halved["c2"].weight).all()
    ]
    wanted = REALS["c2"].weight[np.ix_(kept, c1)]
    np.testing.assert_array_equal(halved["c2"].weight, wanted)
    network = resnet8.quantise(halved, drawn(2))
    assert sum(isinstance(layer, Add) for layer in network.layers) == 3


def test_wrong_weights_are_refused(tmp_path) -> None:
    path = tmp_path / "weights.safetensors"
    found = tensors(np.random.default_rng(0))
    save_file({key: value for key, value in found.items() if key != "b.3.weight"}, path)
    with pytest.raises(ValueError, match=r"not the weights of ResNet-8: 'b\.3\.weight'"):
        resnet8.from_file(path)
    path.write_bytes(b"no")
    with pytest.raises(ValueError, match="not the weights of ResNet-8"):
        resnet8.from_file(path)
