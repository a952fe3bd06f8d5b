"""What can take the place of an operation that is not supported."""

from pruning.chain import UnsupportedLayer

_SMOOTH = "use ReLU or ReLU6"
_LAST = "remove it at the end: the largest logit stays the largest; elsewhere use ReLU"
_NORM = "use BatchNorm2d"
_ATTENTION = "leave it out, or train the model without it"
_UP = "only layers that keep or reduce the picture are supported"
_ADVICE = {
    _SMOOTH: (
        "celu elu gelu glu hardshrink hardsigmoid hardswish leakyrelu logsigmoid mish prelu relu2 "
        "rrelu selu silu softplus softshrink softsign swish tanhshrink threshold tanh abs pow exp"
    ),
    _LAST: "softmax logsoftmax softmax2d softmin sigmoid",
    _NORM: "groupnorm instancenorm instancenorm2d layernorm localresponsenorm rmsnorm syncbatchnorm",
    _ATTENTION: "mulofmaps divisionbymaps matmul bmm einsum multiheadattention scaleddotproductattention",
    _UP: "convtranspose2d interpolate upsample pixelshuffle upsamplingnearest2d upsamplingbilinear2d",
    "use Conv2d on maps of one row": "conv1d maxpool1d avgpool1d adaptiveavgpool1d convtranspose1d",
    "use Conv2d": "conv3d unfold",
    "use zero padding": "reflectionpad2d replicationpad2d circularpad2d",
    "use MaxPool2d or AvgPool2d": "lppool2d fractionalmaxpool2d maxunpool2d",
    "use cat along channels and whole maps": "chunk split stack permute transpose channelshuffle",
    "add the other way round with a trained layer's sign": "subofmaps",
}
_BY_NAME = {name: advice for advice, names in _ADVICE.items() for name in names.split()}


def unsupported(name: str) -> UnsupportedLayer:
    """Make the error for a module's class or a function, with what could replace it."""
    advice = _BY_NAME.get(name.lower().replace("_", "").replace(" ", ""))
    return UnsupportedLayer(f"{name} is not supported" + (f"; {advice}" if advice else ""))
