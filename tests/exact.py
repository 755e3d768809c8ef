"""What each primitive means, with mpmath and apart from every target; where it is sampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy

from closedform.algebra.scalar import CLASSES, PRIMITIVES, Slot, gt

Interval = tuple[float, float]


def _sign(x: Any) -> Any:
    return (x > 0) - (x < 0) if x == x else x


def _power(a: Any, b: Any) -> Any:
    if a == 0 and b < 0:
        return mpmath.inf
    result = mpmath.power(a, b)
    return result if isinstance(result, mpmath.mpf) else mpmath.nan


def _log(x: Any) -> Any:
    return mpmath.nan if x < 0 else -mpmath.inf if x == 0 else mpmath.log(x)


def _real(function: Callable) -> Callable:
    """A function that mpmath continues to complex numbers, NaN where it is not real."""

    def at(*args: Any) -> Any:
        value = function(*args)
        return value if not isinstance(value, mpmath.mpc) or value.imag == 0 else mpmath.nan

    return at


def _derivative(function: Callable, series: Callable) -> Callable:
    """The derivative of some order of a function that is a power series at 0: where x is small the
    series of `series(order, x, k)`, else by mpmath."""

    def at(order: Any, x: Any) -> Any:
        n = int(order)
        if abs(x) < 1:
            return mpmath.fsum(series(n, x, k) for k in range(200))
        return mpmath.diff(function, x, n) if n else function(x)

    return at


def _sinc_term(n: int, x: Any, k: int) -> Any:
    """Of the n-th derivative of the sum of (-1)**m x**(2 m)/(2 m + 1)!."""
    if (n + k) % 2:
        return mpmath.mpf(0)
    return (-1) ** ((n + k) // 2) * x**k / mpmath.factorial(k) / (n + k + 1)


def _exprel_term(n: int, x: Any, k: int) -> Any:
    return x**k / mpmath.factorial(k) / (n + k + 1)


def _erfcx(x: Any) -> Any:
    return mpmath.exp(x * x) * mpmath.erfc(x)


def _erfcx_derivative(order: Any, x: Any) -> Any:
    """By the recurrence upwards, with digits to lose."""
    before, value = 2 / mpmath.sqrt(mpmath.pi), _erfcx(x)
    for k in range(int(order)):
        before, value = value, 2 * x * value + (2 * k * before if k else -before)
    return value


def _ndtr(x: Any) -> Any:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def _rint(x: Any) -> Any:
    return mpmath.nint(x)


def _choose(take: Callable) -> Callable:
    """Of two numbers; NaN loses."""
    return lambda a, b: b if a != a else a if b != b else take(a, b)


def _xlog(logarithm: Callable) -> Callable:
    return lambda x, y: mpmath.mpf(0) if x == 0 else x * logarithm(y)


def _shift(a: Any, b: Any) -> Any:
    return math.floor(a * 2.0**b)


EXACT: dict[str, Callable] = {
    "Add": lambda *terms: mpmath.fsum(terms),
    "Mul": lambda *factors: mpmath.fprod(factors),
    "Pow": _power,
    "abs": abs,
    "sign": _sign,
    "copysign": lambda a, b: abs(a) if b >= 0 else -abs(a),
    "floor_divide": lambda a, b: mpmath.floor(a / b),
    "mod": lambda a, b: a - b * mpmath.floor(a / b),
    "fmod": lambda a, b: a - b * int(a / b),
    "hypot": mpmath.hypot,
    "pi": lambda: +mpmath.pi,
    "exp": mpmath.exp,
    "exp2": lambda x: mpmath.power(2, x),
    "expm1": mpmath.expm1,
    "log": _log,
    "log2": lambda x: _log(x) / mpmath.log(2),
    "log10": lambda x: _log(x) / mpmath.log(10),
    "log1p": lambda x: _log(1 + x),
    "cbrt": lambda x: _sign(x) * mpmath.cbrt(abs(x)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "log1mexp": lambda x: _log(-mpmath.expm1(-x)),
    "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
    "logcosh": lambda x: mpmath.log(mpmath.cosh(x)),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "arcsin": _real(mpmath.asin),
    "arccos": _real(mpmath.acos),
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "sinc": mpmath.sinc,
    "sinc_derivative": _derivative(mpmath.sinc, _sinc_term),
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "arcsinh": mpmath.asinh,
    "arccosh": _real(mpmath.acosh),
    "arctanh": _real(mpmath.atanh),
    "floor": mpmath.floor,
    "ceil": mpmath.ceil,
    "trunc": lambda x: mpmath.mpf(int(x)),
    "rint": _rint,
    "clip": lambda x, low, high: min(max(x, low), high),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "maximum": max,
    "minimum": min,
    "fmax": _choose(max),
    "fmin": _choose(min),
    "heaviside": lambda x, half: half if x == 0 else mpmath.mpf(x > 0),
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
    "isnan": lambda x: x != x,
    "isinf": lambda x: abs(x) == mpmath.inf,
    "isfinite": lambda x: abs(x) < mpmath.inf,
    "signbit": lambda x: x < 0,
    "bitwise_and": lambda a, b: int(a) & int(b),
    "bitwise_or": lambda a, b: int(a) | int(b),
    "bitwise_xor": lambda a, b: int(a) ^ int(b),
    "left_shift": _shift,
    "right_shift": lambda a, b: _shift(a, -b),
    "invert": lambda a: ~int(a),
    "bitwise_count": lambda a: abs(int(a)).bit_count(),
    "gcd": lambda a, b: math.gcd(int(a), int(b)),
    "lcm": lambda a, b: math.lcm(int(a), int(b)),
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "erfcx": _erfcx,
    "erfcx_derivative": _erfcx_derivative,
    "erfinv": mpmath.erfinv,
    "erfcinv": lambda x: mpmath.erfinv(1 - x),
    "ndtr": _ndtr,
    "ndtri": lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
    "log_ndtr": lambda x: mpmath.log(_ndtr(x)),
    "gamma": mpmath.gamma,
    "gammaln": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "digamma": mpmath.digamma,
    "polygamma": lambda n, x: mpmath.polygamma(int(n), x),
    "zeta": lambda s, q: mpmath.zeta(s, q),
    "betaln": lambda a, b: mpmath.log(abs(mpmath.beta(a, b))),
    "binom": mpmath.binomial,
    "i0": lambda x: mpmath.besseli(0, x),
    "i1": lambda x: mpmath.besseli(1, x),
    "i0e": lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)),
    "i1e": lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)),
    "iv": mpmath.besseli,
    "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-abs(x)),
    "xlogy": _xlog(_log),
    "xlog1py": _xlog(lambda y: _log(1 + y)),
    "logit": lambda p: _log(p / (1 - p)),
    "entr": lambda x: -_xlog(_log)(x, x),
    "rel_entr": lambda x, y: x * _log(x / y),
    "kl_div": lambda x, y: x * _log(x / y) - x + y,
    "exprel": lambda x: mpmath.expm1(x) / x if x else mpmath.mpf(1),
    "exprel_derivative": _derivative(lambda x: mpmath.expm1(x) / x, _exprel_term),
}

REAL, POSITIVE, UNIT = (-3.0, 3.0), (0.01, 3.0), (-0.99, 0.99)
# primitive -> per argument, where it is smooth and real; REAL by default
DOMAINS: dict[str, tuple[Interval, ...]] = {
    **dict.fromkeys(("log", "log2", "log10", "log1p", "log1mexp", "entr"), (POSITIVE,)),
    **dict.fromkeys(("cbrt", "gamma", "gammaln", "digamma"), (POSITIVE,)),
    **dict.fromkeys(("betaln", "xlogy", "xlog1py", "rel_entr", "kl_div"), (POSITIVE,) * 2),
    "Pow": (POSITIVE, REAL),
    **dict.fromkeys(("arcsin", "arccos", "arctanh", "erfinv"), (UNIT,)),
    "arccosh": ((1.01, 3.0),),
    "erfcinv": ((0.01, 1.99),),
    "ndtri": ((0.01, 0.99),),
    "logit": ((0.01, 0.99),),
    "binom": ((4.0, 9.0), (0.5, 3.5)),
    "floor_divide": (REAL, (0.5, 3.0)),
    "mod": (REAL, (0.5, 3.0)),
    "fmod": (REAL, (0.5, 3.0)),
    "clip": (REAL, (-2.0, -1.0), (1.0, 2.0)),
    "polygamma": ((1, 1), POSITIVE),
    "zeta": ((2, 2), POSITIVE),
    "iv": ((2, 2), REAL),
    "ive": ((2, 2), REAL),
    **{f"{name}_derivative": ((2, 2), REAL) for name in ("sinc", "exprel", "erfcx")},
}
WHOLE = frozenset(
    (
        "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "invert",
        "bitwise_count", "gcd", "lcm",
    )
)  # fmt: skip


def domain(name: str) -> tuple[Interval, ...]:
    """An interval for each argument of a primitive; of whole numbers for operations on integers."""
    count = PRIMITIVES[name].arity
    count = 2 if count is None else count
    if name in WHOLE:
        return ((1.0, 9.0),) * count
    return DOMAINS.get(name, (REAL,) * count)


def arguments(name: str) -> list[Any]:
    """Slots for the arguments of a primitive, numbers for its orders, and truth values where it
    reads them."""
    row, box = PRIMITIVES[name], domain(name)
    orders = [sympy.Integer(int(low)) for low, _ in box[: row.orders]]
    slots = [Slot(k) for k in range(len(box) - row.orders)]
    return orders + [gt(s, 1) if k + row.orders in row.truths else s for k, s in enumerate(slots)]


def applied(name: str) -> Any:
    """A primitive applied to its `arguments`."""
    return CLASSES[name](*arguments(name))
