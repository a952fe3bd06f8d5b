import json

import pytest

from hw.cells.named import CELLS, named
from hw.verilog import emit
from tests.hw.drawn import seeded


@pytest.mark.parametrize("name", CELLS)
def test_designs_say_of_what_cells_they_are_made(name, tmp_path) -> None:
    made = seeded("1x1", 0)
    folder = emit(made.network, made.folding, tmp_path, cells=named(name))
    assert json.loads((folder / "top.json").read_text())["cells"] == name


def test_cells_must_be_known() -> None:
    with pytest.raises(ValueError, match=r"^cells must be one of portable.*, not 'abacus'$"):
        named("abacus")
