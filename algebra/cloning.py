"""Copies of expressions with parts replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import build
from .build import describe
from .dims import show_shape, unify
from .errors import DTypeError, ExpressionError, ShapeError
from .graph import rewire
from .node import Map, Node
from .origin import here
from .tensor import Tensor, as_tensor


def clone(output: Any, replace: Any = None) -> Any:
    """The same expression over other variables.

    Parameters
    ----------
    output : a tensor, or a list or tuple of them.
    replace : dict, or pairs, from variables or expressions to what stands for them.

    Raises
    ------
    ExpressionError for what are no tensors; ShapeError or DTypeError for a replacement of another
    rank, extent or dtype.

    >>> import closedform as cf
    >>> x, y = cf.vectors("x", "y", shape="n")
    >>> print(cf.clone(cf.exp(x).sum(), {x: 2 * y}))
    sum(exp((2 * y)))
    """
    many = isinstance(output, list | tuple)
    outputs = list(output) if many else [output]
    pairs = replace.items() if isinstance(replace, Mapping) else replace or ()
    memo = {_node(old, "replaces"): _standing(old, new) for old, new in _listed(pairs)}
    nodes = rewire([_node(t, "is given") for t in outputs], memo)
    results = [Tensor(n) for n in nodes]
    return type(output)(results) if many else results[0]


def _listed(pairs: Iterable[Any]) -> list[tuple[Any, Any]]:
    found = list(pairs)
    for pair in found:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ExpressionError(
                f"clone with the replacement {pair!r}",
                where=here(),
                fix="write a dict, or pairs (old, new)",
            )
    return [(a, b) for a, b in found]


def _node(value: Any, what: str) -> Node:
    if not isinstance(value, Tensor):
        raise ExpressionError(
            f"clone {what} {value!r} of type {type(value).__name__}",
            where=here(),
            fix="use symbolic tensors",
        )
    return value.node


def _standing(old: Tensor, given: Any) -> Node:
    """What stands for a node: of its extents, which may imply equalities."""
    new = as_tensor(given)
    joined = [unify([a, b]) for a, b in zip(old.shape, new.shape, strict=False)]
    if new.ndim != old.ndim or None in joined:
        raise ShapeError(
            f"clone replaces {describe(old.node)} with shape {show_shape(old.shape)} by "
            f"{describe(new.node)} with shape {show_shape(new.shape)}",
            where=here(),
            fix="give it the shape of what it replaces",
        )
    if new.dtype != old.dtype:
        raise DTypeError(
            f"clone replaces {describe(old.node)} of dtype {old.dtype} by {describe(new.node)} of "
            f"dtype {new.dtype}",
            where=here(),
            fix=f"convert it with .astype('{old.dtype}')",
        )
    equal = tuple(e for found in joined if found for e in found[1])
    if not equal and new.shape == old.shape:
        return new.node
    view = build.view(new.node, tuple(range(new.ndim)), old.shape)
    return Map.occur(view.spec, new.node, origin=view.origin, equalities=equal)
