"""What each primitive means: at 50 digits with mpmath, and in double precision. Independent of
every target.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import scipy.special
import sympy
from tests.exact import EXACT

from closedform.algebra.scalar import Add, Scalar, Slot, op

mpmath.mp.dps = 950  # what cancels at arguments of 1000 must not eat the 50 digits


def exact(e: Any, values: list) -> Any:
    """The value with at least 50 digits; truth values as bool."""
    if isinstance(e, Slot):
        return values[e.index]
    if e is sympy.true or e is sympy.false:
        return bool(e)
    if not isinstance(e, Scalar):
        return mpmath.mpf(e.p) / e.q
    return EXACT[op(e)](*(exact(a, values) for a in e.args))


def _sigmoid(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _log1mexp(x: Any) -> Any:
    return np.where(x < math.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _logcosh(x: Any) -> Any:
    a = np.abs(x)
    near = np.log1p(2 * np.sinh(np.minimum(a, 1) / 2) ** 2)
    return np.where(a < 1, near, a - math.log(2) + np.log1p(np.exp(-2 * a)))


DOUBLE = {
    **{name: getattr(np, name) for name in ("exp2", "log2", "log10", "cbrt", "tan", "hypot")},
    **{name: getattr(np, name) for name in ("arcsin", "arccos", "arctan", "arctan2", "logaddexp")},
    **{name: getattr(np, name) for name in ("arcsinh", "arccosh", "arctanh", "copysign")},
    **{name: getattr(np, name) for name in ("floor", "ceil", "trunc", "rint", "fmax", "fmin")},
    **{
        name: getattr(scipy.special, name)
        for name in (
            "erf",
            "erfc",
            "erfcx",
            "ndtr",
            "log_ndtr",
            "gamma",
            "gammaln",
            "digamma",
            "betaln",
            "binom",
            "i0",
            "i0e",
            "i1",
            "i1e",
            "xlogy",
            "xlog1py",
            "logit",
            "exprel",
        )
    },
    "logcosh": _logcosh,
    "sinc": lambda x: np.where(x == 0, 1.0, np.sin(x) / x),
    "pi": lambda: np.float64(np.pi),
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
