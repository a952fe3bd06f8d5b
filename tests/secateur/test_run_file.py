import dataclasses

import pytest

from secateur import run_file
from secateur.run_file import RunFile


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_examples_are_valid(name):
    assert run_file.load(f"examples/{name}.toml").data.name == name


def test_what_is_not_written_has_its_default(write):
    run = run_file.load(write('name = "a"\n[prune]\nrate = 1\n'))
    assert run == dataclasses.replace(
        RunFile(name="a"), prune=dataclasses.replace(RunFile.prune, rate=1.0)
    )
    assert isinstance(run.prune.rate, float)


def test_seed_and_folder_of_the_command_take_the_place_of_the_files(write):
    path = write('name = "a"\nseed = 1\n[data]\nname = "mnist"\nfolder = "x"\n')
    assert run_file.load(path).data.folder == str(path.parent / "x")
    run = run_file.load(path, seed=7, folder="y")
    assert (run.seed, run.data.folder) == (7, "y")


def test_a_model_of_ones_own(write):
    text = 'name = "a"\ntrain.epochs = 0\n[model]\nname = "net:make"\nweights = "w/x.pt"\n'
    path = write(text + "mean = [0.5]\nscale = 1\n[model.options]\nwidth = 2\ndepth = [1, 2]\n")
    run = run_file.load(path)
    assert run.model.weights == str(path.parent / "w" / "x.pt")
    assert run.model.options == {"width": 2, "depth": [1, 2]}
    assert (run.model.mean, run.model.std, run.model.scale) == ((0.5,), (), 1.0)
    assert run.public_values["model"]["weights"] == "x.pt"


def test_values_of_the_command_take_the_place_of_the_files(write):
    path = write('name = "a"\n[prune]\nselector = "l1"\nrate = 0.5\n')
    run = run_file.load(path, prune={"selector": "fpgm", "settings": {"x": 1}})
    assert (run.prune.selector, run.prune.rate, run.prune.settings) == ("fpgm", 0.5, {"x": 1})


def test_choices_are_those_of_the_pruning_half():
    granularities = pytest.importorskip("pruning.granularities")
    selectors = pytest.importorskip("pruning.selectors")
    assert set(run_file.GRANULARITIES) == set(granularities.GRANULARITIES)
    assert set(run_file.SELECTORS) == set(selectors.SELECTORS)


def test_hash_depends_on_values_but_not_on_the_data_folder(write):
    def hash_of(text):
        return run_file.load(write(text)).hash

    base = hash_of('name = "a"\n')
    assert hash_of('# a comment\nname = "a"\n[data]\nfolder = "elsewhere"\n') == base
    assert hash_of('name = "a"\nseed = 1\n') != base


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed = 1", "name is missing"),
        ('name = "a b"', "name must match [A-Za-z_][A-Za-z0-9_]{0,63}, not 'a b'"),
        ('name = "a"\nsede = 1', ":2: sede is unknown; did you mean 'seed'?"),
        (
            'name = "a"\n[hardwre]\nmultipliers = 1',
            ":2: hardwre is unknown; did you mean 'hardware'?",
        ),
        (
            'name = "a"\n\n[hardware]\nmultiplers = 8',
            ":4: hardware.multiplers is unknown; did you mean 'multipliers'?",
        ),
        (
            'name = "a"\n[hardware]\nmultipliers = 0',
            ":3: hardware.multipliers must be 1 to 65536, not 0",
        ),
        ('name = "a"\ntrain.epochs = -1', ":2: train.epochs must be 0 to 10000, not -1"),
        ('name = "a"\ntrain.epochs = 0', "train.epochs must be positive, or model.weights a file"),
        ('name = "a"\ntrain.augment = 1', ":2: train.augment must be true or false, not 1"),
        (
            'name = "a"\n[model]\nstd = [0.5, 0]',
            ":3: model.std must be 1e-09 to 1000000000.0, not 0.0",
        ),
        ('name = "a"\n[model]\nmean = ["x"]', ":3: model.mean must be a number, not 'x'"),
        ('name = "a"\n[model]\noptions = 3', ":3: model.options must be a table, not 3"),
        (
            'name = "a"\n[model.options]\nx = { y = 1 }',
            ":3: model.options.x must be plain values, not {'y': 1}",
        ),
        ('name = "a"\n[prune]\ndistil = nan', ":3: prune.distil must be 0 to 1, not nan"),
        (
            'name = "a"\n[prune]\nallocation = "x"',
            ":3: prune.allocation must be one of uniform, sensitivity, not 'x'",
        ),
        ('name = "a"\nseed = true', ":2: seed must be an integer, not True"),
        ('name = "a"\nprune = 3', ":2: prune must be a table, not 3"),
        ('name = "a"\n[model]\nwidths = 8', ":3: model.widths must be a list, not 8"),
        ('name = "a"\n[model]\nwidths = [8, 0]', ":3: model.widths must be 1 to 512, not 0"),
        (
            'name = "a"\n[data]\nname = "mnits"',
            ":3: data.name must be one of digits, mnist, cifar10, not 'mnits'",
        ),
        (
            'name = "a"\n[simulate]\nstalls = ["none/lng"]',
            ":3: simulate.stalls must be known, not 'none/lng'; did you mean 'none/long'?",
        ),
    ],
)
def test_errors_name_file_line_and_key(write, text, sentence):
    path = write(text)
    with pytest.raises(ValueError, match=r"^\S*run\.toml") as caught:
        run_file.load(path)
    assert str(caught.value).removeprefix(str(path)).removeprefix(": ") == sentence


@pytest.mark.parametrize("text", ["x", "a = " + "[" * 5000, "a = 1\na = 2"])
def test_what_is_no_toml_is_refused(write, text):
    with pytest.raises(ValueError, match="not a TOML file"):
        run_file.load(write(text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "run.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"run\.toml: not a TOML file"):
        run_file.load(path)
