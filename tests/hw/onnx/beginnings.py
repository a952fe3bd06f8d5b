"""Beginnings of models, good ones so far."""

import numpy as np

from tests.hw.onnx.graphs import GraphMaker, drawn_weights

RNG = np.random.default_rng(1)


def start(*shape: int) -> tuple[GraphMaker, str]:
    g = GraphMaker(*(shape or (3, 6, 6)))
    return g, g.rounded("x", 0.02)


def weights(g: GraphMaker, *shape: int) -> str:
    return g.weights(drawn_weights(RNG, *(shape or (4, 3, 3, 3))), 0.01)


def good() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.rounded(g.node("Conv", x, weights(g), name="c"), 0.1)
