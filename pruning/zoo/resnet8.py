"""ResNet-8 of MLPerf Tiny's image classification, with TensorFlow's padding."""

import torch
from torch import nn
from torch.nn import functional

_CONVOLUTIONS = (  # inputs, outputs, kernel, stride
    (3, 16, 3, 1),
    (16, 16, 3, 1),
    (16, 16, 3, 1),
    (16, 32, 3, 2),
    (32, 32, 3, 1),
    (16, 32, 1, 2),  # shortcut
    (32, 64, 3, 2),
    (64, 64, 3, 1),
    (32, 64, 1, 2),  # shortcut
)
_NORMS = (16, 16, 16, 32, 32, 64, 64)


class ResNet8(nn.Module):
    """Three residual blocks; takes pictures (N, 3, 32, 32) of elements from 0 to 255.

    Parameters
    ----------
    classes : int
        Number of logits.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.c = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2 if stride == 1 else 0)
            for inputs, outputs, kernel, stride in _CONVOLUTIONS
        )
        self.b = nn.ModuleList(nn.BatchNorm2d(channels, eps=1e-3) for channels in _NORMS)
        self.fc = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute logits (N, classes)."""
        c, b, relu = self.c, self.b, functional.relu
        x = relu(b[0](c[0](x)))
        x = relu(x + b[2](c[2](relu(b[1](c[1](x))))))
        x = relu(c[5](x) + b[4](c[4](relu(b[3](c[3](_below_and_right(x)))))))
        x = relu(c[8](x) + b[6](c[7](relu(b[5](c[6](_below_and_right(x)))))))
        return self.fc(x.mean((2, 3)))


def _below_and_right(x: torch.Tensor) -> torch.Tensor:
    """Pad as TensorFlow does for stride 2 and a kernel of 3 rows on an even number of rows."""
    return functional.pad(x, (0, 1, 0, 1))
