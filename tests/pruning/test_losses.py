import numpy as np
import pytest
import torch

from pruning.losses import cross_entropy


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("distil", "temperature"), [(0.0, 3.0), (0.3, 1.0), (0.7, 4.0), (1.0, 2.0)]
)
def test_a_teacher_has_its_part(distil: float, temperature: float) -> None:
    rng = np.random.default_rng(0)
    scores, taught = rng.normal(size=(2, 5, 3))
    labels = np.array([0, 2, 1, 1, 0])
    hard = -np.log(softmax(scores)[np.arange(5), labels]).mean()
    wanted = softmax(taught / temperature)
    soft = -(wanted * np.log(softmax(scores / temperature))).sum(1).mean() * temperature**2
    found = cross_entropy(
        torch.from_numpy(scores),
        torch.from_numpy(labels),
        torch.from_numpy(taught),
        distil,
        temperature,
    )
    assert found.item() == pytest.approx((1 - distil) * hard + distil * soft)
    alone = cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels))
    assert alone.item() == pytest.approx(hard)
