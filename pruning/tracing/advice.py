"""What can take the place of an operation that is not supported."""

from pruning.unsupported import UnsupportedLayer

_ADVICE = {
    "use ReLU or ReLU6": (
        "abs celu elu exp gelu glu hardshrink hardsigmoid hardswish leakyrelu logsigmoid mish pow "
        "prelu rrelu selu silu softplus softshrink softsign swish tanh tanhshrink threshold"
    ),
    "remove it at the end, where the largest logit stays the largest; elsewhere use ReLU": (
        "logsoftmax sigmoid softmax softmax2d softmin"
    ),
    "use BatchNorm2d": (
        "groupnorm instancenorm instancenorm2d layernorm localresponsenorm rmsnorm syncbatchnorm"
    ),
    "leave it out, and train the model without it": (
        "bmm divisionbymaps einsum matmul mulofmaps multiheadattention scaleddotproductattention"
    ),
    "only layers that keep or reduce the picture are": (
        "convtranspose2d interpolate pixelshuffle upsample upsamplingbilinear2d upsamplingnearest2d"
    ),
    "use its two-dimensional kind on maps of one row": (
        "adaptiveavgpool1d avgpool1d conv1d convtranspose1d maxpool1d"
    ),
    "use Conv2d": "conv3d unfold",
    "use zero padding": "circularpad2d reflectionpad2d replicationpad2d",
    "use MaxPool2d or AvgPool2d": "fractionalmaxpool2d lppool2d maxunpool2d",
    "use whole maps, and cat along channels": (
        "channelshuffle chunk permute split stack transpose"
    ),
    "use a sum, and train the model with it": "subofmaps",
}
_BY_NAME = {name: advice for advice, names in _ADVICE.items() for name in names.split()}


def unsupported(name: str) -> UnsupportedLayer:
    """Make the error for a module's class or a function, with what could replace it."""
    advice = _BY_NAME.get(name.lower().replace("_", "").replace(" ", ""))
    return UnsupportedLayer(f"{name} is not supported" + (f"; {advice}" if advice else ""))
