import pytest

from secateur.training_log import TrainingLog, read_rows


def test_rows_are_in_the_file_after_every_epoch(tmp_path):
    path = tmp_path / "training.csv"
    log = TrainingLog(path)
    log(1, 1, 0.5, 20)
    assert path.read_text() == "step,epoch,loss,validation_errors\n1,1,0.5,20\n"
    log(1, 2, 1 / 3, 9)
    assert read_rows(path) == [(1, 1, 0.5, 20), (1, 2, 1 / 3, 9)]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_log_that_goes_on_keeps_its_rows_and_replaces_those_told_again(tmp_path):
    path = tmp_path / "training.csv"
    log = TrainingLog(path)
    log(1, 1, 0.5, 20)
    log(1, 2, 0.4, 15)
    again = TrainingLog(path, goes_on=True)
    again(1, 2, 0.4, 15)
    again(1, 3, 0.3, 9)
    assert read_rows(path) == [(1, 1, 0.5, 20), (1, 2, 0.4, 15), (1, 3, 0.3, 9)]
    TrainingLog(path)
    assert read_rows(path) == []


@pytest.mark.parametrize("text", ["", "a,b\n", "step,epoch,loss,validation_errors\n1,x,2,3\n"])
def test_other_files_are_named(tmp_path, text):
    path = tmp_path / "training.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"training\.csv: not a log of training: "):
        read_rows(path)
