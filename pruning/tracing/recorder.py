"""Recording with torch.fx that runs the model along the way, so that shapes are numbers."""

import inspect
import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import torch
from torch import fx, nn
from torch.fx.proxy import TraceError

from pruning.unsupported import UnsupportedLayer

# What a tensor says of itself and not of its elements: known while tracing.
_KNOWN = ("device", "dim", "dtype", "is_cuda", "layout", "ndim", "numel", "shape", "size")
_CONVERSIONS = ("cpu", "cuda", "double", "float", "to", "type")  # all here is float64
_ALIASES = {
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
    "itruediv": "truediv",
    "div": "truediv",
    "multiply": "mul",
    "subtract": "sub",
    "concat": "cat",
    "concatenate": "cat",
    "clip": "clamp",
}
_IN_PLACE = (operator.iadd, operator.imul, operator.isub, operator.itruediv)


def record(module: nn.Module, example: torch.Tensor) -> fx.Graph:
    """Record what a module does with a batch of pictures.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode; takes one batch.
    example : (N, C, H, W)
        Pictures in the module's own type of numbers.

    Returns
    -------
    torch.fx.Graph
        Nodes in the order in which they were computed, without those that nothing needs.
        ``node.meta["value"]`` is the result, ``node.meta["path"]`` the module that asked for it.

    Raises
    ------
    UnsupportedLayer
        If the module cannot follow its pictures, or its control flow depends on their pixels.
    """
    tracer = _Tracer(example)
    try:
        graph = tracer.trace(module, _defaults(module))
    except UnsupportedLayer:
        raise
    except Exception as error:  # whatever the model's own code raises
        raise UnsupportedLayer(_complaint(type(module).__name__, error)) from error
    graph.eliminate_dead_code(is_impure_node=_must_stay)
    return graph


def place_of(node: fx.Node) -> str:
    """Say where a call is: the path of a module, or that of the one that calls a function."""
    path = node.meta["path"]
    if node.op == "call_module":
        return path
    return f"{path}: {function_name(node)}" if path else function_name(node)


def function_name(node: fx.Node) -> str:
    """Name of a function or method, the same for all ways to call it."""
    target = node.target
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    name = name.rstrip("_")
    return _ALIASES.get(name, name)


def in_place(node: fx.Node) -> bool:
    """Whether a node overwrites its first argument."""
    if node.op == "call_module":
        return bool(getattr(node.meta["module"], "inplace", False))
    if node.op == "call_method":
        return _mutates(str(node.target))
    named = _mutates(getattr(node.target, "__name__", ""))
    return node.target in _IN_PLACE or named or node.kwargs.get("inplace") is True


def _mutates(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


def _must_stay(node: fx.Node) -> bool:
    return node.op in ("placeholder", "output") or in_place(node)


def _defaults(module: nn.Module) -> dict[str, Any] | None:
    """Arguments of `forward` behind the picture, which must have defaults."""
    arguments = list(inspect.signature(module.forward).parameters.values())
    wanted = [a for a in arguments if a.default is a.empty and a.kind is not a.VAR_KEYWORD]
    if not arguments or arguments[0].kind is arguments[0].VAR_POSITIONAL or len(wanted) > 1:
        names = ", ".join(a.name for a in wanted) or "none"
        raise UnsupportedLayer(f"forward must take one batch of pictures, not ({names})")
    rest = [a for a in arguments[1:] if a.default is not a.empty]
    return {a.name: a.default for a in rest} or None


def _complaint(place: str, error: Exception) -> str:
    line = str(error).partition("\n")[0]
    if isinstance(error, TraceError):
        return f"layer {place!r}: control flow must not depend on what pictures show: {line}"
    return f"layer {place!r} cannot be traced: {type(error).__name__}: {line}"


class _Proxy(fx.Proxy):
    """Stands for a tensor whose shape is known."""

    def __getattr__(self, name: str) -> Any:
        if name in _KNOWN:
            return getattr(self.node.meta["value"], name)
        return super().__getattr__(name)

    def __len__(self) -> int:
        return len(self.node.meta["value"])

    def __iter__(self) -> Iterator[Any]:
        items = range(len(self))
        make = self.tracer.create_proxy
        return iter([make("call_function", operator.getitem, (self, i), {}) for i in items])


def _overwriting(function: Callable) -> Callable:
    def method(self: _Proxy, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return method


for _function in _IN_PLACE:
    setattr(_Proxy, f"__{_function.__name__}__", _overwriting(_function))


class _Tracer(fx.Tracer):
    """Runs every node when it is made."""

    def __init__(self, example: torch.Tensor) -> None:
        super().__init__()
        self.example = example
        self.running = False

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(kind, target, *args, **kwargs)
        node.meta["path"] = self.scope.module_path
        if kind == "output":
            return node
        if kind == "call_module":
            node.meta["path"] = str(target)
            node.meta["module"] = self.root.get_submodule(str(target))
        self.running = True
        try:
            node.meta["value"] = self._run(node)
        except Exception as error:
            place = place_of(node)
            values = [n.meta["value"] for n in node.all_input_nodes]
            shapes = [tuple(v.shape[1:]) for v in values if isinstance(v, torch.Tensor)]
            line = str(error).partition("\n")[0]
            taken = shapes[0] if shapes else "its input"
            raise UnsupportedLayer(f"layer {place!r} must fit {taken}: {line}") from error
        finally:
            self.running = False
        return node

    def _run(self, node: fx.Node) -> Any:
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda n: n.meta["value"])
        match node.op:
            case "placeholder":
                return args[0] if args else self.example
            case "get_attr":
                return reduce(getattr, str(node.target).split("."), self.root)
            case "call_module":
                return node.meta["module"](*args, **kwargs)
            case "call_method" if node.target in _CONVERSIONS:
                return args[0]
            case "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        assert callable(node.target)
        return node.target(*args, **kwargs)

    def call_module(self, m: nn.Module, forward: Callable, args: Any, kwargs: Any) -> Any:
        if self.running:  # inside a layer: nothing is recorded
            return forward(*args, **kwargs)
        if not any(m is known for known in self.root.modules()):
            if any(True for _ in m.parameters()):
                raise UnsupportedLayer(f"{type(m).__name__} must be made in __init__, not forward")
            return forward(*args, **kwargs)
        try:
            return super().call_module(m, forward, args, kwargs)
        except UnsupportedLayer:
            raise
        except Exception as error:
            raise UnsupportedLayer(_complaint(self.path_of_module(m), error)) from error

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if self.running:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)
