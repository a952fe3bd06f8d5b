import json
from xml.etree import ElementTree

import pytest

from pruning import zoo
from pruning.checkpoint import save_model
from pruning.data import load
from pruning.models import model_of
from secateur import cli
from secateur.bench import page

TINY = ["--epochs", "1", "--train-images", "64", "--images", "50", "--masks", "10", "--seeds", "2"]


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "dense.checkpoint"
    save_model(model_of(zoo.build("chain", widths=(4, 4)), load("digits").pixels), path)
    return path


def test_table_of_a_checkpoint(checkpoint, tmp_path, capsys):
    docs = tmp_path / "page.md"
    docs.write_text("\n".join(page.marks("selectors digits")), encoding="utf-8")
    few = ["--selector", "l1", "--granularity", "kernel", "--ratio", "0.5", "--budget", "8"]
    argv = ["bench", "selectors", "--data", "digits", *TINY, *few, "-q"]
    argv += ["--weights", str(checkpoint), "--out", str(tmp_path), "--docs", str(docs)]
    assert cli.main([*argv, "--json"]) == 0
    head, *rows = json.loads(capsys.readouterr().out)
    assert head["protocol"]["multipliers"] == 8
    assert [row["seed"] for row in rows] == [1, 2]
    assert "| kernel | 50% | l1 |" in docs.read_text(encoding="utf-8")
    picture = (tmp_path / "selectors.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert all(f">{cost}<" in picture for cost in ("MACs", "cycles a frame", "LUTs", "l1"))
    assert cli.main(argv) == 0  # of the rows that are kept
    assert "kernel   50%        l1" in capsys.readouterr().out


def test_model_of_the_zoo_with_its_mean(tmp_path, capsys):
    from safetensors.torch import save_file

    weights = tmp_path / "chain.safetensors"
    save_file(zoo.build("chain").state_dict(), weights)
    argv = ["bench", "selectors", "--weights", str(weights), "--model", "chain", *TINY, "--json"]
    argv += ["--selector", "bn-scale", "--granularity", "kernel", "--out", str(tmp_path), "-q"]
    assert cli.main([*argv, "--mean", "0.5", "--std", "0.25"]) == 0
    _, *rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 3 * 2
    assert all("bn-scale" in row["undefined"] for row in rows)
    assert not (tmp_path / "selectors.svg").exists()  # there is nothing to draw
    assert cli.main(argv) == 2  # without the mean it is another model
    assert "model must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--layer", "L1"], "--layer must not be given with selectors"),
        ([], "--weights must be a file of trained weights"),
        (["--weights", "x", "--mean", "0.5"], "--mean must be given with --model"),
        (["--weights", "x", "--data", "imagenet"], "--data must be one of digits, mnist, cifar10"),
        (["--weights", "x", "--budget", "8", "--budget", "9"], "--budget must be one number"),
        (["--weights", "x", "--seeds", "0"], "--seeds must be at least 1, not 0"),
        (["--weights", "x", "--ratio", "1.5"], "ratio must be above 0 and below 1, not 1.5"),
        (["--weights", "x", "--model", "chain", "--mean", "a"], "--mean must be numbers"),
    ],
)
def test_wrong_arguments(more, sentence, tmp_path, capsys):
    file = tmp_path / "x.safetensors"
    if "chain" in more:
        from safetensors.torch import save_file

        save_file(zoo.build("chain").state_dict(), file)
    argv = ["bench", "selectors", "--out", str(tmp_path), *more]
    assert cli.main([str(file) if each == "x" else each for each in argv]) == 2
    assert sentence in capsys.readouterr().err


def test_other_benchmarks_have_no_such_options(capsys):
    assert cli.main(["bench", "layers", "--epochs", "0"]) == 2
    assert "--epochs must not be given with layers" in capsys.readouterr().err
