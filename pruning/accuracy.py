"""Accuracy of logits, wherever they come from: floats, integers or a simulation."""

import numpy as np


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of pictures whose largest logit is that of their label; the first one wins a tie.

    Parameters
    ----------
    logits : (N, classes) or (N, classes, 1, 1)
        Logits in class order.
    labels : (N,) int
        Right classes.

    Raises
    ------
    ValueError
        If there are no pictures, or not as many labels.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if len(logits) != len(labels) or not len(labels):
        raise ValueError(f"logits must be one row per label, not {len(logits)} to {len(labels)}")
    return float((logits.reshape(len(logits), -1).argmax(axis=1) == labels).mean())
