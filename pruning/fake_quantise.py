"""Fake quantisation: the integer network as a torch module whose weights and scales can be trained.

Forward, it computes integers, held as floating-point numbers; backward, rounding is the identity
where nothing saturates (a straight-through estimator), and scales are learned from what rounding
does to them (Esser et al., Learned Step Size Quantization, ICLR 2020).
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hw.arithmetic import fixed_point
from hw.network import Network
from pruning.quantise import assemble
from pruning.real_network import INPUT, RealNetwork
from pruning.reals import RealAdd, RealAvgPool, RealConv, RealLayer, padded
from pruning.scales import Scales, ties


class FakeQuantised(nn.Module):
    """The integer network of a prepared one and its scales.

    It takes pictures (N, C, H, W) of elements as they are on the stream. In float64 it equals
    `hw.network.Network.compute` of `network` exactly. In float32 it does not where a sum, or its
    product with a multiplier, exceeds 2**24; that is enough to train.

    Parameters
    ----------
    real : RealNetwork
        Prepared by `pruning.prepare.prepare`.
    scales : Scales
        Where to begin.
    learn_scales : bool
        Whether scales are trained, too; those that are powers of two must not be.
    """

    def __init__(self, real: RealNetwork, scales: Scales, *, learn_scales: bool = True) -> None:
        super().__init__()
        self.real, self.scales, self.owner = real, scales, ties(real)
        self.learn_scales = learn_scales
        self.weights, self.biases, self.steps, self.units = (nn.ParameterDict() for _ in range(4))
        for layer in real.layers:
            if isinstance(layer, RealConv):
                step = scales.steps[layer.name]
                self.weights[layer.name] = _parameter(layer.weight)
                self.biases[layer.name] = _parameter(layer.bias)
                raw = layer.name not in scales.formats  # logits have one scale
                if learn_scales:
                    self.steps[layer.name] = _parameter(np.log(step[:1] if raw else step))
        if learn_scales:
            for name in dict.fromkeys(self.owner.values()):
                self.units[name] = _parameter(np.log(scales.formats[name].scale))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Compute the first output (N, C, H, W), in units of its scale."""
        return self.results(pictures)[self.real.outputs[0]]

    def results(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute the results (N, C, H, W) of all layers, in units of their scales."""
        offset = torch.tensor(self.real.pixels.offset or (0,), dtype=pictures.dtype)
        known = {INPUT: pictures - offset[:, None, None]}
        for layer in self.real.layers:
            known[layer.name] = self._forward(layer, *(known[name] for name in layer.inputs))
        return known

    def unit(self, name: str) -> torch.Tensor:
        """Scale of a layer's result; of sums that leave as they are, too."""
        if name not in self.scales.formats:
            layer = next(layer for layer in self.real.layers if layer.name == name)
            return self.unit(layer.inputs[0]) * self.step(name)[:1]
        if name not in self.owner or not self.learn_scales:
            return torch.tensor(self.scales.formats[name].scale, dtype=torch.float64)
        return self.units[self.owner[name]].exp()

    def step(self, name: str) -> torch.Tensor:
        """Scale of a convolution's weights, for each output."""
        if self.learn_scales:
            return self.steps[name].exp().expand(len(self.weights[name]))
        return torch.from_numpy(self.scales.steps[name])

    def network(self, name: str) -> Network:
        """Make the integer network that this has become."""
        real, scales = self.parts()
        return assemble(real, scales, name)

    @torch.no_grad()
    def parts(self) -> tuple[RealNetwork, Scales]:
        """Weights and scales that this has now."""
        module = FakeQuantised(self.real, self.scales, learn_scales=self.learn_scales).double()
        module.load_state_dict(self.state_dict())
        layers = []
        for layer in self.real.layers:
            if isinstance(layer, RealConv):
                weight = module.weights[layer.name].numpy()
                weight = weight if layer.mask is None else weight * layer.mask
                bias = module.biases[layer.name].numpy()
                layer = replace(layer, weight=weight, bias=bias)
            layers.append(layer)
        formats = {
            name: replace(form, scale=float(module.unit(name)))
            for name, form in self.scales.formats.items()
        }
        steps = {name: module.step(name).numpy().copy() for name in self.scales.steps}
        return replace(self.real, layers=tuple(layers)), replace(
            self.scales, formats=formats, steps=steps
        )

    def _forward(self, layer: RealLayer, *maps: torch.Tensor) -> torch.Tensor:
        if isinstance(layer, RealConv):
            return self._conv(layer, maps[0])
        if isinstance(layer, RealAvgPool):
            sums = functional.avg_pool2d(
                padded(maps[0], layer.padding), layer.kernel, layer.stride, divisor_override=1
            )
            factor = self.unit(layer.source) / self.unit(layer.name)
            return self._scale(layer.name, [sums], [factor / (layer.kernel[0] * layer.kernel[1])])
        if isinstance(layer, RealAdd):
            factors = [self.unit(name) / self.unit(layer.name) for name in layer.sources]
            return self._scale(layer.name, [maps[0], layer.taken(maps[1])], factors)
        return layer.forward(*maps)

    def _conv(self, layer: RealConv, x: torch.Tensor) -> torch.Tensor:
        name, bits = layer.name, self.scales.weight_bits[layer.name]
        limit = (1 << (bits - 1)) - 1
        weight = self.weights[name]
        step = self.step(name).to(weight.dtype)
        if layer.mask is not None:
            weight = weight * torch.from_numpy(layer.mask)
        weight = _rounded((weight / step[:, None, None, None]).clamp(-limit, limit))
        unit = self.unit(layer.source) * step
        bias = _rounded(self.biases[name] / unit)
        x, options = padded(x, layer.padding), (layer.stride, 0, layer.dilation, layer.groups)
        sums = functional.conv2d(x, weight, bias.to(x.dtype), *options)
        if name not in self.scales.formats:
            return sums
        return self._scale(name, [sums], [unit / self.unit(name)])

    def _scale(
        self, name: str, terms: list[torch.Tensor], factors: list[torch.Tensor]
    ) -> torch.Tensor:
        """Requantise the sum of some terms, each with its factors."""
        form = self.scales.formats[name]
        every = torch.cat([factor.reshape(-1) for factor in factors])
        multiplier, shift = fixed_point(every.detach().double().numpy())
        every = _Through.apply(every, torch.from_numpy(multiplier / 2.0**shift).to(every.dtype))
        parts = every.split([factor.numel() for factor in factors])
        products = [
            term * part[:, None, None].to(term.dtype)
            for term, part in zip(terms, parts, strict=True)
        ]
        total = torch.stack(products).sum(0) if len(products) > 1 else products[0]
        return _Through.apply(total, torch.floor(total + 0.5)).clamp(form.low, form.high)


class _Through(torch.autograd.Function):
    """The second of two numbers; the gradient is that of the first."""

    @staticmethod
    def forward(ctx, through: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return value

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad, None


def _parameter(values: np.ndarray | float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def _rounded(x: torch.Tensor) -> torch.Tensor:
    return _Through.apply(x, x.round())
