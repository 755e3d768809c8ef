"""NumPy functions applied to tensors give tensors (semantics 7.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import build, functions, products
from .errors import ExpressionError
from .tensor import Tensor, as_tensor

_UFUNCS = {
    np.add: lambda a, b: as_tensor(a) + b,
    np.subtract: lambda a, b: as_tensor(a) - b,
    np.multiply: lambda a, b: as_tensor(a) * b,
    np.true_divide: lambda a, b: as_tensor(a) / b,
    np.power: lambda a, b: as_tensor(a) ** b,
    np.negative: lambda a: -a,
    np.positive: lambda a: a,
    np.matmul: products.matmul,
    np.equal: lambda a, b: _compared(a, b, functions.eq), np.not_equal: lambda a, b: _compared(a, b, functions.neq),
    np.less: functions.lt, np.less_equal: functions.le,
    np.greater: functions.gt, np.greater_equal: functions.ge,
    np.logical_and: functions.logical_and, np.logical_or: functions.logical_or, np.logical_not: functions.logical_not,
    np.exp: functions.exp, np.expm1: functions.expm1, np.log: functions.log, np.log1p: functions.log1p,
    np.sin: functions.sin, np.cos: functions.cos, np.tanh: functions.tanh, np.sinh: functions.sinh, np.cosh: functions.cosh,
    np.sqrt: functions.sqrt, np.square: functions.square, np.absolute: functions.absolute, np.fabs: functions.absolute,
    np.sign: functions.sign, np.maximum: functions.maximum, np.minimum: functions.minimum,
}  # fmt: skip

_FUNCTIONS = {
    np.sum: functions.sum, np.mean: functions.mean, np.max: functions.max, np.min: functions.min,
    np.argmax: functions.argmax, np.argmin: functions.argmin, np.where: functions.where,
    np.transpose: functions.transpose, np.reshape: functions.reshape, np.dot: products.dot, np.outer: products.outer,
    np.trace: products.trace, np.einsum: products.einsum, np.zeros_like: functions.zeros_like, np.ones_like: functions.ones_like,
    np.ndim: lambda a: a.ndim, np.shape: lambda a: a.shape, np.size: lambda a: a.size,
}  # fmt: skip


def _compared(a: Any, b: Any, compare: Any) -> Any:
    """np.equal of tensors; of a tensor and a number or array it is what `==` calls, which raises."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return compare(a, b)
    return b == a if isinstance(b, Tensor) else a == b


def ufunc_call(ufunc: Any, method: str, inputs: tuple, kwargs: dict) -> Tensor:
    """A ufunc applied to tensors.

    Raises ExpressionError for ufuncs and keywords that have no symbolic meaning yet.
    """
    if method == "__call__" and ufunc in _UFUNCS and not kwargs:
        return _UFUNCS[ufunc](*inputs)
    text = (
        f"np.{ufunc.__name__}"
        + ("" if method == "__call__" else f".{method}")
        + (f" with {', '.join(kwargs)}=" if kwargs else "")
    )
    raise ExpressionError(
        f"{text} of a tensor is not supported",
        where=build.here(),
        fix="use the functions of closedform",
    )


def function_call(func: Any, args: tuple, kwargs: dict) -> Any:
    """A NumPy function applied to tensors.

    Raises ExpressionError for functions that have no symbolic meaning yet.
    """
    if func in _FUNCTIONS:
        return _FUNCTIONS[func](*args, **kwargs)
    raise ExpressionError(
        f"np.{func.__name__} of a tensor is not supported",
        where=build.here(),
        fix="use the functions of closedform",
    )
