"""Bodies in SymPy's own classes: one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy

from .scalar import Scalar, Slot, op

MEANINGS: dict[str, Callable[..., Any]] = {
    "Add": sympy.Add,
    "Mul": sympy.Mul,
    "Pow": sympy.Pow,
    "exp": sympy.exp,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log": sympy.log,
    "log1p": lambda x: sympy.log(1 + x),
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tanh": sympy.tanh,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "relu": lambda x: sympy.Max(x, 0),
    "log1mexp": lambda x: sympy.log(1 - sympy.exp(-x)),
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "where": lambda c, a, b: sympy.Piecewise((a, c), (b, True)),
    "indicator": lambda c: sympy.Piecewise((1, c), (0, True)),
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
    return MEANINGS[op(e)](*(to_sympy(a, operands) for a in e.args))
