import json
import re

import numpy as np
import pytest

from sim.records import Mismatch
from sim.runner import Design, SimulationTimeout, Stalls, simulate
from sim.stalls import crossed
from sim.tools import ToolError

# Adds up the pixels of a 2-channel map: 6 beats in, WAIT cycles of nothing, 2 sums out.
SUMS = """\
module NAME (
    input aclk, input aresetn,
    input [15:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
    output [15:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast
);
  reg [7:0] step;
  reg [8:0] low, high;
  reg waited, stuck;
  wire taking = step < 6;
  wire giving = step >= 6 + WAIT;
  wire taken = s_axis_tvalid && s_axis_tready;
  wire given = m_axis_tvalid && m_axis_tready;
  wire moves = taking ? taken : giving ? given : 1;
  wire [8:0] sum = step == 6 + WAIT ? low : high;
  assign s_axis_tready = taking;
  assign m_axis_tvalid = giving;
  assign m_axis_tlast = step == 7 + WAIT;
  assign m_axis_tdata = {7'b0, sum};

  always @(posedge aclk) begin
    waited <= aresetn && giving && !m_axis_tready;
    if (!aresetn) begin
      step <= 0;
      low <= 0;
      high <= 0;
      stuck <= 0;
    end else if (moves) begin
      step <= step == 7 + WAIT ? 0 : step + 1;
      if (taking) begin
        low <= low + {{4{s_axis_tdata[4]}}, s_axis_tdata[4:0]};
        high <= high + {{4{s_axis_tdata[9]}}, s_axis_tdata[9:5]};
        if (s_axis_tdata[4:0] == 5'h10) stuck <= 1;
      end else if (step == 7 + WAIT) begin
        low <= 0;
        high <= 0;
      end
    end
  end
endmodule
"""
FAULTS = {
    "right": [],
    "wrong": [("low : high", "low : high + 1")],
    "unmarked": [("tlast = step == 7 + WAIT", "tlast = 0")],
    "changes": [("{7'b0, sum}", "{7'b0, sum + (waited ? 9'd1 : 9'd0)}")],
    "drops": [("tvalid = giving", "tvalid = giving && !(waited && !m_axis_tready)")],
    "repeats": [
        ("step == 7 + WAIT ? 0", "step == 8 + WAIT ? 0"),
        ("if (step == 7", "if (step == 8"),
    ],
    "eager": [("tvalid = giving", "tvalid = giving || !aresetn")],
    "unclean": [("      low <= 0;\n      high <= 0;\n      stuck", "      stuck")],
    "hangs": [("tready = taking", "tready = taking && !stuck")],
}
WAIT = 20


def emit(folder, name: str, wait: int = WAIT, edits=()) -> None:
    """Write ``top.v`` and ``top.json`` of the adder, edited."""
    text = SUMS.replace("NAME", name).replace("WAIT", str(wait))
    for old, new in edits:
        old, new = (part.replace("WAIT", str(wait)) for part in (old, new))
        assert text.count(old) == 1
        text = text.replace(old, new)
    taken = {"shape": [2, 2, 3], "bits": 5, "signed": True, "elements_per_beat": 2, "beats": 6}
    given = {"shape": [2, 1, 1], "bits": 9, "signed": True, "elements_per_beat": 1, "beats": 2}
    top = {
        "schema": "secateur.top/1",
        **{"top": name, "clock": "aclk", "reset": "aresetn"},
        "inputs": [{"stream": "s_axis", **taken}],
        "outputs": [{"stream": "m_axis", "layer": "sums", **given}],
        "cycles": {"interval": wait + 8, "latency": wait + 7},
    }
    folder.mkdir()
    (folder / "top.v").write_text(text)
    (folder / "top.json").write_text(json.dumps(top))


