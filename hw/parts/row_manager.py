"""Row manager: slides the window of rows over the ring, slowly, so that the tap path need not."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.store import Store


def place(stores: tuple[Store, ...]) -> data.StructLayout:
    """Where a row of the window lies: its first word in each store, and whether it is in them."""
    bases = {str(index): range(store.depth) for index, store in enumerate(stores)}
    return data.StructLayout({"bases": data.StructLayout(bases), "inside": 1})


class RowManager(wiring.Component):
    """Manager of the rows that a layer reads, from one store or, behind a concat, from several.

    While the `active` window is computed, rows enter the `following` one, one a cycle as they
    become available; rows of padding are always available. When the active row ends, the two are
    swapped and the rows that have left the window are released to the writer.

    Parameters
    ----------
    stores : tuple of Store
        They differ in their rings only: they hold the same rows, of other channels.

    Members
    -------
    row_done : In
        For each store, a further row is in its ring.
    row_end : In(1)
        The last tap of the active row is fired in this cycle.
    active : Out
        Places of the window's rows.
    valid : Out(1)
        `active` may be read.
    release : Out
        Slots released in this cycle. The reads of the last tap are at the row buffer two cycles
        later, the first word of a beat that is accepted on this release three cycles later.
    """

    row_done: Signal
    row_end: Signal
    active: data.View
    valid: Signal
    release: Signal

    def __init__(self, stores: tuple[Store, ...]) -> None:
        self.stores = stores
        rows = stores[0].rows
        most = max(store.rows.ring for store in stores)
        super().__init__(
            {
                "row_done": In(len(stores)),
                "row_end": In(1),
                "active": Out(data.ArrayLayout(place(stores), rows.extent)),
                "valid": Out(1),
                "release": Out(range(most + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows = self.stores[0].rows

        following = Signal.like(self.active)
        padding = rows.stored.index(True)  # rows that are in the window from reset on
        pending = Signal(range(max(rows.first_pushes, rows.stride) + 1), init=rows.extent - padding)
        dropped = Signal.like(self.release)
        row, y = Signal(range(rows.total), init=padding), Signal(range(rows.outputs))
        real, push, swap = Signal(), Signal(), Signal()
        available, heads = [], []
        for index, store in enumerate(self.stores):
            ring, words = store.rows.ring, store.row_words
            waiting = Signal(range(ring + 1), name=f"available_{index}")
            head = Signal(range(store.depth), name=f"head_{index}")
            m.d.sync += waiting.eq(waiting + self.row_done[index] - (push & real))
            with m.If(push & real):
                m.d.sync += head.eq(Mux(head == (ring - 1) * words, 0, head + words))
            available.append(waiting != 0)
            heads.append(head)
        stored = sum(kept << index for index, kept in enumerate(rows.stored))

        m.d.comb += [
            real.eq(Const(stored, rows.total).bit_select(row, 1)),
            push.eq((pending != 0) & (~real | Cat(available).all())),
            swap.eq((pending == 0) & (~self.valid | self.row_end)),
            self.release.eq(Mux(swap, dropped, 0)),
        ]
        with m.If(push):
            entries = [following[k + 1] for k in range(rows.extent - 1)]
            m.d.sync += [
                Cat(*following).eq(Cat(*entries, *heads, real)),
                dropped.eq(dropped + following[0].inside),
                pending.eq(pending - 1),
                row.eq(Mux(row == rows.total - 1, 0, row + 1)),
            ]
        with m.If(swap):
            last = y == rows.outputs - 1
            m.d.sync += [
                self.active.eq(following),
                self.valid.eq(1),
                dropped.eq(0),
                pending.eq(Mux(last, rows.first_pushes, rows.stride)),
                y.eq(Mux(last, 0, y + 1)),
            ]
        with m.Elif(self.row_end):
            m.d.sync += self.valid.eq(0)
        return m
