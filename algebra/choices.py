"""Choices between values, comparisons and truth values, with NumPy's names and meanings."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import build, scalar
from .dtypes import BOOL, FLOAT64, promote
from .literal import check_fits
from .tensor import Tensor, apply, as_tensor, compare, logical, part

__all__ = [
    "allclose", "eq", "fmax", "fmin", "ge", "greater", "greater_equal", "gt",
    "heaviside", "isclose", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "le", "less",
    "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "maximum",
    "minimum", "nan_to_num", "neq", "not_equal", "relu", "select", "signbit", "where",
]  # fmt: skip


def relu(x: Any) -> Tensor:
    """max(x, 0); its derivative at 0 is 0."""
    return apply(scalar.relu, x)


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of two elements; NaN wins. At a tie each side gets half of the derivative."""
    return apply(scalar.maximum, a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of two elements; NaN wins. At a tie each side gets half of the derivative."""
    return apply(scalar.minimum, a, b)


def fmax(a: Any, b: Any) -> Tensor:
    """The larger of two elements; NaN loses. At a tie each side gets half of the derivative."""
    return apply(scalar.fmax if _floats(a, b) else scalar.maximum, a, b)


def fmin(a: Any, b: Any) -> Tensor:
    """The smaller of two elements; NaN loses. At a tie each side gets half of the derivative."""
    return apply(scalar.fmin if _floats(a, b) else scalar.minimum, a, b)


def _floats(*args: Any) -> bool:
    return any(part(a)[1].kind == "f" for a in args)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition holds, else b.

    Nothing leaks from the branch that is not taken, also in derivatives.
    """
    parts = [part(truth(condition)), part(a), part(b)]
    compute, weak = promote([(d, w) for _, d, w in parts[1:]])
    for value, _, _ in parts[1:]:
        check_fits(value, compute)
    node = build.elementwise(scalar.where, parts)
    spec = node.spec.with_(dtype=compute, compute=compute, weak=weak)
    result = type(node).occur(spec, *node.operands, origin=node.origin, equalities=node.equalities)
    return Tensor(result)


def heaviside(x: Any, half: Any) -> Tensor:
    """0 below 0, `half` at 0, 1 above; NaN stays. Its derivative by x is 0."""
    return apply(scalar.heaviside, x, half, floats=True)


def nan_to_num(x: Any, nan: Any = 0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """x with NaN and infinities replaced: by default by 0 and the largest finite numbers.

    The derivative is 1 where x is finite, else 0.
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return x
    largest = np.finfo(x.dtype).max
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    return apply(_replaced, x, *(_in(value, x) for value in (nan, high, low)))


def _replaced(a: Any, nan: Any, high: Any, low: Any) -> Any:
    infinite = scalar.where(scalar.gt(a, scalar.ZERO), high, low)
    return scalar.where(scalar.isnan(a), nan, scalar.where(scalar.isfinite(a), a, infinite))


def _in(value: Any, x: Tensor) -> Any:
    """A number that does not widen the dtype of x."""
    return value if isinstance(value, Tensor) else x.dtype.type(value)


# ---------------------------------------------------------------- comparisons and truth


def truth(x: Any) -> Any:
    """x as a truth value: whether it differs from 0."""
    return x if part(x)[1] == BOOL else compare(scalar.ne, x, 0)


def eq(a: Any, b: Any) -> Tensor:
    """Elementwise a == b."""
    return compare(scalar.eq, a, b)


def neq(a: Any, b: Any) -> Tensor:
    """Elementwise a != b."""
    return compare(scalar.ne, a, b)


def lt(a: Any, b: Any) -> Tensor:
    """Elementwise a < b."""
    return compare(scalar.lt, a, b)


def le(a: Any, b: Any) -> Tensor:
    """Elementwise a <= b."""
    return compare(scalar.le, a, b)


def gt(a: Any, b: Any) -> Tensor:
    """Elementwise a > b."""
    return compare(scalar.gt, a, b)


def ge(a: Any, b: Any) -> Tensor:
    """Elementwise a >= b."""
    return compare(scalar.ge, a, b)


def logical_and(a: Any, b: Any) -> Tensor:
    """Elementwise a and b; numbers other than 0 are true."""
    return logical(scalar.and_, truth(a), truth(b))


def logical_or(a: Any, b: Any) -> Tensor:
    """Elementwise a or b; numbers other than 0 are true."""
    return logical(scalar.or_, truth(a), truth(b))


def logical_xor(a: Any, b: Any) -> Tensor:
    """Whether exactly one of a and b is true; numbers other than 0 are."""
    return compare(scalar.ne, truth(a), truth(b))


def logical_not(a: Any) -> Tensor:
    """Elementwise not a; numbers other than 0 are true."""
    return logical(scalar.not_, truth(a))


def isnan(x: Any) -> Tensor:
    """Whether x is NaN; never for integers."""
    return compare(scalar.isnan, x) if _floats(x) else compare(scalar.ne, x, x)


def isinf(x: Any) -> Tensor:
    """Whether x is infinite, of either sign; never for integers."""
    return compare(scalar.isinf, x) if _floats(x) else compare(scalar.ne, x, x)


def isfinite(x: Any) -> Tensor:
    """Whether x is neither infinite nor NaN; always for integers."""
    return compare(scalar.isfinite, x) if _floats(x) else compare(scalar.eq, x, x)


def signbit(x: Any) -> Tensor:
    """Whether the sign is negative, also of -0.0."""
    return compare(scalar.signbit, x) if _floats(x) else compare(scalar.lt, x, 0)


def isposinf(x: Any) -> Tensor:
    """Whether x is infinity."""
    return logical(scalar.and_, isinf(x), gt(x, 0))


def isneginf(x: Any) -> Tensor:
    """Whether x is -infinity."""
    return logical(scalar.and_, isinf(x), lt(x, 0))


def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether abs(a - b) <= atol + rtol*abs(b); infinities are close to themselves.

    NaN is close to nothing, or to NaN with `equal_nan`.
    """
    a, b = (t if t.dtype.kind == "f" else t.astype(FLOAT64) for t in map(as_tensor, (a, b)))
    near = logical(scalar.and_, le(abs(a - b), atol + rtol * abs(b)), isfinite(b))
    result = logical(scalar.or_, near, eq(a, b))
    if equal_nan:
        result = logical(scalar.or_, result, logical(scalar.and_, isnan(a), isnan(b)))
    return result


def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether all elements are close, as `isclose` says."""
    return isclose(a, b, rtol, atol, equal_nan).all()


def select(conditions: Any, choices: Any, default: Any = 0) -> Tensor:
    """The choice of the first condition that holds, elementwise, else the default."""
    result = as_tensor(default)
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        result = where(condition, choice, result)
    return result


# the same functions under NumPy's other names
not_equal, less, less_equal, greater, greater_equal = neq, lt, le, gt, ge
