"""Surgery: a pruned model becomes physically smaller."""

import torch

from pruning.chain import build, kernels, structure
from pruning.masks import Masks, masked_units
from pruning.models import Model


def cut(model: Model, masks: Masks) -> Model:
    """Copy a model without its pruned feature maps; it computes exactly what `mask` makes of it.

    Parameters
    ----------
    masks : dict of str to (maps,) bool
        Surviving feature maps of every layer to prune.

    Raises
    ------
    ValueError
        If the masks do not fit the model.
    """
    layers = structure(model.module)
    records = {record["name"]: record for record in layers}
    state = {key: value.detach().clone() for key, value in model.module.state_dict().items()}
    channels = dict(model.channels)
    for unit, survivors in masked_units(model, masks):
        before = channels.get(unit.layer, range(unit.count))
        channels[unit.layer] = tuple(before[i] for i in survivors.tolist())
        for name in (unit.layer, *unit.norms):
            for key, value in state.items():
                if key.rpartition(".")[0] == name and value.ndim:
                    state[key] = value[survivors]
            _resize(records[name], ("out_channels", "out_features", "num_features"), len(survivors))
        weight = f"{unit.consumer}.weight"
        whole = kernels(state[weight], unit.count)[:, survivors]
        consumer = records[unit.consumer]
        if consumer["kind"] == "Linear":
            whole = whole.flatten(1)
            _resize(consumer, ("in_features",), whole.shape[1])
        else:
            whole = whole.reshape(len(whole), len(survivors), *state[weight].shape[2:])
            _resize(consumer, ("in_channels",), len(survivors))
        state[weight] = whole
    with torch.device("meta"):
        module = build(layers)
    module.load_state_dict(state, assign=True)
    return Model(module.train(model.module.training), model.pixels, channels, dict(model.facts))


def _resize(record: dict, fields: tuple[str, ...], width: int) -> None:
    """Set the field of a layer's description that holds its width."""
    record |= {field: width for field in fields if field in record}
