"""What training minimises: cross-entropy with the labels, and with what a teacher says."""

import torch
from torch.nn import functional


def cross_entropy(
    scores: torch.Tensor,
    labels: torch.Tensor,
    taught: torch.Tensor | None = None,
    distil: float = 0.0,
    temperature: float = 1.0,
) -> torch.Tensor:
    """Mean loss of some pictures (Hinton et al., arXiv 1503.02531, of what a teacher says).

    Parameters
    ----------
    scores : (N, classes)
        Logits.
    labels : (N,) int64
    taught : (N, classes), optional
        Logits of the teacher.
    distil : float
        0 to 1: the teacher's part of the loss; the labels have the rest.
    temperature : float
        By which both logits are divided before the teacher's part is taken; that part is multiplied
        by its square, so that its gradient keeps its size.
    """
    loss = functional.cross_entropy(scores, labels)
    if taught is None:
        return loss
    wanted = (taught / temperature).softmax(1)
    soft = functional.cross_entropy(scores / temperature, wanted) * temperature**2
    return (1 - distil) * loss + distil * soft
