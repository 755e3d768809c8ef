"""Plain SymPy expressions as tensors (semantics 5.5); the way back is in `sympy_elements`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.piecewise import ExprCondPair

from . import build, functions, special
from .dims import Dim, FreshDim
from .errors import ExpressionError
from .sympy_elements import to_sympy
from .tensor import Tensor, as_tensor

__all__ = ["from_sympy", "to_sympy"]


def from_sympy(expression: Any, mapping: Mapping[sympy.Symbol, Tensor]) -> Tensor:
    """A plain SymPy expression as an elementwise operation on tensors.

    Parameters
    ----------
    expression : a SymPy expression or truth value.
    mapping : the tensor of each free symbol.

    Returns
    -------
    A tensor of the broadcast shape of the tensors.

    Raises
    ------
    ExpressionError for a symbol without a tensor and for a function that has no meaning here,
    naming it.

    >>> import sympy, closedform as cf
    >>> s, x = sympy.Symbol("s"), cf.vector("x", shape="n")
    >>> print(cf.from_sympy(sympy.sin(s)**2, {s: x}))
    (sin(x) ** 2)
    """
    memo: dict[Any, Any] = {s: as_tensor(t) for s, t in mapping.items()}
    stack = [sympy.sympify(expression)]
    while stack:
        e = stack[-1]
        if e not in memo and e.args and e.func not in FROM:
            raise ExpressionError(_unknown(e), where=build.here(), fix=f"use {_KNOWN}")
        todo = [a for a in e.args if a not in memo] if e not in memo else []
        stack.extend(todo)
        if not todo:
            stack.pop()
            if e not in memo:
                memo[e] = FROM[e.func](e, memo) if e.args else _atom(e)
    return as_tensor(memo[sympy.sympify(expression)])


def _atom(e: sympy.Basic) -> Any:
    if isinstance(e, Dim | FreshDim):
        return as_tensor(e)
    if isinstance(e, sympy.Symbol):
        fix = "add it to the mapping, or to the inputs"
        raise ExpressionError(f"the symbol {e} has no tensor", where=build.here(), fix=fix)
    if isinstance(e, sympy.logic.boolalg.BooleanAtom):
        return as_tensor(bool(e))
    if isinstance(e, sympy.Expr):
        return _number(e)
    raise ExpressionError(_unknown(e), where=build.here(), fix=f"use {_KNOWN}")


def _unknown(e: sympy.Basic) -> str:
    kind = "undefined function" if isinstance(e, AppliedUndef) else "function"
    return f"the SymPy {kind} {e.func.__name__} in {e} has no elementwise meaning here"


def _number(e: sympy.Expr) -> Any:
    """Integers and rationals as they are; decimals, pi, E, infinities and nan as literals."""
    if e.is_Rational:
        return e
    if e is sympy.zoo or (e.is_real is False and not e.is_infinite):
        raise ExpressionError(
            f"the SymPy number {e} is not real", where=build.here(), fix="use real expressions"
        )
    return float(e)


def _plain(function: Callable) -> Callable:
    return lambda e, memo: function(*(memo[a] for a in e.args))


def _folded(function: Callable) -> Callable:
    return lambda e, memo: functools.reduce(function, (memo[a] for a in e.args))


def _ordered(function: Callable, order: int) -> Callable:
    """A function of a fixed order."""
    return lambda e, memo: function(order, *(memo[a] for a in e.args))


def _order_first(function: Callable) -> Callable:
    """A function of an order, a number, and an argument."""
    return lambda e, memo: function(e.args[0], memo[e.args[1]])


def _add(e: sympy.Basic, memo: dict) -> Any:
    """Terms with a minus sign are subtracted."""
    first, *rest = sorted(e.args, key=lambda a: a.could_extract_minus_sign())
    result = memo[first]
    for term in rest:
        result = (
            result - _negative(term, memo)
            if term.could_extract_minus_sign()
            else result + memo[term]
        )
    return result


def _negative(e: sympy.Basic, memo: dict) -> Any:
    """-e, for a term that starts with a minus sign."""
    if not isinstance(e, sympy.Mul) or not e.args[0].is_number:
        return -memo[e]
    rest = _product(e.args[1:], memo)
    return rest if e.args[0] == -1 else _number(-e.args[0]) * rest


def _mul(e: sympy.Basic, memo: dict) -> Any:
    if e.args[0] is sympy.S.NegativeOne:
        return -_product(e.args[1:], memo)
    return _product(e.args, memo)


def _product(factors: Sequence[sympy.Basic], memo: dict) -> Any:
    """Factors with a negative number as exponent divide."""
    above = [memo[a] for a in factors if not _divides(a)]
    below = [_raised(memo[a.base], -a.exp, memo) for a in factors if _divides(a)]  # type: ignore[attr-defined]
    return functools.reduce(
        operator.truediv, below, functools.reduce(operator.mul, above) if above else 1
    )


def _divides(e: sympy.Basic) -> bool:
    return isinstance(e, sympy.Pow) and bool(e.exp.is_Rational and e.exp.is_negative)


def _pow(e: sympy.Basic, memo: dict) -> Any:
    return _product([e], memo) if _divides(e) else _raised(memo[e.args[0]], e.args[1], memo)


def _raised(base: Any, exponent: Any, memo: dict) -> Any:
    if exponent == 1:
        return base
    if exponent == sympy.S.Half:
        return functions.sqrt(base)
    return as_tensor(base) ** memo.get(exponent, exponent)


def _piecewise(e: sympy.Basic, memo: dict) -> Any:
    """Nested `where`; nan where no condition holds, as in SymPy."""
    result: Any = float("nan")
    for value, condition in reversed(e.args):  # type: ignore[misc]
        result = (
            memo[value]
            if condition == sympy.true
            else functions.where(memo[condition], memo[value], result)
        )
    return result


FROM: dict[Any, Callable[[sympy.Basic, dict], Any]] = {
    sympy.Add: _add, sympy.Mul: _mul, sympy.Pow: _pow, sympy.Piecewise: _piecewise,
    ExprCondPair: lambda e, memo: None,
    sympy.exp: _plain(functions.exp), sympy.log: _plain(functions.log),
    sympy.sin: _plain(functions.sin), sympy.cos: _plain(functions.cos),
    sympy.tan: _plain(functions.tan), sympy.asin: _plain(functions.arcsin),
    sympy.acos: _plain(functions.arccos), sympy.atan: _plain(functions.arctan),
    sympy.atan2: _plain(functions.arctan2), sympy.sinc: _ordered(special.sinc_derivative, 0),
    sympy.sinh: _plain(functions.sinh), sympy.cosh: _plain(functions.cosh),
    sympy.tanh: _plain(functions.tanh), sympy.asinh: _plain(functions.arcsinh),
    sympy.acosh: _plain(functions.arccosh), sympy.atanh: _plain(functions.arctanh),
    sympy.Abs: _plain(functions.absolute), sympy.sign: _plain(functions.sign),
    sympy.floor: _plain(functions.floor), sympy.ceiling: _plain(functions.ceil),
    sympy.Mod: _plain(functions.remainder), sympy.Heaviside: _plain(functions.heaviside),
    sympy.erf: _plain(special.erf), sympy.erfc: _plain(special.erfc),
    sympy.erfinv: _plain(special.erfinv), sympy.erfcinv: _plain(special.erfcinv),
    sympy.gamma: _plain(special.gamma), sympy.loggamma: _plain(special.gammaln),
    sympy.polygamma: _order_first(special.polygamma),
    sympy.zeta: _plain(special.zeta), sympy.binomial: _plain(special.binom),
    sympy.besseli: _order_first(special.iv),
    sympy.Max: _folded(functions.maximum), sympy.Min: _folded(functions.minimum),
    sympy.Eq: _plain(functions.eq), sympy.Ne: _plain(functions.neq), sympy.Lt: _plain(functions.lt),
    sympy.Le: _plain(functions.le), sympy.Gt: _plain(functions.gt), sympy.Ge: _plain(functions.ge),
    sympy.And: _folded(functions.logical_and), sympy.Or: _folded(functions.logical_or),
    sympy.Not: _plain(functions.logical_not), sympy.Xor: _folded(functions.logical_xor),
}  # fmt: skip
_KNOWN = ", ".join(sorted(f.__name__ for f in FROM if f is not ExprCondPair))
