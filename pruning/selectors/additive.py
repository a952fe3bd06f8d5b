"""An additive model of what a mask costs: one number for each unit that it removes."""

from dataclasses import dataclass

import numpy as np
import torch

RIDGES = 10.0 ** np.arange(-3, 7)


@dataclass(frozen=True, eq=False)
class Additive:
    """A linear model of the cost of masks.

    Parameters
    ----------
    coefficients : (units,) float
        What the removal of every unit adds.
    ridge : float
        The penalty that it was fitted with.
    fitted : float
        R2 on the masks that it was fitted to, at most 1.
    held_out : float
        R2 where every mask is predicted by the model, and the mean, of all others; at most 1, and
        below 0 if the mean predicts better.
    """

    coefficients: np.ndarray
    ridge: float
    fitted: float
    held_out: float


def fit(removed: np.ndarray, costs: np.ndarray, ridge: float | None = None) -> Additive:
    """Fit the model ``mean + D b``, where D are columns of `removed` less their means.

    ``b = (D'D + ridge I)^-1 D'(costs - mean)``, which is ``D'(DD' + ridge I)^-1 (costs - mean)``:
    time grows with the cube of the number of masks, and there may be many more units.

    Parameters
    ----------
    removed : (masks, units) bool
    costs : (masks,) float
    ridge : float, optional
        Above 0. Default: the one of `RIDGES` with the largest R2 held out; of equals, the first.
        That R2 is then the best of ten, and a little too good.
    """
    columns = torch.from_numpy(removed).double()
    columns = columns - columns.mean(0)
    rest = torch.from_numpy(costs - costs.mean())
    values, vectors = torch.linalg.eigh(columns @ columns.T)
    values = values.clamp(min=0)  # what is less is rounding
    along = vectors.T @ rest
    best: Additive | None = None
    for penalty in RIDGES if ridge is None else [ridge]:
        shrunk = values / (values + penalty)
        missed = rest - vectors @ (shrunk * along)
        # What is missed once a mask is left out, by its leverage; 1/N is that of the mean.
        out = missed / (1 - 1 / len(costs) - (vectors**2 * shrunk).sum(1))
        held_out = _explained(out, rest * len(costs) / (len(costs) - 1))
        if best is None or held_out > best.held_out:
            found = columns.T @ (vectors @ (along / (values + penalty)))
            best = Additive(found.numpy(), float(penalty), _explained(missed, rest), held_out)
    assert best is not None  # there is a penalty
    return best


def _explained(missed: torch.Tensor, rest: torch.Tensor) -> float:
    """Part of a sum of squares that is not missed; 0 where there is nothing to explain."""
    whole = float((rest**2).sum())
    return 1 - float((missed**2).sum()) / whole if whole else 0.0
