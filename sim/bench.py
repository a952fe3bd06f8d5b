"""The cocotb bench: resets the designs, lets them run, and stops when they are done or stuck."""

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Timer

RESET_CYCLES = 16
LOOK_CYCLES = 1000


@cocotb.test()
async def run(bench) -> None:
    """Run ``case.json`` until every stream has moved its beats, or none moves any more.

    The case gives the beats expected of each stream, the cycles to go on after the last of them
    (a beat too many would show then) and the cycles without a beat that count as a deadlock. The
    beats counted are left in ``beats.json``; the monitors leave one record a stream.
    """
    case = json.loads(Path("case.json").read_text(encoding="utf-8"))
    expected = case["beats"]

    def beats() -> dict[str, int]:
        return {name: getattr(bench, f"{name}_beats").value.to_unsigned() for name in expected}

    Clock(bench.aclk, 2, "step").start()
    await Timer(2 * RESET_CYCLES + 1, "step")
    bench.aresetn.value = 1

    idle, moved = 0, {}
    while idle < case["timeout"]:
        await Timer(2 * LOOK_CYCLES, "step")
        before, moved = moved, {name: min(n, expected[name]) for name, n in beats().items()}
        idle = idle + LOOK_CYCLES if moved == before else 0
        if moved == expected and idle >= case["settle"]:
            break
    Path("beats.json").write_text(json.dumps(beats()), encoding="utf-8")
