"""Words that only Theano has, in terms of NumPy's."""

from __future__ import annotations

from typing import Any

from .axes import broadcast_to, expand_dims
from .creation import diagonal, eye, full, one_hot
from .errors import ExpressionError
from .origin import here
from .products import matmul
from .tensor import Tensor, as_tensor

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


def identity_like(x: Any) -> Tensor:
    """The identity matrix of the shape and dtype of x."""
    x = as_tensor(x)
    return eye(x.shape[0], x.shape[1], dtype=x.dtype)


def nonzero(x: Any) -> Tensor:
    """Refused: how many elements differ from 0 depends on their values."""
    raise ExpressionError(
        "nonzero of a tensor: the shape of the result would depend on values",
        where=here(),
        fix="use cf.where(condition, a, b), or cf.count_nonzero(x) for how many there are",
    )


def shape_padleft(x: Any, n_ones: int = 1) -> Tensor:
    """Axes of extent 1 in front."""
    x = as_tensor(x)
    return x.dimshuffle(*("x",) * n_ones, *range(x.ndim))


def shape_padright(x: Any, n_ones: int = 1) -> Tensor:
    """Axes of extent 1 at the end."""
    x = as_tensor(x)
    return x.dimshuffle(*range(x.ndim), *("x",) * n_ones)
