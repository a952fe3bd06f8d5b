import pytest
import torch

from pruning.threads import use_threads


def test_threads_are_as_before_behind_the_block():
    before = torch.get_num_threads()
    with use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_threads_must_be_positive():
    with pytest.raises(ValueError, match=r"^threads must be at least 1, not 0$"), use_threads(0):
        pass
