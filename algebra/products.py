"""dot, matmul, outer and einsum: contractions by labels."""

from __future__ import annotations

from typing import Any

from . import build
from .dims import show_shape
from .errors import ExpressionError, ShapeError
from .tensor import Tensor, as_tensor


def dot(a: Any, b: Any) -> Tensor:
    """Product as `numpy.dot`: a scalar multiplies; otherwise the last axis of a meets the last but one of b."""
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
            where=build.here(),
            fix="use * with scalars",
        )
    left = [("batch", k - a.ndim) for k in range(a.ndim)]
    right = [("batch", k - b.ndim) for k in range(b.ndim)]
    left[-1] = right[-2 if b.ndim > 1 else -1] = "inner"
    if a.ndim > 1:
        left[-2] = "row"
    if b.ndim > 1:
        right[-1] = "column"
    batch: list = []
    for k in range(-max(a.ndim, b.ndim), -2):
        pair = [(t, labels) for t, labels in ((a, left), (b, right)) if ("batch", k) in labels]
        wide = [(t, labels) for t, labels in pair if t.shape[k] != 1] or pair[:1]
        for t, labels in pair:
            if not any(labels is w for _, w in wide):
                labels[labels.index(("batch", k))] = ("one", id(labels), k)
        batch.append(("batch", k))
    out = (*batch, *(["row"] if a.ndim > 1 else []), *(["column"] if b.ndim > 1 else []))
    return Tensor(build.contract([a.node, b.node], [tuple(left), tuple(right)], out))


def outer(a: Any, b: Any) -> Tensor:
    """a_i b_j of two flattened arrays."""
    a, b = as_tensor(a).flatten(), as_tensor(b).flatten()
    return Tensor(build.contract([a.node, b.node], [(0,), (1,)], (0, 1)))


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Sum of products by labels, as `numpy.einsum` without ellipsis.

    Raises ExpressionError for subscripts that do not fit the operands.
    """
    tensors = [as_tensor(t) for t in operands]
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in subscripts:
        raise ExpressionError(
            f"einsum subscripts {subscripts!r} with an ellipsis are not built yet",
            where=build.here(),
            fix="name every axis",
        )
    if len(terms) != len(tensors) or any(
        len(t) != x.ndim or not (t.isalpha() or t == "")
        for t, x in zip(terms, tensors, strict=False)
    ):
        shapes = ", ".join(show_shape(t.shape) for t in tensors)
        raise ExpressionError(f"einsum subscripts {subscripts!r} for operands of shapes {shapes}", where=build.here(),
                              fix="give one term per operand, with one letter per axis")  # fmt: skip
    if not arrow:
        letters = "".join(terms)
        out = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(set(out)) != len(out) or not set(out) <= set("".join(terms)):
        raise ExpressionError(
            f"the result {out!r} of einsum {subscripts!r}",
            where=build.here(),
            fix="use each letter of the operands at most once",
        )
    return Tensor(build.contract([t.node for t in tensors], [tuple(t) for t in terms], tuple(out)))


def trace(a: Any) -> Tensor:
    """Sum of the diagonal of a matrix."""
    return einsum("ii->", as_tensor(a))
