from torch import nn

from pruning.models import Model
from pruning.units import FeatureMaps, feature_maps


def test_feature_maps_of_a_chain(trained: Model):
    assert feature_maps(trained.module) == (
        FeatureMaps("conv1", 6, ("bn1",), "conv2"),
        FeatureMaps("conv2", 8, ("bn2",), "conv3"),
        FeatureMaps("conv3", 10, ("bn3",), "linear"),
    )


def test_hidden_outputs_of_linear_layers_are_units_too():
    layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    assert feature_maps(layers) == (FeatureMaps("1", 5, (), "3"),)
