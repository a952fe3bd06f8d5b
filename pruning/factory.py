"""Models by name: one of the zoo, or what a function of the user's own package makes."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from torch import nn

from pruning import zoo


def make_model(name: str, **options: Any) -> nn.Module:
    """Make a model.

    Parameters
    ----------
    name : str
        A name of the zoo, or ``package.module:factory``: a function or class that returns a
        module, or the module itself. The working folder is searched as well.
    **options :
        Arguments of the factory.

    Raises
    ------
    ValueError
        If there is no such model, or the factory makes something else or fails; it is named.
    """
    package, colon, attribute = name.partition(":")
    if not colon:
        if name not in zoo.MODELS:
            known = ", ".join(zoo.MODELS)
            raise ValueError(f"model must be 'package.module:factory' or {known}, not {name!r}")
        return zoo.build(name, **options)
    factory = _attribute(name, package, attribute)
    if isinstance(factory, nn.Module):
        if options:
            raise ValueError(f"model {name!r} must be a function to have options, not a module")
        return factory
    if callable(factory):
        return _made(name, factory, options)
    raise ValueError(f"model {name!r} must be a function or a module, not {factory!r}")


def _attribute(name: str, package: str, attribute: str) -> Any:
    """Import a package and get what it calls by a name."""
    sys.path.insert(0, "")  # the working folder, which a console script does not search
    try:
        found = importlib.import_module(package)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # whatever the user's package raises
        raise ValueError(f"model {name!r}: {_sentence(error)}") from error
    finally:
        sys.path.remove("")
    return found


def _made(name: str, factory: Callable, options: dict[str, Any]) -> nn.Module:
    try:
        module = factory(**options)
    except (Exception, SystemExit) as error:  # whatever the user's function raises
        raise ValueError(f"model {name!r}: {_sentence(error)}") from error
    if isinstance(module, nn.Module):
        return module
    raise ValueError(f"model {name!r} must make a torch.nn.Module, not {module!r}")


def _sentence(error: BaseException) -> str:
    line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
