"""The language of bodies: scalar expressions over slots.

These are SymPy trees that SymPy never evaluates. Equal expressions are one object, so `is` decides
equality and every memo can be keyed by the expression itself. There is no subtraction or division:
`x - y` is `Add(x, Mul(-1, y))` and `x/y` is `Mul(x, Pow(y, -1))`; printers and interpreters spell
them as what they mean. Numbers are SymPy rationals.

A primitive is one class, made from its row in `primitives.PRIMITIVES`; its derivative, spelling
and meaning are rows of the tables in `partials`, the targets and the interpreter, and a test proves
that no table has a gap.
"""

from __future__ import annotations

import operator
import weakref
from functools import lru_cache
from typing import Any

import sympy
from sympy import Integer, Rational
from sympy.core.numbers import Number

from .primitives import NONNEGATIVE, POSITIVE, PRIMITIVES, REAL, WEAKLY, Primitive

_table: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


class Scalar(sympy.Expr):
    """A scalar expression; immutable and unique: equal arguments give the same object."""

    __slots__ = ("__weakref__", "_sign", "_slots", "_size")
    _op_priority = 1000.0
    is_commutative = True
    arity: int | None = None
    boolean = False

    def __new__(cls, *args):
        key = (cls, args)
        self = _table.get(key)
        if self is None:
            args = tuple(
                a if isinstance(a, sympy.Basic) else sympy.sympify(a, rational=True) for a in args
            )
            self = sympy.Basic.__new__(cls, *args)
            self = _table.setdefault((cls, args), self)
        return self

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __reduce_ex__(self, protocol):
        return type(self), self.args

    def __add__(self, other):
        return Add(self, other)

    def __radd__(self, other):
        return Add(other, self)

    def __sub__(self, other):
        return Add(self, Mul(-1, other))

    def __rsub__(self, other):
        return Add(other, Mul(-1, self))

    def __mul__(self, other):
        return Mul(self, other)

    def __rmul__(self, other):
        return Mul(other, self)

    def __truediv__(self, other):
        return Mul(self, Pow(other, -1))

    def __rtruediv__(self, other):
        return Mul(other, Pow(self, -1))

    def __pow__(self, other):
        return Pow(self, other)

    def __rpow__(self, other):
        return Pow(other, self)

    def __neg__(self):
        return Mul(-1, self)

    def _sympystr(self, printer):
        return show(self)

    def _latex(self, printer):
        from .sympy_bodies import to_sympy

        return printer._print(to_sympy(self))


class Slot(Scalar):
    """Operand k of a map, with the sign that is proven for it."""

    __slots__ = ("index", "sign")
    arity = 0

    def __new__(cls, index, sign=REAL):
        key = (cls, int(index), str(sign))
        self = _table.get(key)
        if self is None:
            self = sympy.Basic.__new__(cls)
            self.index, self.sign = int(index), str(sign)
            self = _table.setdefault(key, self)
        return self

    def __reduce_ex__(self, protocol):
        return Slot, (self.index, self.sign)

    def _hashable_content(self):
        return (self.index, self.sign)


class Add(Scalar):
    """Sum of any number of terms, in order."""

    __slots__ = ()


class Mul(Scalar):
    """Product of any number of factors, in order."""

    __slots__ = ()


class Pow(Scalar):
    """base**exponent. `Pow(x, -1)` is a division by x, `Pow(x, 1/2)` the square root."""

    __slots__ = ()
    arity = 2


def _made(row: Primitive) -> type[Scalar]:
    fields = {
        "__slots__": (),
        "arity": row.arity,
        "boolean": row.boolean,
        "__doc__": row.name,
        "__module__": __name__,
    }
    return type(row.name, (Scalar,), fields)


class _Classes(dict):
    """Classes of the primitives, each made from its row when it is first asked for."""

    def __missing__(self, name: str) -> type[Scalar]:
        return self.setdefault(name, _made(PRIMITIVES[name]))


CLASSES: dict[str, Any] = _Classes(Add=Add, Mul=Mul, Pow=Pow)

exp, expm1, log, log1p = (CLASSES[n] for n in ("exp", "expm1", "log", "log1p"))
sin, cos, tanh, sinh, cosh = (CLASSES[n] for n in ("sin", "cos", "tanh", "sinh", "cosh"))
absolute, sign_of, sigmoid, softplus, relu = (
    CLASSES[n] for n in ("abs", "sign", "sigmoid", "softplus", "relu")
)
log1mexp, maximum, minimum, where = (
    CLASSES[n] for n in ("log1mexp", "maximum", "minimum", "where")
)
indicator, eq, ne, lt, le, gt, ge = (
    CLASSES[n] for n in ("indicator", "eq", "ne", "lt", "le", "gt", "ge")
)
and_, or_, not_ = (CLASSES[n] for n in ("and_", "or_", "not_"))


def __getattr__(name: str) -> Any:
    """The other primitives, by their names."""
    if name not in PRIMITIVES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return CLASSES[name]


