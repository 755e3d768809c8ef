"""dot, matmul, outer and einsum: contractions by labels."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from . import build
from .dims import show_shape
from .errors import ExpressionError, ShapeError
from .origin import here
from .tensor import Tensor, as_tensor


def dot(a: Any, b: Any) -> Tensor:
    """Product as `numpy.dot`.

    A scalar multiplies; otherwise the last axis of a meets the last but one of b.
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    left = tuple(range(a.ndim))
    right = [a.ndim + k for k in range(b.ndim)]
    right[-2 if b.ndim > 1 else -1] = a.ndim - 1
    out = tuple(k for k in (*left, *right) if k != a.ndim - 1)
    return Tensor(build.contract([a.node, b.node], [left, tuple(right)], out))


def matmul(a: Any, b: Any) -> Tensor:
    """Product as `numpy.matmul` (`@`): leading axes are a batch and broadcast.

    Raises ShapeError for scalars or extents that do not match.
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(
            f"matmul of shapes {show_shape(a.shape)} and {show_shape(b.shape)}",
            where=here(),
            fix="use * with scalars",
        )
    left: list[Hashable] = [("batch", k - a.ndim) for k in range(a.ndim)]
    right: list[Hashable] = [("batch", k - b.ndim) for k in range(b.ndim)]
    left[-1] = right[-2 if b.ndim > 1 else -1] = "inner"
    if a.ndim > 1:
        left[-2] = "row"
    if b.ndim > 1:
        right[-1] = "column"
    out: list[Hashable] = [("batch", k) for k in range(-max(a.ndim, b.ndim), -2)]
    for k in range(-min(a.ndim, b.ndim), -2):  # an extent of 1 meets another one: it broadcasts
        if a.shape[k] != b.shape[k] and 1 in (a.shape[k], b.shape[k]):
            (left if a.shape[k] == 1 else right)[k] = ("one", k)
    out += ["row"] * (a.ndim > 1) + ["column"] * (b.ndim > 1)
    return Tensor(build.contract([a.node, b.node], [tuple(left), tuple(right)], tuple(out)))


def outer(a: Any, b: Any) -> Tensor:
    """a_i b_j of two flattened arrays."""
    a, b = as_tensor(a).flatten(), as_tensor(b).flatten()
    return Tensor(build.contract([a.node, b.node], [(0,), (1,)], (0, 1)))


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Sum of products by labels, as `numpy.einsum` without ellipsis.

    Raises ExpressionError for subscripts that do not fit the operands.
    """
    if not isinstance(subscripts, str):
        raise ExpressionError(
            f"einsum subscripts {subscripts!r} of type {type(subscripts).__name__}",
            where=here(),
            fix="give a string such as 'ij,jk->ik' first",
        )
    tensors = [as_tensor(t) for t in operands]
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in subscripts:
        raise ExpressionError(
            f"einsum subscripts {subscripts!r} with an ellipsis are not built yet",
            where=here(),
            fix="name every axis",
        )
    lettered = all(t.isascii() and (t.isalpha() or not t) for t in terms)
    if not lettered or [len(t) for t in terms] != [x.ndim for x in tensors]:
        shapes = ", ".join(show_shape(t.shape) for t in tensors)
        raise ExpressionError(
            f"einsum subscripts {subscripts!r} for operands of shapes {shapes}",
            where=here(),
            fix="give one term per operand, with one letter per axis",
        )
    if not arrow:
        out = "".join(sorted(c for c in set(left) - {","} if left.count(c) == 1))
    if len(set(out)) != len(out) or not set(out) <= set(left) - {","}:
        raise ExpressionError(
            f"the result {out!r} of einsum {subscripts!r}",
            where=here(),
            fix="use each letter of the operands at most once",
        )
    return Tensor(build.contract([t.node for t in tensors], [tuple(t) for t in terms], tuple(out)))


def trace(a: Any) -> Tensor:
    """Sum of the diagonal of a square matrix."""
    return einsum("ii->", a)
