from pathlib import Path

import pytest

from hw.whole_file import write_whole


def test_bytes_and_text_take_the_place_of_what_was_there(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_whole(path, "önce\n")
    assert path.read_bytes() == b"\xc3\xb6nce\n"
    write_whole(str(path), b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_what_was_there_stays_if_it_cannot_be_written(tmp_path: Path):
    path = tmp_path / "a"
    path.write_text("before")
    (tmp_path / "a.part").mkdir()  # where the new one would be made
    with pytest.raises(OSError, match=r"a\.part"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "folder", b"")
