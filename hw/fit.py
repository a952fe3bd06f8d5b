"""Folds of a network for what an FPGA has, and what is said where there are none."""

from collections.abc import Callable

from hw.area import predict_parts
from hw.area_budget import AreaBudget, Prices
from hw.every_folding import EveryFolding
from hw.fold import Folding
from hw.fold_search import Search
from hw.folding import fastest, within
from hw.network import Network
from hw.plan import LayerPlan, plan
from hw.plan_memo import PlanMemo
from hw.resources import KINDS, Resources, used

Prune = Callable[[Network, float], Network]
_STEPS = 20  # of the ratios of prunings that are tried


class DoesNotFit(ValueError):
    """No folds of a network fit; the message says what is lacking, and where.

    Parameters
    ----------
    message : str
    lacks : dict of str to int, optional
        Of which kinds the smallest fold takes too many, and how many too many.
    """

    def __init__(self, message: str, lacks: dict[str, int] | None = None) -> None:
        super().__init__(message)
        self.lacks = lacks or {}


def fold_to_target(
    network: Network,
    resources: Resources,
    *,
    cycles: int | None = None,
    prune: Prune | None = None,
) -> Folding:
    """Fold a network for the shortest interval, or the least area, that resources allow.

    What fits is decided by the area predicted for the whole network. Which folds are tried is a
    heuristic: where several resources are scarce it raises their prices in turn, of layers with
    many folds it predicts only those that look best, and intervals are tried 1 % apart.

    Parameters
    ----------
    network : Network
    resources : Resources
    cycles : int, optional
        Take no longer, but as few of the resources as possible: the least sum of their shares.
    prune : callable, optional
        Makes a network without a part, 0 to 1, of its maps or weights: where nothing fits, the
        message says what part would have to go.

    Raises
    ------
    DoesNotFit
        If no folds fit, or none within these cycles; the message names the resource, how much of it
        is lacking, and the layer that takes most of it.
    UnsupportedLayer
        If there is no hardware for a layer.
    """
    if cycles is not None and cycles < 1:
        raise ValueError(f"cycles must be at least 1, not {cycles!r}")
    search = _search(network, resources)
    folding = _find(search, cycles)
    if folding is not None:
        return folding
    reason, lacks = _reason(search, resources, cycles)
    if prune is not None:
        reason += f"; {remedy(network, resources, cycles, prune)}"
    raise DoesNotFit(reason, lacks)


def ratio_that_fits(
    network: Network, resources: Resources, cycles: int | None, prune: Prune
) -> float | None:
    """Find the least part of a network, in steps of 5 %, without which it fits; None if none is.

    Parameters
    ----------
    network, resources, cycles, prune
        As `fold_to_target`.
    """
    low, high = 0, _STEPS  # of which the network is too large; of which there is none left
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(prune(network, middle / _STEPS), resources, cycles):
            high = middle
        else:
            low = middle
    return None if high == _STEPS else high / _STEPS


def _search(network: Network, resources: Resources) -> Search:
    memo = PlanMemo()
    return Search(network, AreaBudget(network, resources, memo), memo)


def _find(search: Search[Prices], cycles: int | None) -> Folding | None:
    """Find the best folds within the resources, and within some cycles; None if there are none."""
    if cycles is not None and (folding := within(search, cycles)) is not None:
        return folding
    folding = fastest(search)
    interval = None if folding is None else search.interval(folding)
    assert isinstance(search.budget, AreaBudget)
    every = EveryFolding(search, search.budget, interval)
    if every.few and (faster := every.fastest()) is not None:
        folding, interval = faster, search.interval(faster)
    within_cycles = cycles is None or (interval is not None and interval <= cycles)
    return folding if within_cycles else None


def _fits(network: Network, resources: Resources, cycles: int | None) -> bool:
    """Whether the smallest fold fits, or any within some cycles."""
    if cycles is None:
        budget = AreaBudget(network, resources, PlanMemo())
        return budget.fits(budget.smallest)
    return _find(_search(network, resources), cycles) is not None


def remedy(network: Network, resources: Resources, cycles: int | None, prune: Prune) -> str:
    """Say what pruning would make a network fit that does not."""
    ratio = ratio_that_fits(network, resources, cycles, prune)
    if ratio is None:
        return f"no pruning up to {1 - 1 / _STEPS:.0%} makes it fit"
    return f"with {ratio:.0%} pruned, {1 - ratio:.0%} left, it fits"


def _reason(search: Search, resources: Resources, cycles: int | None) -> tuple[str, dict[str, int]]:
    """Say why nothing fits, and what the smallest fold lacks."""
    network, budget = search.network, search.budget
    assert isinstance(budget, AreaBudget)
    plans = plan(network, budget.smallest, search.memo)
    parts = predict_parts(network, budget.smallest, resources.family, plans)
    multipliers = {p.name: p.multipliers for p in plans if isinstance(p, LayerPlan)}
    whole = dict(zip(KINDS, budget.whole(budget.smallest), strict=True))
    limits = resources.limits
    lacks = {key: int(whole[key] - most) for key, most in limits.items() if whole[key] > most}
    name = f"network {network.name!r}"
    if not lacks:
        best = None if cycles is None else _find(search, None)
        if best is None:
            return f"{name}: no fold was found that fits {resources.name}", {}
        return (
            f"{name} does not fit {resources.name} within {cycles:,} cycles a frame: the fastest "
            f"fold that fits takes {search.interval(best):,}"
        ), {}
    key = max(lacks, key=lambda key: whole[key] / max(limits[key], 1))
    taken = {part: used(area, multipliers.get(part, 0))[key] for part, area in parts.items()}
    layer = max(taken, key=lambda part: taken[part])
    others = [f"{number:,} {KINDS[k]}" for k, number in lacks.items() if k != key]
    more = f" (and {', '.join(others)} too many)" if others else ""
    return (
        f"{name} does not fit {resources.name}: with one multiplier a layer it takes "
        f"{int(whole[key]):,} {KINDS[key]}, {lacks[key]:,} more than {limits[key]:,}{more}; "
        f"layer {layer!r} takes the most of them, {taken[layer]:,g}"
    ), lacks
