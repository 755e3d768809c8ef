"""`Tensor.eval`: compiled at the first call, kept as long as the handle lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..algebra.build import describe, here
from ..algebra.errors import CallError, FunctionError
from ..algebra.graph import topological
from ..algebra.node import Leaf, Node
from ..algebra.tensor import Tensor
from .function import Function, function

# handle -> leaves that are given -> function; a function holds nodes, never handles
_kept: WeakKeyDictionary[Tensor, dict[tuple[Node, ...], Function]] = WeakKeyDictionary()


def evaluate(tensor: Tensor, values: Mapping[Any, Any] | None = None) -> np.ndarray:
    """Return the value of a tensor.

    Parameters
    ----------
    tensor : Tensor
    values : mapping, optional
        From inputs to values.

    Raises
    ------
    CallError
        If `values` is no mapping from variables; FunctionError if an input is missing.
    """
    if values is None:
        values = {}
    if not isinstance(values, Mapping) or not all(isinstance(x, Tensor) for x in values):
        raise CallError(
            f"eval({values!r})", where=here(), fix="pass a dict from variables to values"
        )
    functions = _kept.setdefault(tensor, {})
    key = tuple(x.node for x in values)
    if key not in functions:
        functions[key] = _function(tensor, values)
    return functions[key](*values.values())


def _function(tensor: Tensor, values: Mapping[Tensor, Any]) -> Function:
    try:
        return function(list(values), tensor, on_unused_input="ignore")
    except FunctionError:
        given = [x.node for x in values]
        missing = [x for x in topological([tensor.node]) if _is_input(x) and x not in given]
        if not missing or not all(map(_is_input, given)):
            raise
        names = ", ".join(map(describe, missing))
        raise FunctionError(
            f"eval needs a value of {names}",
            where=here(),
            fix="pass it in the dict from variables to values: eval({x: value})",
        ) from None


def _is_input(x: Node) -> bool:
    return isinstance(x, Leaf) and x.spec.kind == "input"
