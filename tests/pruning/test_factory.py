from pathlib import Path

import pytest
from torch import nn

from pruning import zoo
from pruning.factory import make_model

PACKAGE = """
from torch import nn

class Nets:
    @staticmethod
    def small(width=4):
        return nn.Sequential(nn.Conv2d(3, width, 3))

ready = nn.Conv2d(3, 7, 1)
number = 5

def fails():
    raise RuntimeError("no such net\\nand more")

def leaves():
    raise SystemExit

def nothing():
    return None
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"nets_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(PACKAGE)
    (tmp_path / f"{name}_broken.py").write_text("import no_such_package\n")
    monkeypatch.chdir(tmp_path)
    return name


def test_a_name_of_the_zoo():
    found = make_model("lenet5", seed=3, classes=7).state_dict()
    expected = zoo.build("lenet5", seed=3, classes=7).state_dict()
    assert all((found[key] == value).all() for key, value in expected.items())


def test_a_factory_of_the_working_folder(package: str):
    module = make_model(f"{package}:Nets.small", width=9)
    assert isinstance(module, nn.Sequential)
    assert module[0].out_channels == 9


def test_a_module_that_is_there(package: str):
    module = make_model(f"{package}:ready")
    assert isinstance(module, nn.Conv2d)
    assert module.out_channels == 7


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet21", "^model must be 'package.module:factory' or chain, .*, not 'resnet21'$"),
        ("{}:Nets.none", "^model '.*:Nets.none': AttributeError: .*'none'"),
        ("{}_broken:net", "^model '.*': ModuleNotFoundError: No module named 'no_such_package'$"),
        ("no_such:net", "^model 'no_such:net': ModuleNotFoundError: No module named 'no_such'$"),
        (":net", "^model ':net': ValueError: Empty module name$"),
        ("{}:number", "^model '.*:number' must be a function or a module, not 5$"),
        ("{}:fails", "^model '.*:fails': RuntimeError: no such net$"),
        ("{}:leaves", "^model '.*:leaves': SystemExit$"),
        ("{}:nothing", r"^model '.*:nothing' must make a torch.nn.Module, not None$"),
    ],
)
def test_what_is_no_model_is_refused(package: str, name: str, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        make_model(name.format(package))


def test_options_that_a_model_has_not(package: str):
    with pytest.raises(ValueError, match=r"^model 'vgg16': .*unexpected keyword argument 'depth'"):
        make_model("vgg16", depth=3)
    with pytest.raises(ValueError, match=r"unexpected keyword argument 'depth'"):
        make_model(f"{package}:Nets.small", depth=3)
    with pytest.raises(ValueError, match="must be a function to have options, not a module"):
        make_model(f"{package}:ready", depth=3)
