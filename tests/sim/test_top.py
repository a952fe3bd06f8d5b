import json
import re

import numpy as np
import pytest

from sim.top import Port, Top

PORT = {"shape": [3, 1, 2], "bits": 5, "signed": True, "elements_per_beat": 3, "beats": 2}
TOP = {
    "schema": "secateur.top/1",
    **{"top": "net", "clock": "aclk", "reset": "aresetn"},
    "inputs": [{"stream": "s_axis", **PORT}],
    "outputs": [{"stream": "m_axis", "layer": "conv", **PORT, "scale": 0.5}],
    "cycles": {"interval": 20, "latency": 30},
}


def port(**changes) -> Port:
    return Port(**{"stream": "s_axis", **PORT, **changes})


def test_beat_has_the_channels_of_a_pixel_low_bits_first() -> None:
    frames = np.array([1, -1, 2, 3, -16, 15]).reshape(1, 3, 1, 2)  # channel c: (left, right)
    left = 1 | 2 << 5 | (-16 & 31) << 10
    right = (-1 & 31) | 3 << 5 | 15 << 10
    assert port().pack(frames) == [f"{left:04x}", f"{right:04x}"]


@pytest.mark.parametrize(
    ("shape", "bits", "signed", "elements", "beats"),
    [
        ((3, 4, 5), 5, False, 3, 20),
        ((10, 1, 1), 21, True, 1, 10),
        ((7, 2, 3), 9, True, 4, 11),
        ((1, 1, 1), 1, False, 1, 1),
        ((5, 3, 2), 8, False, 5, 6),
    ],
)
def test_unpack_is_the_inverse_of_pack(shape, bits, signed, elements, beats) -> None:
    one = Port("s_axis", shape, bits, signed, elements, beats)
    low, high = one.range
    frames = np.random.default_rng(1).integers(low, high, (4, *shape), endpoint=True)
    packed = one.pack(frames)
    assert len(packed) == 4 * beats
    assert {len(beat) for beat in packed} == {one.width // 4}
    np.testing.assert_array_equal(one.unpack(packed), frames)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((1, 3, 2, 1), int), "frames must be (N, (3, 1, 2)), not (1, 3, 2, 1)"),
        (np.zeros((0, 3, 1, 2), int), "frames must be (N, (3, 1, 2)), not (0, 3, 1, 2)"),
        (np.full((1, 3, 1, 2), 16), "frames must lie in -16..15, not 16..16"),
    ],
)
def test_frames_that_do_not_fit(frames, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        port().check(frames)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stream": "s axis"}, "stream must be an identifier, not 's axis'"),
        ({"shape": [3, 2]}, "stream 's_axis' must have a shape, bits and elements"),
        ({"bits": 0}, "stream 's_axis' must have a shape, bits and elements"),
        ({"beats": 3}, "stream 's_axis': beats must hold a frame, not 3"),
    ],
)
def test_wrong_port(changes, message) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        port(**changes)


def test_top_is_read(tmp_path) -> None:
    (tmp_path / "top.json").write_text(json.dumps(TOP))
    top = Top.load(tmp_path)
    assert (top.name, top.clock, top.reset, top.interval, top.latency) == (
        *("net", "aclk", "aresetn"),
        *(20, 30),
    )
    assert top.ports == (port(), port(stream="m_axis", layer="conv"))


def test_outputs_are_in_their_order(tmp_path) -> None:
    outputs = [{"stream": f"m_axis_{name}", "layer": name, **PORT} for name in ("b", "a")]
    (tmp_path / "top.json").write_text(json.dumps(TOP | {"outputs": outputs}))
    assert [port.layer for port in Top.load(tmp_path).outputs] == ["b", "a"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "other/1"}, "schema must be 'secateur.top/1', not 'other/1'"),
        ({"top": "a b"}, "name must be an identifier, not 'a b'"),
        ({"inputs": []}, "there must be one stream in and at least one out"),
        ({"outputs": []}, "there must be one stream in and at least one out"),
        ({"outputs": [{"stream": "m_axis"}]}, "'shape' must be there"),
        ({"outputs": [{"stream": "m_axis", **PORT}]}, "'layer' must be there"),
        (
            {"outputs": TOP["outputs"] * 2},
            "every output must have a stream of its own, not ['m_axis', 'm_axis']",
        ),
        ({"cycles": {"interval": 0, "latency": 1}}, "interval must be at least 1, not 0"),
    ],
)
def test_wrong_top(tmp_path, changes, message) -> None:
    (tmp_path / "top.json").write_text(json.dumps(TOP | changes))
    with pytest.raises(ValueError, match=f"top.json: {re.escape(message)}$"):
        Top.load(tmp_path)


def test_top_that_is_no_json(tmp_path) -> None:
    (tmp_path / "top.json").write_text("{")
    with pytest.raises(ValueError, match=r"top\.json: Expecting property name"):
        Top.load(tmp_path)
