"""Folds of a network for what an FPGA has."""

from hw.area_budget import AreaBudget
from hw.fold import Folding
from hw.fold_search import Search
from hw.folding import fastest, within
from hw.network import Network
from hw.plan_memo import PlanMemo
from hw.resources import Resources


def fold_to_target(network: Network, resources: Resources, *, cycles: int | None = None) -> Folding:
    memo = PlanMemo()
    search = Search(network, AreaBudget(network, resources, memo), memo)
    folding = fastest(search) if cycles is None else within(search, cycles)
    if folding is None:
        raise ValueError("x")
    return folding
