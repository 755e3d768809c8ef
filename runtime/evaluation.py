"""`Tensor.eval`: compiled at the first call, kept as long as the handle lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..algebra.build import here
from ..algebra.errors import CallError
from ..algebra.node import Node
from ..algebra.tensor import Tensor
from .function import Function, function

# handle -> leaves that are given -> function; a function holds nodes, never handles
_kept: WeakKeyDictionary[Tensor, dict[tuple[Node, ...], Function]] = WeakKeyDictionary()


def evaluate(tensor: Tensor, values: Mapping[Any, Any]) -> np.ndarray:
    """Return the value of a tensor.

    Parameters
    ----------
    tensor : Tensor
    values : mapping
        From inputs to values.

    Raises
    ------
    CallError
        If `values` is no mapping from variables; FunctionError if an input is missing.
    """
    if not isinstance(values, Mapping) or not all(isinstance(x, Tensor) for x in values):
        raise CallError(
            f"eval({values!r})", where=here(), fix="pass a dict from variables to values"
        )
    functions = _kept.setdefault(tensor, {})
    key = tuple(x.node for x in values)
    if key not in functions:
        functions[key] = function(list(values), tensor, on_unused_input="ignore")
    return functions[key](*values.values())
