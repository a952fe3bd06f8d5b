import hashlib
from pathlib import Path

import numpy as np
import pytest

from pruning.data import NAMES, cifar10, load


@pytest.mark.parametrize("subfolder", ["", "cifar-10-batches-bin"])
def test_reading(tmp_path: Path, monkeypatch, subfolder: str):
    rng = np.random.default_rng(0)
    folder = tmp_path / subfolder
    folder.mkdir(exist_ok=True)
    files, digests = {}, {}
    for name in cifar10.MD5:
        files[name] = rng.integers(0, 256, (20, 1 + 3 * 32 * 32), np.uint8)
        files[name][:, 0] = np.arange(20) % 10
        (folder / name).write_bytes(files[name].tobytes())
        digests[name] = hashlib.md5(files[name].tobytes()).hexdigest()
    monkeypatch.setattr(cifar10, "MD5", digests)
    data = load("cifar10", tmp_path)
    assert len(data.train) == 90
    assert np.bincount(data.validation.labels).tolist() == [1] * 10
    np.testing.assert_array_equal(data.test.labels, np.arange(20) % 10)
    record = files["test_batch.bin"][7]
    assert data.test.images.shape == (20, 3, 32, 32)
    assert data.test.images[7, 1, 2, 3] == record[1 + 1024 + 2 * 32 + 3]
    assert len(data.pixels.offset) == len(data.pixels.scale) == 3


def test_a_file_is_missing(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"^data set 'cifar10': file 'data_batch_1\.bin'"):
        load("cifar10", tmp_path)


def test_an_unknown_data_set():
    sentence = rf"^data set must be one of {', '.join(NAMES)}, not 'svhn'$"
    with pytest.raises(ValueError, match=sentence):
        load("svhn")
