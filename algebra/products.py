"""dot, matmul, outer, einsum and their relatives: contractions by labels."""

from __future__ import annotations

import numbers
from collections.abc import Hashable
from typing import Any

from . import build
from .axes import atleast, axis_of, moveaxis
from .dims import product, show_shape
from .errors import ExpressionError, ShapeError
from .origin import here
from .tensor import Tensor, as_tensor
from .words import call, named


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
    """Sum of products by labels, as `numpy.einsum`; an ellipsis stands for axes that broadcast.

    An extent of 1 broadcasts against others with its label. A letter may stand twice in a term: its
    diagonal is taken.

    Raises ExpressionError for subscripts that do not fit the operands.
    """
    if not isinstance(subscripts, str):
        raise ExpressionError(
            f"einsum subscripts {subscripts!r} of type {type(subscripts).__name__}",
            where=here(),
            fix="give a string such as 'ij,jk->ik' first",
        )
    tensors = [as_tensor(t) for t in operands]
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors) or not all(map(_fits, terms, tensors)):
        shapes = ", ".join(show_shape(t.shape) for t in tensors)
        raise ExpressionError(
            f"einsum subscripts {subscripts!r} for operands of shapes {shapes}",
            where=here(),
            fix="give one term per operand, with one letter per axis",
        )
    labels = [_labels(term, t.ndim) for term, t in zip(terms, tensors, strict=True)]
    dots = max((len(t) for t in labels for t in [_dots(t)]), default=0)
    if arrow:
        out = _labels(right, len(right.replace("...", "")) + (dots if "..." in right else 0))
    else:
        once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        out = [*_labels("...", dots), *once]
    every = {t for term in labels for t in term}
    lost = arrow and dots and "..." not in right
    if len(set(out)) != len(out) or not set(out) <= every or lost:
        raise ExpressionError(
            f"the result {right!r} of einsum {subscripts!r}",
            where=here(),
            fix="use each letter of the operands at most once, and an ellipsis if they have one",
        )
    wide = {t for term, x in zip(labels, tensors, strict=True)
            for t, d in zip(term, x.shape, strict=True) if d != 1}  # fmt: skip
    indices = [
        tuple((t, k) if d == 1 and t in wide else t for t, d in zip(term, x.shape, strict=True))
        for k, (term, x) in enumerate(zip(labels, tensors, strict=True))
    ]
    return Tensor(build.contract([t.node for t in tensors], indices, tuple(out)))


def _fits(term: str, x: Tensor) -> bool:
    """Whether a term of einsum has one letter per axis, or fewer and one ellipsis."""
    letters = term.replace("...", "", 1)
    lettered = letters.isascii() and (letters.isalpha() or not letters)
    return lettered and (len(letters) <= x.ndim if letters != term else len(letters) == x.ndim)


def _labels(term: str, rank: int) -> list[Hashable]:
    """One label per axis; those of an ellipsis are counted from the right."""
    before, dots, after = term.partition("...")
    count = rank - len(before) - len(after) if dots else 0
    return [*before, *(("dot", k - count) for k in range(count)), *after]


def _dots(term: list[Hashable]) -> list[Hashable]:
    return [t for t in term if isinstance(t, tuple)]


def inner(a: Any, b: Any) -> Tensor:
    """Sum of products along the last axis of both; a scalar multiplies."""
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    left, right = list(range(a.ndim)), [a.ndim + k for k in range(b.ndim)]
    right[-1] = left[-1]
    out = (*left[:-1], *right[:-1])
    return Tensor(build.contract([a.node, b.node], [tuple(left), tuple(right)], out))


def vdot(a: Any, b: Any) -> Tensor:
    """Sum of products of the flattened arrays."""
    a, b = as_tensor(a).flatten(), as_tensor(b).flatten()
    a, b = (t.dimshuffle("x") if t.ndim == 0 else t for t in (a, b))
    return Tensor(build.contract([a.node, b.node], [(0,), (0,)], ()))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sum of products over pairs of axes.

    Parameters
    ----------
    axes : so many last axes of a meet as many first ones of b; or (axes of a, axes of b).

    Raises ShapeError for axes that do not pair up.
    """
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(axes, numbers.Integral):
        pairs = (range(a.ndim - int(axes), a.ndim), range(int(axes)))
    else:
        pairs = tuple(k if isinstance(k, list | tuple) else (k,) for k in axes)  # type: ignore
    of_a, of_b = ([axis_of(t, k) for k in ks] for t, ks in zip((a, b), pairs, strict=True))
    if len(of_a) != len(of_b) or len(set(of_a)) < len(of_a) or len(set(of_b)) < len(of_b):
        raise ShapeError(
            f"tensordot of shapes {show_shape(a.shape)} and {show_shape(b.shape)} over {axes}",
            where=here(),
            fix="pair each axis of one array with one axis of the other",
        )
    left, right = list(range(a.ndim)), [a.ndim + k for k in range(b.ndim)]
    for i, j in zip(of_a, of_b, strict=True):
        right[j] = left[i]
    out = tuple(k for k in (*left, *right) if left.count(k) + right.count(k) == 1)
    return Tensor(build.contract([a.node, b.node], [tuple(left), tuple(right)], out))


def vecdot(a: Any, b: Any, axis: int = -1) -> Tensor:
    """Sum of products along an axis of both; other axes broadcast."""
    a, b = as_tensor(a), as_tensor(b)
    if not a.ndim or not b.ndim:
        raise ShapeError("vecdot of a scalar", where=here(), fix="use * with scalars")
    return einsum("...i,...i->...", moveaxis(a, axis, -1), moveaxis(b, axis, -1))


def cross(a: Any, b: Any, axis: int = -1) -> Tensor:
    """Cross products of vectors with three components along an axis; other axes broadcast.

    Raises ShapeError for vectors that are not known to have three components.
    """
    a, b = as_tensor(a), as_tensor(b)
    a, b = (moveaxis(t, axis, -1) if t.ndim > 1 else t for t in (a, b))
    for t in (a, b):
        if not t.ndim or t.shape[-1] != 3:
            raise ShapeError(
                f"cross of {build.describe(t.node)} with shape {show_shape(t.shape)}",
                where=here(),
                fix="give vectors of 3 components, as in shape=(n, 3)",
            )
    after, before = [1, 2, 0], [2, 0, 1]
    result = a[..., after] * b[..., before] - a[..., before] * b[..., after]
    return named(
        moveaxis(result, -1, axis) if result.ndim > 1 else result, call("cross", a, b), a, b
    )


def kron(a: Any, b: Any) -> Tensor:
    """Kronecker product: blocks of b, scaled by the elements of a."""
    a, b = as_tensor(a), as_tensor(b)
    rank = max(a.ndim, b.ndim)
    a, b = atleast(a, rank), atleast(b, rank)
    left = tuple(2 * k for k in range(rank))
    right = tuple(2 * k + 1 for k in range(rank))
    wide = build.contract([a.node, b.node], [left, right], tuple(range(2 * rank)))
    shape = tuple(product(pair) for pair in zip(a.shape, b.shape, strict=True))
    return named(Tensor(build.reshape(wide, shape)), call("kron", a, b), a, b)
