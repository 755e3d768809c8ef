"""What each scalar primitive means in NumPy: one row each.

SciPy is imported when the first of its functions is called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

Array = Any  # ndarray or NumPy scalar


def sigmoid(x: Array) -> Array:
    """Return 1/(1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def tail(x: Array) -> Array:
    """Return softplus(x) - max(x, 0)."""
    return np.log1p(np.exp(-np.abs(x)))


def log1mexp(x: Array) -> Array:
    """Return log(1 - exp(-x)), accurate at both ends. Source: Maechler, Rmpfr vignette, 2012."""
    return np.where(x <= np.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


def logcosh(x: Array) -> Array:
    """Return log(cosh(x)), accurate near 0 and without overflow."""
    a = np.abs(x)
    small = np.log1p(2 * np.square(np.sinh(np.minimum(a, 1) / 2)))
    return np.where(a < 1, small, a - np.log(2).astype(a.dtype) + np.log1p(np.exp(-2 * a)))


def power(a: Array, b: Array) -> Array:
    """Return a**b; of integers the integer part, also where the exponent is negative."""
    if a.dtype.kind != "i" or not np.any(b < 0):
        return np.power(a, b)
    whole = np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b & 1), 0)).astype(a.dtype)
    return np.where(b < 0, whole, np.power(a, np.maximum(b, 0)))


def sinc(x: Array) -> Array:
    """Return sin(x)/x, and 1 at 0."""
    return np.where(x == 0, np.ones((), x.dtype), np.sin(x) / x)


def _own(name: str) -> Callable[..., Array]:
    """A function of `special`, imported at the first call."""

    def function(*args: Array) -> Array:
        from . import special

        return getattr(special, name)(*args)

    return function


def _scipy(name: str) -> Callable[..., Array]:
    """A function of `scipy.special`, imported at the first call; the last argument has the dtype
    of the result."""

    def function(*args: Array) -> Array:
        import scipy.special

        return np.asarray(getattr(scipy.special, name)(*args)).astype(args[-1].dtype, copy=False)

    return function


CONSTANTS: dict[str, float] = {"pi": np.pi}
ARITHMETIC: dict[str, Callable[..., Array]] = {
    "Add": lambda *terms: reduce(np.add, terms),
    "Mul": lambda *factors: reduce(np.multiply, factors),
    "Pow": lambda a, b: power(a, b),
    "abs": np.abs,
    "sign": np.sign,
    "copysign": np.copysign,
    "floor_divide": np.floor_divide,
    "mod": np.remainder,
    "fmod": np.fmod,
    "hypot": np.hypot,
    "pi": lambda: CONSTANTS["pi"],
}
ELEMENTARY: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "cbrt": np.cbrt,
    "sigmoid": sigmoid,
    "softplus": lambda x: np.maximum(x, 0) + tail(x),
    "log1mexp": log1mexp,
    "logaddexp": np.logaddexp,
    "logcosh": logcosh,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "arctan2": np.arctan2,
    "sinc": sinc,
    "sinc_derivative": _own("sinc_derivative"),
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
}
CHOICE: dict[str, Callable[..., Array]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "rint": np.rint,
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "relu": lambda x: np.maximum(x, 0),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "heaviside": np.heaviside,
    "where": np.where,
    "indicator": lambda x: x,
}
TRUTH: dict[str, Callable[..., Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and_": np.logical_and,
    "or_": np.logical_or,
    "not_": np.logical_not,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "signbit": np.signbit,
}
INTEGER: dict[str, Callable[..., Array]] = {
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "invert": np.invert,
    "left_shift": np.left_shift,
    "right_shift": np.right_shift,
    "bitwise_count": lambda x: np.bitwise_count(x).astype(x.dtype),
    "gcd": np.gcd,
    "lcm": np.lcm,
}
SPECIAL: dict[str, Callable[..., Array]] = {
    **{name: _scipy(name) for name in ("erf", "erfc", "erfcx", "erfinv", "erfcinv")},
    **{name: _scipy(name) for name in ("ndtr", "ndtri", "log_ndtr", "gamma", "gammaln", "digamma")},
    **{name: _scipy(name) for name in ("binom", "i0", "i1", "i0e", "i1e")},
    **{name: _scipy(name) for name in ("iv", "ive", "xlogy", "xlog1py", "logit", "entr")},
    **{name: _scipy(name) for name in ("rel_entr", "exprel")},
    **{name: _own(name) for name in ("polygamma", "zeta", "betaln", "kl_div")},
    **{name: _own(name) for name in ("erfcx_derivative", "exprel_derivative")},
}
NUMPY: dict[str, Callable[..., Array]] = {
    **ARITHMETIC,
    **ELEMENTARY,
    **CHOICE,
    **TRUTH,
    **INTEGER,
    **SPECIAL,
}
