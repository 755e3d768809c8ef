"""NumPy functions applied to tensors give tensors (semantics 7.2)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from . import functions as F
from . import products, special
from .errors import ExpressionError
from .origin import here
from .tensor import Tensor
from .vocabulary import of_numpy


def _operator(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """A binary ufunc by an operator of tensors and its reflection; one operand is a tensor."""
    return lambda a, b: forward(a, b) if isinstance(a, Tensor) else backward(b, a)


def _compared(compare: Callable[..., Any]) -> Callable[..., Any]:
    """np.equal of tensors; of a tensor and a number or array it is what `==` calls: it raises."""

    def meaning(a: Any, b: Any) -> Any:
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return compare(a, b)
        return b == a if isinstance(b, Tensor) else a == b

    return meaning


# ufuncs whose meaning is the function of the same name
_BY_NAME = (
    "negative", "positive", "absolute", "fabs", "sign", "copysign", "reciprocal", "square", "sqrt",
    "cbrt", "float_power", "fmod", "divmod", "hypot", "exp", "exp2", "expm1", "log", "log2",
    "log10", "log1p", "logaddexp", "logaddexp2", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg",
    "degrees", "radians", "floor", "ceil", "trunc", "rint", "maximum", "minimum", "fmax", "fmin",
    "heaviside", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
    "logical_xor", "logical_not", "isnan", "isinf", "isfinite", "signbit", "bitwise_and",
    "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift", "gcd", "lcm",
    "bitwise_count", "modf",
)  # fmt: skip
_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _operator(Tensor.__add__, Tensor.__radd__),
    np.subtract: _operator(Tensor.__sub__, Tensor.__rsub__),
    np.multiply: _operator(Tensor.__mul__, Tensor.__rmul__),
    np.true_divide: _operator(Tensor.__truediv__, Tensor.__rtruediv__),
    np.power: _operator(Tensor.__pow__, Tensor.__rpow__),
    np.floor_divide: _operator(Tensor.__floordiv__, Tensor.__rfloordiv__),
    np.remainder: _operator(Tensor.__mod__, Tensor.__rmod__),
    np.matmul: products.matmul,
    np.vecdot: products.vecdot,
    np.equal: _compared(F.eq),
    np.not_equal: _compared(F.neq),
    **{getattr(np, name): getattr(F, name) for name in _BY_NAME},
}

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: F.sum,
    np.mean: F.mean,
    np.max: F.max,
    np.amax: F.max,
    np.amin: F.min,
    np.min: F.min,
    np.argmax: F.argmax,
    np.argmin: F.argmin,
    np.where: F.where,
    np.round: F.round,
    np.fix: F.fix,
    np.clip: F.clip,
    np.sinc: F.sinc,
    np.nan_to_num: F.nan_to_num,
    np.isclose: F.isclose,
    np.allclose: F.allclose,
    np.isposinf: F.isposinf,
    np.isneginf: F.isneginf,
    np.select: F.select,
    np.i0: special.i0,
    np.transpose: F.transpose,
    np.reshape: F.reshape,
    np.dot: products.dot,
    np.outer: products.outer,
    np.einsum: lambda subscripts, *operands, optimize=None: products.einsum(subscripts, *operands),
    np.zeros_like: F.zeros_like,
    np.ones_like: F.ones_like,
    np.ndim: lambda a: a.ndim,
    np.shape: lambda a: a.shape,
    np.size: lambda a: a.size,
}


def ufunc_call(ufunc: Any, method: str, inputs: tuple, kwargs: dict) -> Tensor:
    """A ufunc applied to tensors.

    Raises ExpressionError for ufuncs and keywords that have no symbolic meaning yet.
    """
    if method == "__call__" and ufunc in _UFUNCS and not kwargs:
        return _UFUNCS[ufunc](*inputs)
    raise _unsupported(ufunc.__name__ + ("" if method == "__call__" else f".{method}"), kwargs)


def function_call(func: Any, args: tuple, kwargs: dict) -> Any:
    """A NumPy function applied to tensors.

    Raises ExpressionError for functions and arguments that have no symbolic meaning yet.
    """
    given = {name: value for name, value in kwargs.items() if value is not None}
    meaning = _FUNCTIONS.get(func) or of_numpy(func)
    if meaning is not None and _takes(meaning, args, given):
        return meaning(*args, **given)
    raise _unsupported(func.__name__, given, len(args) if meaning is not None else None)


def _takes(meaning: Callable[..., Any], args: tuple, kwargs: dict) -> bool:
    try:
        inspect.signature(meaning).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _unsupported(name: str, kwargs: dict, count: int | None = None) -> ExpressionError:
    options = f" with {', '.join(kwargs)}=" if kwargs else ""
    number = "" if options or count is None else f" with {count} arguments"
    return ExpressionError(
        f"np.{name}{options or number} of a tensor is not supported",
        where=here(),
        fix="use the functions of closedform",
    )
