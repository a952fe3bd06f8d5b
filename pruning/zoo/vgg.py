"""VGG-16 with batch normalisation, as it is usual for CIFAR-10."""

from collections import OrderedDict

from torch import nn

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16(classes: int = 10) -> nn.Sequential:
    """Make VGG-16, which takes pictures (N, 3, 32, 32): 13 convolutions and 2 linear layers."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for stage, widths in enumerate(STAGES, 1):
        for index, width in enumerate(widths, 1):
            layers[f"conv{stage}_{index}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"norm{stage}_{index}"] = nn.BatchNorm2d(width)
            layers[f"relu{stage}_{index}"] = nn.ReLU(inplace=True)
            channels = width
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["linear1"] = nn.Linear(512, 512)
    layers["norm6"] = nn.BatchNorm1d(512)
    layers["relu6"] = nn.ReLU(inplace=True)
    layers["linear2"] = nn.Linear(512, classes)
    return nn.Sequential(layers)