ZERO, ONE, MINUS_ONE, HALF = Integer(0), Integer(1), Integer(-1), Rational(1, 2)
PI = CLASSES["pi"]()


def is_number(e) -> bool:
    """Whether e is a rational number of SymPy."""
    return isinstance(e, Number)


def op(e) -> str:
    """Name of the primitive at the root; "slot", "number" or "truth" for atoms."""
    if isinstance(e, Slot):
        return "slot"
    if isinstance(e, Scalar):
        return type(e).__name__
    return "number" if is_number(e) else "truth"


def slots(e) -> frozenset[int]:
    """Numbers of the slots that occur in e."""
    if not isinstance(e, Scalar):
        return frozenset()
    try:
        return e._slots
    except AttributeError:
        pass
    result = (
        frozenset((e.index,)) if isinstance(e, Slot) else frozenset().union(*map(slots, e.args))
    )
    e._slots = result
    return result


def size(e) -> int:
    """Number of operations, counted as a tree."""
    if not isinstance(e, Scalar) or isinstance(e, Slot):
        return 0
    try:
        return e._size
    except AttributeError:
        pass
    e._size = result = 1 + sum(map(size, e.args))
    return result


def sign(e) -> str:
    """What is proven about the sign of e: "positive", "nonnegative" or "real"."""
    if not isinstance(e, Scalar):
        return (
            REAL
            if e is sympy.true or e is sympy.false or e < 0
            else POSITIVE
            if e > 0
            else NONNEGATIVE
        )
    if isinstance(e, Slot):
        return e.sign
    try:
        return e._sign
    except AttributeError:
        pass
    e._sign = result = _sign(e)
    return result


def _sign(e: Scalar) -> str:
    name = op(e)
    row = PRIMITIVES[name]
    if row.sign != REAL:
        return POSITIVE if name == "abs" and sign(e.args[0]) == POSITIVE else row.sign
    if row.keeps:
        found = sign(e.args[0])
        return NONNEGATIVE if row.keeps == WEAKLY and found == POSITIVE else found
    return _SIGNS[name](e) if name in _SIGNS else REAL


def _sign_of_power(e: Scalar) -> str:
    base, power = e.args
    if sign(base) == POSITIVE:
        return POSITIVE
    even = is_number(power) and power.is_integer and power % 2 == 0
    if even or (sign(base) == NONNEGATIVE and is_number(power)) or power == HALF:
        return NONNEGATIVE
    return REAL


def _least(signs: list[str]) -> str:
    return min(signs, key=_ORDER.index)


def _sign_of_sum(e: Scalar) -> str:
    signs = [sign(a) for a in e.args]
    return POSITIVE if POSITIVE in signs and REAL not in signs else _least(signs)


_ORDER = (REAL, NONNEGATIVE, POSITIVE)
_SIGNS = {
    "Pow": _sign_of_power,
    "Add": _sign_of_sum,
    "Mul": lambda e: _least([sign(a) for a in e.args]),
    "minimum": lambda e: _least([sign(a) for a in e.args]),
    "maximum": lambda e: max((sign(a) for a in e.args), key=_ORDER.index),
    "where": lambda e: _least([sign(a) for a in e.args[1:]]),
}


def substitute(e, mapping: dict):
    """e with each slot number replaced by an expression; nothing is evaluated.

    Recursion is safe: the depth of bodies is bounded by the size cap.
    """
    memo: dict = {}

    def walk(t):
        if not isinstance(t, Scalar):
            return t
        if isinstance(t, Slot):
            return mapping.get(t.index, t)
        found = memo.get(t)
        if found is None:
            args = tuple(walk(a) for a in t.args)
            found = memo[t] = t if all(map(operator.is_, args, t.args)) else type(t)(*args)
        return found

    return walk(e)


def replace(e, mapping: dict):
    """e with whole subexpressions replaced; a replaced subexpression is not searched again."""
    memo: dict = {}

    def walk(t):
        if t in mapping:
            return mapping[t]
        if not isinstance(t, Scalar) or isinstance(t, Slot):
            return t
        found = memo.get(t)
        if found is None:
            args = tuple(walk(a) for a in t.args)
            found = memo[t] = t if all(map(operator.is_, args, t.args)) else type(t)(*args)
        return found

    return walk(e)


@lru_cache(maxsize=4096)
def subexpressions(e) -> tuple:
    """Every distinct subexpression, operands before what uses them."""
    seen: dict = {}

    def walk(t):
        if t not in seen:
            if isinstance(t, Scalar):
                for a in t.args:
                    walk(a)
            seen[t] = None

    walk(e)
    return tuple(seen)


def show(e) -> str:
    """Prefix text of an expression: canonical, the same in every process."""
    if isinstance(e, Slot):
        return f"s{e.index}" if e.sign == REAL else f"s{e.index}:{e.sign}"
    if isinstance(e, Scalar):
        return f"{op(e)}({', '.join(map(show, e.args))})"
    return str(e)
