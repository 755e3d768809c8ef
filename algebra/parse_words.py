"""The names that a text may use: functions, constants, attributes. Nothing else is reachable."""

from __future__ import annotations

import functools
import importlib
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

from . import vocabulary
from .errors import ParseError

# module -> its functions; None: all that it offers. Linear algebra is found by the vocabulary.
CORE: dict[str, str | None] = {
    "elementwise": None,
    "choices": None,
    "bits": None,
    "special": None,
    "functions": "argmax argmin cast log_softmax logsumexp max mean min ones_like reshape softmax "
    "sum transpose zeros_like",
    "products": "dot matmul outer einsum",
    "tensor": "as_tensor",
}
# what writes, prints, differentiates or copies: a text only describes a value
HIDDEN = frozenset(
    "set_subtensor inc_subtensor clone jvp vjp hvp Rop Lop print_value grad_clip allclose".split()
)
# other names of textbooks and libraries -> ours
ALIASES = {
    "abs": "absolute",
    "tr": "trace",
    "mpow": "matrix_power",
    "Phi": "ndtr",
    "ln": "log",
    "lgamma": "gammaln",
    "loggamma": "gammaln",
    "equal": "eq",
    "array": "as_tensor",
}
# prefixes that say where a function is from; the others name or mean theirs in another way
MODULES = ("np", "numpy", "cf", "closedform", "jnp", "math", "scipy")
FOREIGN = ("torch", "tf", "tensorflow", "jax", "sympy", "sp", "theano", "autograd")
NAMESPACES = ("linalg", "special", "scipy")  # what may stand between: np.linalg.inv
CONSTANTS = {"pi": math.pi, "e": math.e}  # only behind a prefix: np.pi
ATTRIBUTES = ("T", "shape", "ndim", "size")
METHODS = frozenset(
    "sum mean max min argmax argmin prod var std ptp any all dot transpose reshape ravel flatten "
    "trace diagonal clip round cumsum cumprod repeat take argsort sort squeeze swapaxes norm "
    "astype dimshuffle".split()
)


@functools.cache
def _owners() -> dict[str, str]:
    """Name of a function -> the module that has it."""
    found: dict[str, str] = {}
    for module, words in CORE.items():
        every = words.split() if words else _module(module).__all__
        found |= dict.fromkeys(every, module)
    found |= dict.fromkeys(vocabulary.MATRIX_WORDS, "linalg")
    return {n: m for n, m in (found | vocabulary.WORDS).items() if n not in HIDDEN}


def _module(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)


def function(name: str) -> Callable[..., Any] | None:
    """The function that a text calls by this name, or None."""
    owners = _owners()
    for candidate in (name, ALIASES.get(name, name)):
        if candidate in owners:
            return getattr(_module(owners[candidate]), candidate)
    return None


def names() -> list[str]:
    """Every name that may be called."""
    return sorted({*_owners(), *(a for a in ALIASES if function(a))})


def check_name(name: str) -> None:
    """Raise ParseError for names that no variable of a text may have."""
    if name.startswith("__") or name in MODULES:
        raise ParseError(f"the name {name!r}", fix="use names of variables and functions")


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
