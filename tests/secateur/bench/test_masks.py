import pytest

from pruning import zoo
from pruning.data import DataSet, load
from pruning.models import model_of
from pruning.train import train
from secateur import cli
from secateur.bench import masks


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits")


def test_all_ways_choose_what_the_naive_loop_chooses(digits: DataSet):
    module = zoo.build("chain", 1, widths=(6, 8, 10))
    model = train(model_of(module, digits.pixels), digits, epochs=2, batch=32)
    module.load_state_dict(model.module.state_dict(), strict=False)
    rows = masks.measure(model, module, digits, 6, 80, lambda *_: None)
    assert [row["masks"] for row in rows[::4]] == [
        "joint",
        "joint, inner maps",
        "last stage",
        "last convolution",
    ]
    assert len(rows) == 16
    assert masks.complaints(rows) == []
    assert len({row["errors"] for row in rows}) > 1
    for naive, everything, best, shared in zip(*[iter(rows)] * 4, strict=True):
        assert naive["ratio"] == naive["ratio_of_seconds"] == 1
        chosen = naive["chosen"], naive["errors"]
        for row in (everything, best, shared):
            assert (row["chosen"], row["errors"]) == chosen
            assert row["ratio_of_seconds"] == naive["seconds"] / row["seconds"]
    rows[1]["as_naive"] = False
    assert masks.complaints(rows) == [
        "joint, all scores: scores must be those of the naive loop",
    ]
    assert masks.text(rows).count("NO") == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--masks", "0"], "--masks must be at least 1, not 0"),
        (["--weights", "w"], "--weights must be given with --model"),
        (["--layer", "L1"], "--layer must not be given with masks"),
    ],
)
def test_wrong_options_are_exit_2(capsys: pytest.CaptureFixture, options: list[str], sentence: str):
    assert cli.main(["bench", "masks", *options]) == 2
    assert capsys.readouterr().err == f"secateur: {sentence}\n"
