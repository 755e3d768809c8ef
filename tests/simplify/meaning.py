"""What each primitive means: at 50 digits with mpmath, and in double precision. Independent of
every target.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import sympy

from closedform.algebra.scalar import Add, Scalar, Slot, op

mpmath.mp.dps = 950  # what cancels at arguments of 1000 must not eat the 50 digits


def _sign(x: Any) -> Any:
    return (x > 0) - (x < 0) if x == x else x


EXACT = {
    "Pow": lambda a, b: _power(a, b),
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": lambda x: _log(x),
    "log1p": lambda x: _log(1 + x),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "abs": abs,
    "sign": _sign,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "relu": lambda x: max(x, 0),
    "maximum": max,
    "minimum": min,
    "log1mexp": lambda x: _log(-mpmath.expm1(-x)),
    "where": lambda c, a, b: a if c else b,
    "indicator": int,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "and_": lambda a, b: a and b,
    "or_": lambda a, b: a or b,
    "not_": lambda a: not a,
}


def _power(a: Any, b: Any) -> Any:
    if a == 0 and b < 0:
        return mpmath.inf
    result = mpmath.power(a, b)
    return result if isinstance(result, mpmath.mpf) else mpmath.nan


def _log(x: Any) -> Any:
    return mpmath.nan if x < 0 else -mpmath.inf if x == 0 else mpmath.log(x)


def exact(e: Any, values: list) -> Any:
    """The value with at least 50 digits; truth values as bool."""
    if isinstance(e, Slot):
        return values[e.index]
    if e is sympy.true or e is sympy.false:
        return bool(e)
    if not isinstance(e, Scalar):
        return mpmath.mpf(e.p) / e.q
    args = [exact(a, values) for a in e.args]
    if op(e) == "Add":
        return mpmath.fsum(args)
    return mpmath.fprod(args) if op(e) == "Mul" else EXACT[op(e)](*args)


def _sigmoid(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _log1mexp(x: Any) -> Any:
    return np.where(x < math.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


DOUBLE = {
    "Pow": lambda a, b: np.sqrt(a) if np.ndim(b) == 0 and b == 0.5 else np.power(a, b),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "abs": np.abs,
    "sign": np.sign,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": lambda x: np.maximum(x, 0),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "log1mexp": _log1mexp,
    "where": np.where,
    "indicator": lambda c: np.where(c, 1.0, 0.0),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and_": np.logical_and,
    "or_": np.logical_or,
    "not_": np.logical_not,
}


def double(e: Any, values: list, dtype: Any = np.float64) -> Any:
    """The value in double precision, arrays welcome. A sum adds the log1p part of its softplus
    terms last (design, decisions).
    """
    if isinstance(e, Slot):
        return values[e.index]
    if e is sympy.true or e is sympy.false:
        return bool(e)
    if not isinstance(e, Scalar):
        return (
            np.dtype(dtype).type(e.p) / np.dtype(dtype).type(e.q)
            if np.dtype(dtype).kind == "f"
            else dtype.type(int(e))
        )
    if isinstance(e, Add):
        return _sum(e, values, dtype)
    args = [double(a, values, dtype) for a in e.args]
    if op(e) == "Mul":
        result = args[0]
        for a in args[1:]:
            result = result * a
        return result
    return DOUBLE[op(e)](*args)


def _sum(e: Add, values: list, dtype: Any) -> Any:
    first: list = []
    last: list = []
    for t in e.args:
        factors = t.args if op(t) == "Mul" else (t,)
        hits = [f for f in factors if op(f) == "softplus"]
        if len(hits) == 1:
            u = double(hits[0].args[0], values, dtype)
            scale = np.dtype(dtype).type(1)
            for f in factors:
                scale = scale if f is hits[0] else scale * double(f, values, dtype)
            first.append(scale * np.maximum(u, 0))
            last.append(scale * np.log1p(np.exp(-np.abs(u))))
        else:
            first.append(double(t, values, dtype))
    total = first[0]
    for t in [*first[1:], *last]:
        total = total + t
    return total
