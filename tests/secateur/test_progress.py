import io
import re

import pytest

from secateur.progress import Progress


def test_a_step_leaves_a_line_with_its_last_note():
    stream = io.StringIO()
    progress = Progress(stream=stream)
    with progress.step("train"):
        progress.update("train", 1, 2, "")
        progress.update("train", 2, 2, "loss 0.1")
    assert stream.getvalue().split() == ["train", "0.0", "s", "train", "2/2", "loss", "0.1"]


def test_quiet_says_nothing():
    stream = io.StringIO()
    progress = Progress(quiet=True, stream=stream)
    with progress.step("train"):
        progress.note("something")
    assert stream.getvalue() == ""


def test_a_step_that_fails_is_not_announced_as_done():
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), Progress(stream=stream).step("train"):
        raise ValueError("no")
    assert stream.getvalue() == ""


def test_a_long_step_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr("secateur.progress.LINE_EVERY", 0.0)
    stream = io.StringIO()
    progress = Progress(stream=stream)
    with progress.step("train"):
        progress.update("train", 1, 9, "loss 2.0")
    assert stream.getvalue().splitlines()[0].split() == [
        "train",
        "...",
        "train",
        "1/9",
        "loss",
        "2.0",
    ]


def test_a_terminal_gets_a_live_line_that_goes_away():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    progress = Progress(stream=stream)
    with progress.step("train"):
        progress.update("train", 1, 2, "loss [0.1]")
    live, last = stream.getvalue().splitlines()[0], stream.getvalue().splitlines()[-1]
    assert "loss [0.1]" in live + last
    assert re.fullmatch(r"\s*train +\d+\.\d s .*", last.rpartition("\x1b[2K")[2])
