"""Named functions in elementary ones, and what costs how much.

Branches are `where`, so that loops vectorise. Sums are flattened with small corrections (log1p,
log) last: then large terms cancel exactly before the correction is added, and `softplus(z) - y*z`
keeps its digits. How special functions are written is a row of `special`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..algebra import scalar
from ..algebra.partials import raised
from ..algebra.scalar import (
    ONE,
    POSITIVE,
    Add,
    Mul,
    Pow,
    Scalar,
    Slot,
    exp,
    log,
    log1p,
    op,
)
from .special import SPECIAL, magnitude
from .value import Atom

SQUARING = 10  # largest integer power spelled as products: at most (10 - 1)/2 ULP
CHEAP = frozenset(row.name for row in scalar.PRIMITIVES.values() if row.cheap)


def product(factors: list):
    flat: list = []
    for f in factors:
        flat.extend(f.args if isinstance(f, Mul) else (f,))
    number = ONE
    for f in flat:
        number = number * f if scalar.is_number(f) else number
    rest = [f for f in flat if not scalar.is_number(f)]
    if number != 1 or not rest:
        rest.append(number)
    return Mul(*rest) if len(rest) > 1 else rest[0]


def costly_root(e) -> bool:
    name = op(e)
    return name not in CHEAP and not (
        name == "Pow" and scalar.is_number(e.args[1]) and e.args[1] in (2, 3, 4)
    )


def costly(e) -> bool:
    """Whether computing e again for every element of a larger space is worth avoiding."""
    return (
        isinstance(e, Scalar)
        and not isinstance(e, Atom)
        and any(
            isinstance(s, Scalar) and not isinstance(s, Atom) and costly_root(s)
            for s in scalar.subexpressions(e)
        )
    )


def correction(e) -> bool:
    """Whether e is a small correction that must be added last: a term of log1p or log."""
    return isinstance(e, log1p | log) or (
        isinstance(e, Mul) and any(isinstance(a, log1p | log) for a in e.args)
    )


def spell(e):
    """Named functions in elementary ones, exp of logarithms as quotients, corrections last."""
    memo: dict = {}

    def walk(t):
        if not isinstance(t, Scalar) or isinstance(t, Atom | Slot):
            return t
        if t not in memo:
            memo[t] = _SPELL.get(op(t), type(t))(*map(walk, t.args))
        return memo[t]

    return walk(e)


def _add(*terms):
    flat: list = []
    for t in terms:
        flat.extend(t.args if isinstance(t, Add) else _distributed(t))
    small = [t for t in flat if correction(t)]
    return Add(*(t for t in flat if not correction(t)), *small) if len(flat) > 1 else flat[0]


def _distributed(t):
    """A number or -1 times a sum that holds a correction, term by term, so that the correction can
    be added last."""
    if (
        isinstance(t, Mul)
        and len(t.args) == 2
        and t.args[0] == -1
        and isinstance(t.args[1], Add)
        and any(map(correction, t.args[1].args))
    ):
        return [
            a.args[1] if isinstance(a, Mul) and a.args[0] == -1 and len(a.args) == 2 else Mul(-1, a)
            for a in t.args[1].args
        ]
    return [t]


def _exp(x):
    """exp of a sum, with logarithms of positive terms taken out as factors and divisors."""
    terms = _add(x).args if isinstance(x, Add) else (x,)
    up = [t.args[0] for t in terms if _is_log(t)]
    down = [t.args[1].args[0] for t in terms if _is_minus_log(t)]
    rest = [t for t in terms if not _is_log(t) and not _is_minus_log(t)]
    if not up and not down:
        return exp(x)
    inner = exp(Add(*rest)) if len(rest) > 1 else exp(rest[0]) if rest else ONE
    return product([inner, *up, *(Pow(d, -1) for d in down)])


def _is_log(t) -> bool:
    return isinstance(t, log) and scalar.sign(t.args[0]) == POSITIVE


def _is_minus_log(t) -> bool:
    return isinstance(t, Mul) and len(t.args) == 2 and t.args[0] == -1 and _is_log(t.args[1])


def _power(base, exponent):
    """Small integer powers by repeated squaring."""
    if (
        not scalar.is_number(exponent)
        or not exponent.is_integer
        or not 2 <= abs(exponent) <= SQUARING
    ):
        return raised(base, exponent)
    count, square, result = abs(int(exponent)), base, None
    while count:
        if count & 1:
            result = square if result is None else Mul(square, result)
        square, count = Mul(square, square), count >> 1
    return result if exponent > 0 else Pow(result, -1)


_SPELL: dict[str, Callable] = {
    "Add": _add,
    "Pow": _power,
    "exp": _exp,
    "abs": magnitude,
    **SPECIAL,
}