def design(folder, name: str, frames: np.ndarray) -> Design:
    sums = frames.sum(axis=(2, 3), keepdims=True)
    return Design(name, folder / name, frames, {"sums": sums})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every faulty design, and a right one that waits longer."""
    folder = tmp_path_factory.mktemp("designs")
    for name, edits in FAULTS.items():
        emit(folder / name, name, edits=edits)
    emit(folder / "later", "later", wait=57)
    return folder


@pytest.fixture(scope="module")
def designs(folder) -> dict[str, Design]:
    rng = np.random.default_rng(0)
    sizes = dict.fromkeys(FAULTS, 5) | {"later": 9}
    return {
        name: design(folder, name, rng.integers(-15, 16, (size, 2, 2, 3)))
        for name, size in sizes.items()
    }


@pytest.fixture(scope="module")
def results(designs, tmp_path_factory):
    """Every design under every profile: one build, one run a profile."""
    stalls = [Stalls(), *crossed(("random", "long")), Stalls("bursty", "slow")]
    folder = tmp_path_factory.mktemp("build")
    found = simulate(list(designs.values()), folder, stalls=stalls, seed=3, jobs=2)
    return folder, {(result.name, str(result.stalls)): result for result in found}


@pytest.mark.rtl
@pytest.mark.parametrize(("name", "wait", "frames"), [("right", WAIT, 5), ("later", 57, 9)])
def test_cycles_of_a_right_design(results, name, wait, frames) -> None:
    result = results[1][name, "none/none"]
    assert result.ok
    assert result.frames == frames
    assert result.latency == wait + 7
    assert result.intervals == (wait + 8,) * (frames - 1)
    assert result.interval == wait + 8
    assert result.cycles == frames * (wait + 8) - 1


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["right", "later"])
def test_right_design_survives_stalls(results, designs, name) -> None:
    stalled = [result for (one, stalls), result in results[1].items() if one == name][1:]
    assert len(stalled) == 5
    for result in stalled:
        assert result.ok
        assert result.interval is None
        assert result.cycles > results[1][name, "none/none"].cycles
        np.testing.assert_equal(result.outputs, designs[name].expected)


@pytest.mark.rtl
def test_wrong_value_is_found(results, designs) -> None:
    result = results[1]["wrong", "none/none"]
    right = int(designs["wrong"].expected["sums"][0, 1, 0, 0])
    assert not result.ok
    assert result.mismatches == 5
    assert result.first_mismatch == Mismatch("sums", 0, 1, 0, 0, right, right + 1)


@pytest.mark.rtl
def test_register_without_reset_is_found(results) -> None:
    result = results[1]["unclean", "none/none"]
    assert result.mismatches > 0
    assert result.first_mismatch.frame == 0


@pytest.mark.rtl
@pytest.mark.parametrize(
    ("name", "stalls", "error"),
    [
        ("unmarked", "none/none", "m_axis: tlast must mark the last beat of a frame, 5 wrong"),
        ("repeats", "none/none", "m_axis: 5 beats more than 5 frames have"),
        ("eager", "none/none", "m_axis: tvalid in reset"),
        ("changes", "random/random", "m_axis: tdata changed"),
        ("drops", "random/random", "m_axis: tvalid dropped"),
    ],
)
def test_breach_of_the_protocol_is_found(results, name, stalls, error) -> None:
    result = results[1][name, stalls]
    assert not result.ok
    assert any(found.startswith(error) for found in result.protocol_errors)


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["changes", "drops"])
def test_breach_under_stalls_only_shows_under_stalls(results, name) -> None:
    assert results[1][name, "none/none"].ok


@pytest.mark.rtl
def test_deadlock_ends_the_run(results, designs) -> None:
    frames = designs["hangs"].frames.copy()
    frames[2, 0, 0, 0] = -16
    batch = designs | {"hangs": Design("hangs", designs["hangs"].folder, frames)}
    message = (
        "design 'hangs' stopped after 13 of 30 beats of s_axis, 4 of 10 beats of m_axis; "
        "no beat moved for 5000 cycles"
    )
    with pytest.raises(SimulationTimeout, match=f"^{re.escape(message)}$"):
        simulate(list(batch.values()), results[0], timeout_cycles=5000)
    assert len(list(results[0].iterdir())) == 1  # the model was used again


def test_wrong_designs(folder, tmp_path) -> None:
    frames = np.zeros((1, 2, 2, 3), int)
    right = design(folder, "right", frames)
    hostile = Design("a b", right.folder, frames)
    again = Design("again", right.folder, frames)
    cases = {
        "design must have an identifier of its own, not 'right'": [right, right],
        "design must have an identifier of its own, not 'a b'": [hostile],
        "design 'right': expected must be {'sums': (1, 2, 1, 1)}, not {'sums': (1, 2, 2, 3)}": [
            Design("right", right.folder, frames, {"sums": frames})
        ],
        f"{right.folder / 'top.v'}: module right must have a name of its own": [right, again],
        "designs must be at least one": [],
    }
    for message, designs in cases.items():
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            simulate(designs, tmp_path)
    message = r"^stalls must be of at most 1 sinks, not 'none/none,slow'$"
    with pytest.raises(ValueError, match=message):
        simulate([right], tmp_path, stalls=[Stalls("none", "none,slow")])
    assert list(tmp_path.iterdir()) == []


def test_wrong_frames_leave_nothing(folder, tmp_path) -> None:
    one = design(folder, "right", np.full((1, 2, 2, 3), 16))
    message = r"^design 'right': frames must lie in -16\.\.15, not 16\.\.16$"
    with pytest.raises(ValueError, match=message):
        simulate([one], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_model_that_does_not_run(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("sim.runner.build", lambda *args, **kwargs: tmp_path)
    one = design(folder, "right", np.zeros((1, 2, 2, 3), int))
    with pytest.raises(ToolError, match=r"^the simulation must end, but failed"):
        simulate([one], tmp_path)
