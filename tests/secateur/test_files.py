import numpy as np
import pytest

from secateur.files import Folder, load_frames, read_json, refuse_existing, save_frames, write_json


def test_frames_come_back(tmp_path):
    images = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    path = Folder(tmp_path / "new").frames
    save_frames(path, images[:, ::-1], np.array([7, 1]))
    found, labels = load_frames(path)
    np.testing.assert_array_equal(found, images[:, ::-1])
    np.testing.assert_array_equal(labels, [7, 1])
    assert [item.name for item in path.parent.iterdir()] == ["frames.safetensors"]


def test_damaged_frames_are_refused(tmp_path):
    path = tmp_path / "frames.safetensors"
    save_frames(path, np.zeros((2, 1, 2, 2), np.uint8), np.zeros(2, int))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"frames\.safetensors: not a file of frames"):
        load_frames(path)
    save_frames(path, np.zeros((2, 1, 2, 2), np.uint8), np.zeros(3, int))
    with pytest.raises(ValueError, match="with N labels"):
        load_frames(path)


def test_records_come_back_and_say_who_makes_them(tmp_path):
    path = tmp_path / "deep" / "record.json"
    with pytest.raises(ValueError, match=r"record\.json is missing; secateur train makes it"):
        read_json(path, "train")
    write_json(path, {"a": [1]})
    assert read_json(path, "train") == {"a": [1]}
    for text in ("{", "3", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(ValueError, match="not a record of secateur train"):
            read_json(path, "train")


def test_existing_results_are_refused_unless_forced(tmp_path):
    refuse_existing([tmp_path / "new"], force=False)
    refuse_existing([tmp_path], force=True)
    with pytest.raises(ValueError, match="--force"):
        refuse_existing([tmp_path / "new", tmp_path], force=False)
