"""Weight memory: for one sequencer, the weights of every entry of the schedule."""

from amaranth import *
from amaranth.lib import data
from amaranth.lib.memory import Memory

from hw.layer_plan import LayerPlan


def weights(m: Module, plan: LayerPlan, r: int, entry: Value) -> Value:
    """Read the weights of an entry, one for each output of a group: from the next cycle on."""
    shape = data.ArrayLayout(signed(plan.conv.weight_bits), plan.fold.G)
    init = [shape.const(weights) for weights in plan.schedule.weight[:, r].tolist()]
    m.submodules[f"weights_{r}"] = memory = Memory(shape=shape, depth=len(init), init=init)
    read = memory.read_port()
    m.d.comb += read.addr.eq(entry)
    return Value.cast(read.data)
