from dataclasses import replace

import numpy as np

from sim.records import Mismatch, judge
from sim.stalls import Stalls
from sim.top import Port, Top

TOP = Top(
    name="net",
    clock="aclk",
    reset="aresetn",
    input=Port("s_axis", (1, 1, 2), 8, False, 1, 2),
    outputs=(Port("m_axis", (2, 1, 1), 8, True, 1, 2, "logits"),),
    interval=10,
    latency=9,
)
TWO = replace(TOP, outputs=(*TOP.outputs, Port("m_axis_map", (1, 1, 1), 8, False, 1, 1, "map")))
ENDS = [13, 21, 31, 41]  # last beats out: the first frame after 10 cycles, then 8, 10, 10
ZEROS = {"logits": np.zeros((4, 2, 1, 1), int), "map": np.zeros((4, 1, 1, 1), int)}


def record(folder, outputs=(), more=(), maps=("10", "22", "25", "43")) -> None:
    """Four frames of zeros from cycle 3 on, but for the lines given of the output."""
    beats = [f"{3 + n} {n % 2} 00" for n in range(8)]
    (folder / "net_s_axis.record").write_text("\n".join(beats))
    beats = [line for end in ENDS for line in (f"{end - 1} 0 00", f"{end} 1 00")]
    for number, line in outputs:
        beats[number] = line
    (folder / "net_m_axis.record").write_text("\n".join([*beats, *more]))
    lines = [line if " " in line else f"{line} 1 00" for line in maps]
    (folder / "net_m_axis_map.record").write_text("\n".join(lines))


def judged(folder, stalls: tuple = ("none", "none"), top: Top = TOP):
    expected = {port.layer: ZEROS[port.layer] for port in top.outputs}
    return judge("net", top, Stalls(*stalls), folder, 4, expected)


def test_right_run(tmp_path) -> None:
    record(tmp_path)
    result = judged(tmp_path)
    assert result.ok
    assert (result.mismatches, result.first_mismatch, result.protocol_errors) == (0, None, ())
    assert (result.latency, result.cycles) == (10, 38)
    assert (result.intervals, result.interval) == ((8, 10, 10), 10)


def test_frame_ends_with_the_last_of_its_outputs(tmp_path) -> None:
    record(tmp_path)
    result = judged(tmp_path, top=TWO)
    assert result.ok
    assert (result.latency, result.cycles) == (10, 40)
    assert (result.intervals, result.interval) == ((9, 9, 12), None)
    assert {name: maps.shape for name, maps in result.outputs.items()} == {
        "logits": (4, 2, 1, 1),
        "map": (4, 1, 1, 1),
    }


def test_mismatch_names_its_output(tmp_path) -> None:
    record(tmp_path, [(5, "31 1 ff")], maps=("10", "22 1 07", "25", "43 0 00"))
    result = judged(tmp_path, top=TWO)
    assert result.mismatches == 2
    assert result.first_mismatch == Mismatch("map", 1, 0, 0, 0, expected=0, actual=7)
    (error,) = result.protocol_errors
    assert error.startswith("m_axis_map: tlast must mark the last beat of a frame, 1 wrong")


def test_interval_is_measured_without_stalls_only(tmp_path) -> None:
    record(tmp_path)
    result = judged(tmp_path, ("none", "slow"))
    assert (result.intervals, result.interval) == ((8, 10, 10), None)


def test_interval_that_never_settles(tmp_path) -> None:
    record(tmp_path, [(7, "42 1 00")])
    result = judged(tmp_path)
    assert (result.intervals, result.interval) == ((8, 10, 11), None)


def test_first_mismatch_is_located(tmp_path) -> None:
    record(tmp_path, [(5, "31 1 ff"), (6, "40 0 03")])
    result = judged(tmp_path)
    assert not result.ok
    assert result.mismatches == 2
    assert result.first_mismatch == Mismatch("logits", 2, 1, 0, 0, expected=0, actual=-1)


def test_wrong_tlast(tmp_path) -> None:
    record(tmp_path, [(5, "31 0 00"), (6, "40 1 00")])
    (error,) = judged(tmp_path).protocol_errors
    assert error == (
        "m_axis: tlast must mark the last beat of a frame, 2 wrong, first at beat 1 of frame 2"
    )


def test_breaches_are_counted_by_kind(tmp_path) -> None:
    breaches = ["50 ! tdata changed", "51 ! tvalid dropped", "52 ! tdata changed"]
    record(tmp_path, more=breaches)
    assert judged(tmp_path).protocol_errors == (
        "m_axis: tdata changed 2 times, first in cycle 50",
        "m_axis: tvalid dropped 1 times, first in cycle 51",
    )


def test_surplus_beats(tmp_path) -> None:
    record(tmp_path, more=["50 0 00"])
    result = judged(tmp_path)
    assert result.protocol_errors == ("m_axis: 1 beats more than 4 frames have",)
    assert result.outputs["logits"].shape == (4, 2, 1, 1)
