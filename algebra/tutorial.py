"""Words that only Theano has, in terms of NumPy's."""

from __future__ import annotations

import builtins
from typing import Any

from . import build
from .axes import broadcast_to, expand_dims
from .choices import where
from .creation import diagonal, eye, full, one_hot
from .dims import show_shape
from .elementwise import rint
from .errors import ExpressionError, ShapeError
from .origin import here
from .products import matmul
from .stacking import hstack, stacklists, vstack  # noqa: F401
from .tensor import Tensor, as_tensor

horizontal_stack, vertical_stack = hstack, vstack
extract_diag, to_one_hot, shape_padaxis = diagonal, one_hot, expand_dims


def alloc(value: Any, *shape: Any) -> Tensor:
    """An array of this shape that is `value` everywhere, which broadcasts."""
    return full(shape, value)


def batched_dot(a: Any, b: Any) -> Tensor:
    """Products of matrices, one per element of the first axis of both."""
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == b.ndim == 3:
        return matmul(a, b)
    if a.ndim == 3 and b.ndim == 2:
        return matmul(a, b.dimshuffle(0, 1, "x")).dimshuffle(0, 1)
    if a.ndim == 2 and b.ndim == 3:
        return matmul(a.dimshuffle(0, "x", 1), b).dimshuffle(0, 2)
    return (a * b).sum(tuple(range(1, max(a.ndim, b.ndim))))


def fill(a: Any, b: Any) -> Tensor:
    """b broadcast to the shape of a."""
    return broadcast_to(b, as_tensor(a).shape)


def fill_diagonal(a: Any, value: Any) -> Tensor:
    """The matrix a with a number on its diagonal."""
    a = as_tensor(a)
    return where(eye(a.shape[0], a.shape[1], dtype="bool"), value, a)


def flatten(x: Any, ndim: int = 1) -> Tensor:
    """The first ndim - 1 axes as they are, all others as one."""
    x = as_tensor(x)
    if not 1 <= ndim <= builtins.max(x.ndim, 1):
        raise ShapeError(
            f"flatten of {x.ndim} axes to {ndim}", where=here(), fix="give a smaller number"
        )
    return x.flatten() if ndim == 1 else x.reshape((*x.shape[: ndim - 1], -1))


def batched_tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """`tensordot` of the elements of the first axis of both; axes count as in the whole arrays."""
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(axes, int):
        pairs = (range(a.ndim - axes, a.ndim), range(1, axes + 1))
    else:
        pairs = tuple(k if isinstance(k, list | tuple) else (k,) for k in axes)  # type: ignore
    left = [f"a{k}" for k in range(a.ndim)]
    right = [f"b{k}" for k in range(b.ndim)]
    left[0] = right[0] = "batch"
    for i, j in zip(*pairs, strict=True):
        right[j] = left[i]
    out = [k for k in (*left, *right) if left.count(k) + right.count(k) == 1]
    return Tensor(build.contract([a.node, b.node], [tuple(left), tuple(right)], ("batch", *out)))


def max_and_argmax(x: Any, axis: Any = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The largest element along an axis, and its position."""
    x = as_tensor(x)
    return x.max(axis, keepdims), x.argmax(axis, keepdims)


def iround(x: Any) -> Tensor:
    """Rounded to the nearest integer, a tie to the even one, as int64."""
    return rint(x).astype("int64")


def identity_like(x: Any) -> Tensor:
    """The identity matrix of the shape and dtype of x."""
    x = as_tensor(x)
    return eye(x.shape[0], x.shape[1], dtype=x.dtype)


def nonzero(x: Any) -> Tensor:
    """Refused: how many elements differ from 0 depends on their values."""
    raise _depends("nonzero")


def nonzero_values(x: Any) -> Tensor:
    """Refused: how many elements differ from 0 depends on their values."""
    raise _depends("nonzero_values")


def unique(x: Any) -> Tensor:
    """Refused: how many different elements there are depends on their values."""
    raise _depends("unique")


def _depends(word: str) -> ExpressionError:
    return ExpressionError(
        f"{word} of a tensor: the shape of the result would depend on values",
        where=here(),
        fix="use cf.where(condition, a, b), or cf.count_nonzero(x) for how many there are",
    )


def addbroadcast(x: Any, *axes: int) -> Tensor:
    """x, whose axes must have been declared to have extent 1: those broadcast.

    Raises ShapeError for an axis that may have another extent.
    """
    x = as_tensor(x)
    for k in axes:
        if x.shape[k] != 1:
            raise ShapeError(
                f"addbroadcast along axis {k} of shape {show_shape(x.shape)}",
                where=here(),
                fix="declare the extent: shape=(n, 1), cf.row, cf.col or broadcastable=",
            )
    return x


def unbroadcast(x: Any, *axes: int) -> Tensor:
    """x: an axis of extent 1 still broadcasts here, as in NumPy."""
    return as_tensor(x)


def shape_padleft(x: Any, n_ones: int = 1) -> Tensor:
    """Axes of extent 1 in front."""
    x = as_tensor(x)
    return x.dimshuffle(*("x",) * n_ones, *range(x.ndim))


def shape_padright(x: Any, n_ones: int = 1) -> Tensor:
    """Axes of extent 1 at the end."""
    x = as_tensor(x)
    return x.dimshuffle(*range(x.ndim), *("x",) * n_ones)
