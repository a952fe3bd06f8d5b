import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from hw.layers import Conv, Input
from hw.network import Network
from reports.drawing import standalone
from reports.mask_pictures import LEVELS, draw_masks


def network(outputs, inputs, mask=None, channels=()):
    weight = np.ones((outputs, inputs, 3, 3), int) if mask is None else mask.astype(int)
    bias = np.zeros(len(weight), int)
    conv = Conv("conv", "image", weight, bias, mask=mask, padding=(1, 1, 1, 1), channels=channels)
    return Network("n", (Input("image", (inputs, 4, 4), bits=5), conv))


def areas(svg: str) -> dict[str, int]:
    """Cells of every fill, added up from the runs of its path in the panels."""
    panels = svg.partition("scale(")[2]
    found = {}
    for style, path in re.findall(r'shape-rendering="crispEdges" (fill=.*?) d="(.*?)"', panels):
        found[style] = sum(int(run) for run in re.findall(r"M\d+ \d+h(\d+)v1", path))
    return found


def test_every_cell_is_painted_by_the_taps_that_survive():
    rng = np.random.default_rng(3)
    mask = rng.random((7, 5, 3, 3)) < 0.4
    mask[0, :2] = True
    mask[1, 1:4] = False
    svg = draw_masks(network(7, 5), network(7, 5, mask))
    assert svg is not None
    taps = mask.sum((2, 3))
    counts = {n: int((taps == n).sum()) for n in range(1, LEVELS) if (taps == n).any()}
    wanted = {f'fill="var(--pruned)" fill-opacity="{n / 9:.2g}"': c for n, c in counts.items()}
    assert areas(svg) == wanted
    assert f"{mask.mean():.0%} left" in svg
    assert "feature map removed" not in svg


def test_removed_maps_are_hatched():
    mask = np.ones((2, 5, 3, 3), bool)
    svg = draw_masks(network(7, 5), network(7, 5, mask, channels=(2, 5)))
    assert svg is not None
    wanted = {'fill="url(#gone)"': 25, 'fill="var(--pruned)" fill-opacity="1"': 10}
    assert areas(svg) == wanted
    assert "feature map removed" in svg
    assert 'id="gone"' in svg


def test_large_layers_have_cells_of_several_kernels():
    mask = np.zeros((130, 40, 3, 3), bool)
    mask[:60] = True
    svg = draw_masks(network(130, 40), network(130, 40, mask))
    assert svg is not None
    assert "a cell is 3 \N{MULTIPLICATION SIGN} 3 kernels" in svg
    assert areas(svg) == {'fill="var(--pruned)" fill-opacity="1"': 20 * 14}
    assert len(svg) < 10_000


def test_a_network_that_nothing_was_taken_from_has_no_picture():
    assert draw_masks(network(3, 2), network(3, 2)) is None


def test_it_is_a_file_of_its_own():
    svg = draw_masks(network(7, 5), network(7, 5, np.ones((2, 5, 3, 3), bool), (2, 5)))
    assert svg is not None
    assert ElementTree.fromstring(standalone(svg)).tag == "{http://www.w3.org/2000/svg}svg"
