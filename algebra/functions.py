"""Functions of tensors, with NumPy's names and meanings."""

from __future__ import annotations

from typing import Any

from . import build
from .bits import *  # noqa: F403
from .choices import *  # noqa: F403
from .dtypes import dtype_of
from .elementwise import *  # noqa: F403
from .elementwise import exp
from .node import number_node
from .tensor import Tensor, as_tensor, reduced
from .words import along, call, named

# ---------------------------------------------------------------- reductions


def sum(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Sum along axes; booleans and small integers are widened, as in NumPy."""
    return as_tensor(x).sum(axis, dtype, keepdims)


def mean(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Mean along axes."""
    return as_tensor(x).mean(axis, dtype, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Largest element along axes; ties share the derivative equally."""
    return as_tensor(x).max(axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: A001
    """Smallest element along axes; ties share the derivative equally."""
    return as_tensor(x).min(axis, keepdims)


def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first largest element."""
    return as_tensor(x).argmax(axis, keepdims)


def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first smallest element."""
    return as_tensor(x).argmin(axis, keepdims)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) along axes, without overflow; a slice of -inf gives -inf."""
    make = lambda a, axes: build.reduce("logsumexp", a, axes)  # noqa: E731
    return reduced(as_tensor(x), axis, keepdims, make)


def softmax(x: Any, axis: Any = -1) -> Tensor:
    """exp(x)/sum(exp(x)) along an axis, or axes (None: all), without overflow."""
    x = as_tensor(x)
    result = exp(x - logsumexp(x, axis, keepdims=True))
    return named(result, _of_softmax("softmax", x, axis), x)


def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """log(softmax(x)) along an axis, accurate where softmax underflows."""
    x = as_tensor(x)
    result = x - logsumexp(x, axis, keepdims=True)
    return named(result, _of_softmax("log_softmax", x, axis), x)


def _of_softmax(word: str, x: Tensor, axis: Any) -> str:
    """Its text; without an axis it would be along the last one."""
    axes = build.axes_of(x.node, axis)
    return call(word, None, axis=tuple(axes)) if len(axes) > 1 else along(word, x, axes)


# ---------------------------------------------------------------- shape and dtype


def transpose(x: Any, axes: Any = None) -> Tensor:
    """Axes permuted (default: reversed)."""
    return as_tensor(x).transpose(axes)


def dimshuffle(x: Any, *pattern: Any) -> Tensor:
    """Permute, insert ("x") and drop axes, as in Theano."""
    return as_tensor(x).dimshuffle(*pattern)


def reshape(x: Any, shape: Any) -> Tensor:
    """The same elements under another shape."""
    return as_tensor(x).reshape(shape)


def cast(x: Any, dtype: Any) -> Tensor:
    """Converted to a dtype."""
    return as_tensor(x).astype(dtype)


def _filled(x: Any, value: int, dtype: Any) -> Tensor:
    x = as_tensor(x)
    return Tensor(number_node(value, x.shape, x.dtype if dtype is None else dtype_of(dtype)))


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape (and dtype) of x."""
    return _filled(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape (and dtype) of x."""
    return _filled(x, 1, dtype)


# the same functions under NumPy's other names
amax, amin, permute_dims = max, min, transpose
