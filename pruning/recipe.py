"""How a model is trained: the numbers, and what they may be."""

from dataclasses import dataclass

from pruning.rates import RATES


@dataclass(frozen=True)
class Recipe:
    """Settings of `pruning.train.train`.

    Parameters
    ----------
    epochs : int
        Passes over the training pictures.
    rate : float
        Largest learning rate.
    batch : int
        Pictures per step, of all processes; what is left over at the end of an epoch is skipped.
    momentum, decay : float
        Nesterov momentum and weight decay.
    schedule : str
        ``cosine``: the rate falls to zero along half a cosine, step by step. ``constant``: it
        stays.
    warm_up : int
        Epochs in which the rate rises along a line, before anything else.
    augment : bool
        Whether pictures are shifted by up to an eighth of their size, and mirrored.
    distil, temperature : float
        The teacher's part of the loss, 0 to 1, and how soft what it says is; see
        `pruning.losses.cross_entropy`. Without a teacher they decide nothing.
    seed : int
        Decides the order of the pictures, how they are shifted, and dropout.
    threads : int
        Threads of a process; the last bits of a sum depend on them.
    device : str
        ``cpu`` or ``cuda``.
    mixed : bool, optional
        Whether layers compute in bfloat16 where `torch.autocast` finds it safe. Default: on a GPU.

    Raises
    ------
    ValueError
        If one is out of range.
    """

    epochs: int
    rate: float = 0.05
    batch: int = 64
    momentum: float = 0.9
    decay: float = 5e-4
    schedule: str = "cosine"
    warm_up: int = 0
    augment: bool = False
    distil: float = 0.5
    temperature: float = 1.0
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    mixed: bool | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "rate", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
        if not 0 <= self.distil <= 1:
            raise ValueError(f"distil must be 0 to 1, not {self.distil!r}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed!r}")
        if self.schedule not in RATES:
            raise ValueError(f"schedule must be {' or '.join(RATES)}, not {self.schedule!r}")
        if not 0 <= self.warm_up < self.epochs:
            raise ValueError(
                f"warm_up must be at least 0 and below {self.epochs} epochs, not {self.warm_up!r}"
            )
        if self.device not in ("cpu", "cuda"):
            raise ValueError(f"device must be cpu or cuda, not {self.device!r}")

    def rate_at(self, step: int, steps_of_epoch: int) -> float:
        """Learning rate of a step, from 0."""
        part = RATES[self.schedule]
        return self.rate * part(step, self.epochs * steps_of_epoch, self.warm_up * steps_of_epoch)
