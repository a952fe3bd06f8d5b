"""Depthwise separable networks of MLPerf Tiny, with TensorFlow's padding."""

from torch import nn

_MOBILENET = (  # outputs of a block at full width, stride of its depthwise convolution
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def ds_cnn(classes: int = 12) -> nn.Sequential:
    """Make DS-CNN for keywords, which takes spectrograms (N, 1, 49, 10)."""
    first = nn.Conv2d(1, 64, (10, 4), stride=2)
    return nn.Sequential(
        nn.ZeroPad2d((1, 1, 4, 5)),
        *_normed(first),
        nn.Dropout(0.2),
        *(layer for _ in range(4) for layer in _separable(64, 64, 1)),
        nn.Dropout(0.4),
        nn.AvgPool2d((25, 5)),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def mobilenet(width: float = 0.25, classes: int = 2, channels: int = 3) -> nn.Sequential:
    """Make MobileNetV1 for pictures (N, channels, H, W), H and W multiples of 32: usually 96.

    Parameters
    ----------
    width : float
        Share of the channels of the full network.
    classes : int
        Number of logits.
    channels : int
        Channels of a picture.
    """
    before = int(32 * width)
    layers = [nn.ZeroPad2d((0, 1, 0, 1)), *_normed(nn.Conv2d(channels, before, 3, 2, bias=False))]
    for full, stride in _MOBILENET:
        outputs = int(full * width)
        layers += _separable(before, outputs, stride, bias=False)
        before = outputs
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *pool, nn.Linear(before, classes))


def _separable(inputs: int, outputs: int, stride: int, bias: bool = True) -> list[nn.Module]:
    """Chain a depthwise 3x3 and a 1x1 convolution."""
    args = {"groups": inputs, "bias": bias}
    if stride == 1:
        depthwise: list[nn.Module] = _normed(nn.Conv2d(inputs, inputs, 3, padding=1, **args))
    else:
        depthwise = [
            nn.ZeroPad2d((0, 1, 0, 1)),
            *_normed(nn.Conv2d(inputs, inputs, 3, stride, **args)),
        ]
    return [*depthwise, *_normed(nn.Conv2d(inputs, outputs, 1, bias=bias))]


def _normed(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU()]
