"""Several processes that train one model: each takes its part of every batch."""

import atexit
import os
from typing import Any

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel


def join(device: str) -> torch.device:
    """Join the processes that torchrun has started, if it has; return this one's device.

    Parameters
    ----------
    device : str
        ``cpu``, where they speak by gloo, or ``cuda``, by nccl with a GPU for each.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, not {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu where torch finds no GPU, not 'cuda'")
    found = torch.device(device)
    if device == "cuda":
        found = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(found)
    if not distributed.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return found


def count() -> int:
    """Count the processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Index of this process; 0 writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def wait() -> None:
    """Wait until all processes are here."""
    if count() > 1:
        distributed.barrier()


def part(length: int) -> slice:
    """Part of a batch that is this process's; parts differ in length by at most one."""
    return slice(rank() * length // count(), (rank() + 1) * length // count())


def total(x: torch.Tensor) -> torch.Tensor:
    """Sum over all processes, without a gradient; `x` itself if there is only one."""
    return x if count() == 1 else _summed(x)


def parallel(module: nn.Module) -> nn.Module:
    """Make gradients the means over all processes; the module itself if there is only one."""
    return DistributedDataParallel(module, forward_sync_buffers=False) if count() > 1 else module


def batch_norm(
    x: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    training: bool,
    momentum: float,
    epsilon: float,
) -> torch.Tensor:
    """Compute as `torch.nn.functional.batch_norm`, where a batch is that of all processes."""
    if not training or count() == 1:
        return functional.batch_norm(x, mean, variance, weight, bias, training, momentum, epsilon)
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = (1, -1, *[1] * (x.ndim - 2))
    number = _Sum.apply(x.new_tensor(x.numel() // x.shape[1], dtype=torch.float32))
    average = _Sum.apply(x.float().sum(axes)) / number
    centred = x.float() - average.view(shape)
    spread = _Sum.apply(centred.square().sum(axes)) / number
    with torch.no_grad():
        mean.lerp_(average, momentum)
        variance.lerp_(spread * number / (number - 1), momentum)
    y = centred * (spread + epsilon).rsqrt().view(shape)
    y = y if weight is None else y * weight.view(shape)
    return (y if bias is None else y + bias.view(shape)).to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return _summed(gradients[0])


def _summed(x: torch.Tensor) -> torch.Tensor:
    found = x.clone()
    distributed.all_reduce(found)
    return found
