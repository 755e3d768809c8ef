"""Bodies in SymPy's own classes: one table.

Operations on the bits of integers have no row: SymPy has no such functions of symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy

from .errors import ExpressionError
from .origin import here
from .scalar import Scalar, Slot, op

HALF = sympy.Rational(1, 2)


def _choice(condition: Any, yes: Any, no: Any) -> Any:
    return sympy.Piecewise((yes, condition), (no, True))


def _trunc(x: Any) -> Any:
    return _choice(x < 0, sympy.ceiling(x), sympy.floor(x))


def _erfcx(x: Any) -> Any:
    return sympy.exp(x**2) * sympy.erfc(x)


def _ndtr(x: Any) -> Any:
    return sympy.erfc(-x / sympy.sqrt(2)) / 2


def _derivative(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The derivative of some order, a number, of a function."""

    def meaning(order: Any, x: Any) -> Any:
        t = sympy.Dummy("t", real=True)
        return sympy.diff(function(t), t, int(order)).subs(t, x)

    return meaning


MEANINGS: dict[str, Callable[..., Any]] = {
    "Add": sympy.Add,
    "Mul": sympy.Mul,
    "Pow": sympy.Pow,
    "exp": sympy.exp,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log": sympy.log,
    "log1p": lambda x: sympy.log(1 + x),
    "exp2": lambda x: 2**x,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "cbrt": lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
    "logaddexp": lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)),
    "logcosh": lambda x: sympy.log(sympy.cosh(x)),
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    "arctan2": sympy.atan2,
    "sinc": sympy.sinc,
    "sinc_derivative": _derivative(lambda t: sympy.sin(t) / t),
    "tanh": sympy.tanh,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "arcsinh": sympy.asinh,
    "arccosh": sympy.acosh,
    "arctanh": sympy.atanh,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "copysign": lambda a, b: sympy.Abs(a) * _choice(b < 0, -1, 1),
    "floor_divide": lambda a, b: sympy.floor(a / b),
    "mod": sympy.Mod,
    "fmod": lambda a, b: a - b * _trunc(a / b),
    "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
    "pi": lambda: sympy.pi,
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "trunc": lambda x: _trunc(x),
    "rint": lambda x: sympy.floor(x + HALF) - _choice(sympy.Eq(sympy.Mod(x + HALF, 2), 1), 1, 0),
    "clip": lambda x, low, high: sympy.Min(sympy.Max(x, low), high),
    "fmax": sympy.Max,
    "fmin": sympy.Min,
    "heaviside": sympy.Heaviside,
    "isnan": lambda x: sympy.false,
    "isinf": lambda x: sympy.false,
    "isfinite": lambda x: sympy.true,
    "signbit": lambda x: x < 0,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "relu": lambda x: sympy.Max(x, 0),
    "log1mexp": lambda x: sympy.log(1 - sympy.exp(-x)),
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "erfcx": lambda x: _erfcx(x),
    "erfcx_derivative": _derivative(lambda t: _erfcx(t)),
    "erfinv": sympy.erfinv,
    "erfcinv": lambda x: sympy.erfinv(1 - x),
    "ndtr": lambda x: _ndtr(x),
    "ndtri": lambda p: sympy.sqrt(2) * sympy.erfinv(2 * p - 1),
    "log_ndtr": lambda x: sympy.log(_ndtr(x)),
    "gamma": sympy.gamma,
    "gammaln": lambda x: sympy.log(sympy.Abs(sympy.gamma(x))),
    "digamma": sympy.digamma,
    "polygamma": sympy.polygamma,
    "zeta": sympy.zeta,
    "betaln": lambda a, b: sympy.log(sympy.Abs(sympy.beta(a, b))),
    "binom": sympy.binomial,
    "i0": lambda x: sympy.besseli(0, x),
    "i1": lambda x: sympy.besseli(1, x),
    "i0e": lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(0, x),
    "i1e": lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(1, x),
    "iv": sympy.besseli,
    "ive": lambda v, x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(v, x),
    "xlogy": lambda x, y: x * sympy.log(y),
    "xlog1py": lambda x, y: x * sympy.log(1 + y),
    "logit": lambda p: sympy.log(p / (1 - p)),
    "entr": lambda x: -x * sympy.log(x),
    "rel_entr": lambda x, y: x * sympy.log(x / y),
    "kl_div": lambda x, y: x * sympy.log(x / y) - x + y,
    "exprel": lambda x: (sympy.exp(x) - 1) / x,
    "exprel_derivative": _derivative(lambda t: (sympy.exp(t) - 1) / t),
    "where": lambda c, a, b: _choice(c, a, b),
    "indicator": lambda c: _choice(c, 1, 0),
    "eq": sympy.Eq,
    "ne": sympy.Ne,
    "lt": sympy.Lt,
    "le": sympy.Le,
    "gt": sympy.Gt,
    "ge": sympy.Ge,
    "and_": sympy.And,
    "or_": sympy.Or,
    "not_": sympy.Not,
}


def to_sympy(e: Any, operands: Sequence[Any] | None = None) -> Any:
    """e in SymPy's own classes, evaluated as SymPy likes it.

    operands replace the slots; by default they become symbols s0, s1...
    """
    if isinstance(e, Slot):
        return sympy.Symbol(f"s{e.index}", real=True) if operands is None else operands[e.index]
    if not isinstance(e, Scalar):
        return e
    if op(e) not in MEANINGS:
        raise ExpressionError(
            f"{op(e)} has no SymPy expression", where=here(), fix="convert its operands"
        )
    return MEANINGS[op(e)](*(to_sympy(a, operands) for a in e.args))
