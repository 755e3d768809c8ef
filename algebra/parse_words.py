"""The names that a text may use: functions, constants, attributes. Nothing else is reachable."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

from . import bits, choices, elementwise, special, vocabulary

# module -> functions besides those of the vocabulary's own table
CORE = {
    "functions": "abs absolute argmax argmin cast cos cosh eq exp expm1 ge gt le log log1p "
    "log_softmax logical_and logical_not logical_or logsumexp lt max maximum mean min minimum neq "
    "ones_like relu reshape sigmoid sign sin sinh softmax softplus sqrt square sum tanh transpose "
    "where zeros_like",
    "products": "dot matmul outer einsum",
}
DOORS = (elementwise, choices, bits, special)  # all of whose words may be called
HIDDEN = frozenset(("set_subtensor", "inc_subtensor"))  # they write; a text only describes
# other names of textbooks and libraries -> ours
ALIASES = {
    "tr": "trace",
    "mpow": "matrix_power",
    "Phi": "ndtr",
    "ln": "log",
    "expit": "sigmoid",
    "sigma": "sigmoid",
    "lgamma": "gammaln",
    "loggamma": "gammaln",
    "psi": "digamma",
    "concat": "concatenate",
    "pow": "power",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "less": "lt",
    "greater": "gt",
    "less_equal": "le",
    "greater_equal": "ge",
    "equal": "eq",
    "not_equal": "neq",
}
MODULES = ("np", "numpy", "cf", "closedform")  # prefixes that say where a function is from
NAMESPACES = ("linalg", "special", "scipy")  # what may stand between: np.linalg.inv
CONSTANTS = {"pi": math.pi, "e": math.e}  # only behind a prefix: np.pi
ATTRIBUTES = ("T", "shape", "ndim", "size")
METHODS = frozenset(
    "sum mean max min argmax argmin prod var std ptp any all dot transpose reshape ravel flatten "
    "trace diagonal clip round cumsum cumprod repeat take argsort sort squeeze swapaxes norm "
    "astype dimshuffle".split()
)
_OWNERS = {name: module for module, names in CORE.items() for name in names.split()}


def function(name: str) -> Callable[..., Any] | None:
    """The function that a text calls by this name, or None."""
    for candidate in (name, ALIASES.get(name, name)):
        if candidate in HIDDEN:
            return None
        if candidate in _OWNERS:
            module = importlib.import_module(f".{_OWNERS[candidate]}", __package__)
            return getattr(module, "absolute" if candidate == "abs" else candidate)
        if candidate in vocabulary.WORDS or candidate in vocabulary.MATRIX_WORDS:
            return vocabulary.word(candidate)
        for module in DOORS:
            if candidate in module.__all__:
                return getattr(module, candidate)
    return None


def names() -> list[str]:
    """Every name that may be called."""
    every = {
        *_OWNERS,
        *vocabulary.WORDS,
        *vocabulary.MATRIX_WORDS,
        *(name for module in DOORS for name in module.__all__),
        *(a for a, b in ALIASES.items() if function(b)),
    }
    return sorted(every - HIDDEN)


def misfit(func: Callable[..., Any], args: Iterable[Any], kwargs: dict[str, Any]) -> str:
    """Why a function does not take these arguments, or ""."""
    try:
        inspect.signature(func).bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    except ValueError:
        return ""
    return ""


def signature(name: str, func: Callable[..., Any]) -> str:
    """How a function is called, for messages."""
    try:
        found = inspect.signature(func)
    except (TypeError, ValueError):
        return f"{name}(...)"
    parameters = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return f"{name}{found.replace(parameters=parameters, return_annotation=found.empty)}"
