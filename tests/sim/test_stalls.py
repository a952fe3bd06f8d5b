import numpy as np
import pytest

from sim.stalls import PROFILES, Stalls, crossed, pace


def runs(profile: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return pace(profile, beats=10, interval=1000, rng=rng)


def moving(profile: str) -> float:
    go, stop = runs(profile).sum(axis=0)
    return go / (go + stop)


@pytest.mark.parametrize("profile", PROFILES)
def test_pace_is_playable_and_repeatable(profile) -> None:
    pairs = runs(profile)
    assert pairs[:, 0].min() >= 1
    assert pairs[:, 1].min() >= 0
    np.testing.assert_array_equal(pairs, runs(profile))


def test_none_never_stops() -> None:
    assert moving("none") == 1


@pytest.mark.parametrize("profile", ["random", "bursty", "long"])
def test_half_of_the_cycles_move(profile) -> None:
    assert 0.45 < moving(profile) < 0.55


def test_slow_side_is_slower_than_the_design() -> None:
    assert moving("slow") < 10 / 1000


def test_long_pauses_outlast_a_frame() -> None:
    assert runs("long")[:, 1].max() > 1000


def test_profiles_are_crossed() -> None:
    assert list(crossed(("none", "slow"))) == [
        *(Stalls("none", "none"), Stalls("none", "slow")),
        *(Stalls("slow", "none"), Stalls("slow", "slow")),
    ]


def test_outputs_take_the_profiles_of_sinks_in_turn() -> None:
    assert Stalls("none", "slow").sinks(3) == ["slow"] * 3
    assert Stalls("none", "slow,none").sinks(1) == ["slow"]
    assert Stalls("none", "slow,none").sinks(3) == ["slow", "none", "slow"]


def test_unknown_profile() -> None:
    message = r"^stall profile must be one of none, random, bursty, slow, long, not 'odd'$"
    with pytest.raises(ValueError, match=message):
        Stalls("none", "none,odd")
