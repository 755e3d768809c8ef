"""Derivatives of scalar primitives: one row each, and the chain rule over bodies.

Sources: DLMF 4.4, 4.20 and 4.34 for elementary functions; kinks follow the conventions of
semantics 8.2.
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import DerivativeError
from .primitives import PRIMITIVES
from .scalar import (
    HALF,
    MINUS_ONE,
    ONE,
    POSITIVE,
    ZERO,
    Add,
    Mul,
    Pow,
    Scalar,
    Slot,
    cos,
    cosh,
    eq,
    exp,
    expm1,
    gt,
    indicator,
    is_number,
    log,
    lt,
    ne,
    op,
    sigmoid,
    sign,
    sign_of,
    sin,
    sinh,
    tanh,
    where,
)  # fmt: skip

# name -> per argument, the partial derivative as a function of the arguments; None where it is 0 by
# declaration
PARTIALS: dict[str, tuple[Callable | None, ...]] = {
    "Pow": (lambda a, b: _by_base(a, b), lambda a, b: _by_exponent(a, b)),
    "exp": (lambda x: exp(x),),
    "expm1": (lambda x: exp(x),),
    "log": (lambda x: Pow(x, MINUS_ONE),),
    "log1p": (lambda x: Pow(Add(ONE, x), MINUS_ONE),),
    "sin": (lambda x: cos(x),),
    "cos": (lambda x: Mul(MINUS_ONE, sin(x)),),
    "tanh": (lambda x: Add(ONE, Mul(MINUS_ONE, Pow(tanh(x), 2))),),
    "sinh": (lambda x: cosh(x),),
    "cosh": (lambda x: sinh(x),),
    "abs": (lambda x: sign_of(x),),
    "sign": (None,),
    "sigmoid": (lambda x: Mul(sigmoid(x), sigmoid(times(MINUS_ONE, x))),),
    "softplus": (lambda x: sigmoid(x),),
    "relu": (lambda x: indicator(gt(x, ZERO)),),
    "log1mexp": (lambda x: Pow(expm1(x), MINUS_ONE),),
    "indicator": (None,),
    "maximum": (lambda a, b: _larger(a, b), lambda a, b: _larger(b, a)),
    "minimum": (lambda a, b: _larger(b, a), lambda a, b: _larger(a, b)),
    "eq": (None, None),
    "ne": (None, None),
    "lt": (None, None),
    "le": (None, None),
    "gt": (None, None),
    "ge": (None, None),
    "and_": (None, None),
    "or_": (None, None),
    "not_": (None,),
}
STRUCTURAL = ("Add", "Mul", "where")  # differentiated below
CHOICES = frozenset(row.name for row in PRIMITIVES.values() if row.choice)


def _by_base(a, b):
    """b a**(b - 1); 0 for an exponent of 0, also at a = 0."""
    slope = times(b, raised(a, plus(b, MINUS_ONE)))
    return slope if is_number(b) or sign(b) == POSITIVE else where(eq(b, ZERO), ZERO, slope)


def _by_exponent(a, b):
    """a**b log(a); 0 at a = 0."""
    slope = Mul(Pow(a, b), log(a))
    return slope if sign(a) == POSITIVE else where(eq(a, ZERO), ZERO, slope)


def _larger(a, b):
    """1 where a > b, 1/2 at a tie, else 0."""
    return where(gt(a, b), ONE, where(lt(a, b), ZERO, HALF))


def plus(*terms):
    """Sum without zeros; numbers that meet are added."""
    number = sum((t for t in terms if is_number(t)), ZERO)
    rest = [t for t in terms if not is_number(t)]
    if number != 0:
        rest.append(number)
    return Add(*rest) if len(rest) > 1 else rest[0] if rest else ZERO


def times(*factors):
    """Product without ones; zero if a factor is."""
    if any(f == ZERO for f in factors if is_number(f)):
        return ZERO
    flat: list = []
    for f in factors:
        flat.extend(f.args if isinstance(f, Mul) else (f,))
    number = ONE
    for f in flat:
        if is_number(f):
            number = number * f
    rest = [f for f in flat if not is_number(f)]
    if number != 1 or not rest:
        rest.insert(0, number)
    return Mul(*rest) if len(rest) > 1 else rest[0]


def raised(base, exponent):
    """Power without exponents 0 and 1."""
    if is_number(exponent) and exponent in (0, 1):
        return base if exponent == 1 else ONE
    return Pow(base, exponent)


def derivative(body, slot: int):
    """d body / d slot, or None if the body depends on it only through declared-zero derivatives.

    Raises DerivativeError for a primitive without a row.
    """
    memo: dict = {}

    def walk(e):
        if not isinstance(e, Scalar):
            return None
        if isinstance(e, Slot):
            return ONE if e.index == slot else None
        if e not in memo:
            memo[e] = _chain(e, [walk(a) for a in e.args])
        return memo[e]

    return walk(body)


def _chain(e: Scalar, inner: list):
    name, args = op(e), e.args
    if all(d is None for d in inner):
        return None
    if name == "Add":
        return plus(*(d for d in inner if d is not None))
    if name == "Mul":
        return plus(
            *(times(*args[:k], d, *args[k + 1 :]) for k, d in enumerate(inner) if d is not None)
        )
    if name == "where":
        if inner[1] is None and inner[2] is None:
            return None
        return where(
            args[0], ZERO if inner[1] is None else inner[1], ZERO if inner[2] is None else inner[2]
        )
    if name not in PARTIALS:
        raise DerivativeError(
            f"{name} has no derivative row", fix="declare it with consider_constant"
        )
    terms = [
        _masked(name, row(*args), d)
        for row, d in zip(PARTIALS[name], inner, strict=True)
        if row is not None and d is not None
    ]
    return plus(*terms) if terms else None


def _masked(name: str, outer, inner):
    """outer*inner; where a choice was not taken, 0 also if inner is infinite or undefined."""
    product = times(outer, inner)
    if name not in CHOICES or bounded(inner):
        return product
    return where(ne(outer, ZERO), product, ZERO)


def bounded(body) -> bool:
    """Whether the body is finite whatever its slots hold, infinity and NaN included."""
    if not isinstance(body, Scalar) or body.boolean or op(body) == "indicator":
        return True
    return op(body) in ("where", "Add", "Mul") and all(map(bounded, body.args))
