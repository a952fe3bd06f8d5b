"""Cycles of the stages of the parts, and sizes that parts and plans agree on."""

from dataclasses import dataclass

# Cycles of the stages between a tap and its result. The parts are built to these; the tests of
# `hw.cost` hold them to it.
WALK = 2  # tap fired -> its address at the row buffer
COMPARE = 1  # pixels -> the largest in its hold register
EMIT = 1  # hold registers of several sequencers -> those that leave
GATHER = 1  # sums of a group -> one sum
JOIN = 1  # sums of two sequencers -> one sum
BIAS = 1
ROUND = 1  # product -> rounded and shifted
SATURATE = 2
QUEUE = 1  # into the output queue
SOURCE_ROWS = 2  # rows that a source of wide beats gathers
QUEUE_STEP = 16  # places of a queue come in blocks of distributed memory
SINK_ROWS = 2  # rows that the sink of a map gathers
JOIN_ADD = 7  # beat taken by an add -> its result at the head of the queue
JOIN_QUEUE = 16


@dataclass(frozen=True)
class Stages:
    """Cycles of the stages that differ between families of parts, at first the portable ones.

    Parameters
    ----------
    read : int
        From addresses at row buffer and weight memory to operand registers.
    multiply : int
        From operands to products.
    accumulate : int
        From products to sums in the hold registers.
    preloads : bool
        Whether a sum may begin with its bias.
    """

    read: int = 2
    multiply: int = 1
    accumulate: int = 1
    preloads: bool = False


PORTABLE = Stages()
