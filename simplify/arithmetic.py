"""Arithmetic rows: flattening, numbers, like terms, powers of equal bases. These cannot be
patterns: each is a function.

Terms and factors keep the order of their first appearance; in a product the number comes first.
"""

from __future__ import annotations

from typing import Any

from sympy import Integer, Rational

from ..algebra.scalar import HALF, ONE, ZERO, Add, Mul, Pow, Slot, exp, is_number
from .rule import (
    BITS,
    REAL,
    Rule,
    Wild,
    integer,
    negative,
    nonnegative,
    number,
    positive,
    product,
    sum_of,
)

a, b, c = Wild("a"), Wild("b"), Wild("c")
n, m = Wild("n", number, like=2), Wild("m", number, like=3)
k, j = Wild("k", integer, like=2), Wild("j", integer, like=3)
s0, s1, s2 = Slot(0), Slot(1), Slot(2)
p = Wild("p", nonnegative, like="nonnegative")


def flat_sum(e: Any) -> Any:
    if len(e.args) < 2:
        return sum_of(e.args)
    return sum_of(e.args) if any(type(t) is Add for t in e.args) else None


def flat_product(e: Any) -> Any:
    if len(e.args) < 2:
        return product(e.args)
    return product(e.args) if any(type(f) is Mul for f in e.args) else None


def fold_product(e: Any) -> Any:
    """Numbers meet at the front."""
    found = [f for f in e.args if is_number(f)]
    if not found or (len(found) == 1 and found[0] is e.args[0] and found[0] != 1 and found[0] != 0):
        return None
    value = ONE
    for f in found:
        value = value * f
    return ZERO if value == 0 else product((value, *(f for f in e.args if not is_number(f))))


def fold_sum(e: Any) -> Any:
    """Numbers meet where the first one stood; 0 goes."""
    found = [t for t in e.args if is_number(t)]
    if not found or (len(found) == 1 and found[0] != 0):
        return None
    value, terms, placed = sum(found, ZERO), [], False
    for t in e.args:
        if not is_number(t):
            terms.append(t)
        elif not placed:
            placed = True
            if value != 0:
                terms.append(value)
    return sum_of(terms)


def fold_power(e: Any) -> Any:
    base, power = e.args
    if not (is_number(base) and is_number(power)) or (base == 0 and power < 0) or abs(power) > 64:
        return None
    value = base**power
    return value if isinstance(value, Rational) else None


def coefficient(term: Any) -> tuple[Any, tuple]:
    """A term as (number, other factors)."""
    if is_number(term):
        return term, ()
    if type(term) is not Mul:
        return ONE, (term,)
    first = term.args[0]
    return (first, term.args[1:]) if is_number(first) else (ONE, term.args)


def collect(e: Any) -> Any:
    """Terms that differ by a number meet where the first one stood."""
    return _gather(e.args) if len(e.args) > 1 else None


def _gather(terms: tuple) -> Any:
    table: dict[frozenset, list] = {}
    for t in terms:
        number_, rest = coefficient(t)
        entry = table.setdefault(frozenset(rest), [ZERO, rest])
        entry[0] = entry[0] + number_
    if len(table) == len(terms):
        return None
    kept = [product((value, *rest)) for value, rest in table.values() if value != 0]
    return sum_of(kept)


def collected(*terms: Any) -> Any:
    """The sum of expressions with numbers multiplied out over sums and like terms collected."""
    flat: list = []
    for t in terms:
        _spread(t, ONE, flat)
    found = _gather(tuple(flat))
    return sum_of(flat) if found is None else found


def _spread(t: Any, factor: Any, flat: list) -> None:
    if is_number(t):
        flat.append(t * factor)
    elif type(t) is Add:
        for u in t.args:
            _spread(u, factor, flat)
    elif type(t) is Mul and is_number(t.args[0]):
        _spread(product(t.args[1:]), factor * t.args[0], flat)
    else:
        flat.append(t if factor == 1 else product((factor, t)))


def negated_sum(e: Any) -> Any:
    """-(x - y) becomes y - x: a sign costs nothing in a sum, and equal sums then look equal."""
    if len(e.args) == 2 and type(e.args[1]) is Add and is_number(e.args[0]) and e.args[0] == -1:
        return negative(e.args[1])
    return None


def equal_bases(e: Any) -> Any:
    """x**a * x**b becomes x**(a + b) where that is the same function."""
    table: dict[Any, list] = {}
    for f in e.args:
        if is_number(f):
            continue
        base, power = f.args if type(f) is Pow else (f, ONE)
        table.setdefault(base, []).append(power)
    if len(table) + sum(map(is_number, e.args)) == len(e.args):
        return None
    if not any(len(powers) > 1 and _may_add(base, powers) for base, powers in table.items()):
        return None
    factors = [f for f in e.args if is_number(f)]
    for base, powers in table.items():
        if len(powers) > 1 and _may_add(base, powers):
            power = sum(powers, ZERO) if all(map(is_number, powers)) else Add(*powers)
            factors.append(base if power == 1 else ONE if power == 0 else Pow(base, power))
        else:
            factors.extend(base if power == 1 else Pow(base, power) for power in powers)
    return product(factors)


def _may_add(base: Any, powers: list) -> bool:
    return (
        all(map(integer, powers))
        or positive(base)
        or (nonnegative(base) and all(map(number, powers)))
    )


def split_reciprocal(e: Any) -> Any:
    """1/(x*y) becomes 1/x * 1/y, so that factors can meet."""
    base, power = e.args
    if type(base) is Mul and power == -1:
        return product(Pow(f, -1) for f in base.args)
    return None


def number_into_sum(e: Any) -> Any:
    """A rational times a sum of numbers times things, when every product is an integer: 1/2*(2*x +
    4).
    """
    if (
        len(e.args) != 2
        or type(e.args[1]) is not Add
        or not is_number(e.args[0])
        or e.args[0].is_integer
    ):
        return None
    terms = [product((e.args[0] * coefficient(t)[0], *coefficient(t)[1])) for t in e.args[1].args]
    return sum_of(terms) if all(coefficient(t)[0].is_integer for t in terms) else None


def _row(
    name: str,
    left: Any,
    right: Any,
    action: Any,
    witness: Any,
    soundness: str = REAL,
    trivial: bool = True,
) -> Rule:
    return Rule(
        name,
        left,
        right,
        action=action,
        witness=witness,
        soundness=soundness,
        source="field laws",
        trivial=trivial,
    )


FLATTEN = (
    _row("flatten-sum", Add(a, Add(b, c)), Add(a, b, c), flat_sum, Add(s0, Add(s1, s2))),
    _row("flatten-product", Mul(a, Mul(b, c)), Mul(a, b, c), flat_product, Mul(s0, Mul(s1, s2))),
)
NUMBERS = (
    _row("fold-product", Mul(n, a, m), Mul(n * m, a), fold_product, Mul(2, s0, 3)),
    _row("fold-sum", Add(n, a, m), Add(n + m, a), fold_sum, Add(2, s0, 3)),
    _row("fold-power", Pow(n, k), n**k, fold_power, Pow(Integer(2), -1)),
    _row("negated-sum", -(a + b), Add(-a, -b), negated_sum, Mul(-1, Add(s0, s1)), BITS),
)
COLLECT = (
    _row(
        "like-terms",
        Add(Mul(n, a), Mul(m, a)),
        (n + m) * a,
        collect,
        Add(s0, Mul(2, s0)),
        trivial=False,
    ),
    _row(
        "equal-bases",
        Mul(Pow(a, n), Pow(a, m)),
        Pow(a, n + m),
        equal_bases,
        Mul(s0, s1, Pow(s0, -1)),
        trivial=False,
    ),
    _row(
        "split-reciprocal",
        Pow(Mul(a, b), -1),
        Mul(Pow(a, -1), Pow(b, -1)),
        split_reciprocal,
        Pow(Mul(s0, s1), -1),
    ),
    _row(
        "number-into-sum",
        HALF * Add(2 * a, 2 * b),
        a + b,
        number_into_sum,
        Mul(HALF, Add(Mul(2, s0), 4)),
    ),
)
POWERS = (
    Rule("power-one", Pow(a, 1), a, soundness=BITS, trivial=True),
    Rule(
        "power-zero",
        Pow(a, 0),
        ONE,
        soundness=BITS,
        source="IEEE 754-2019, 9.2.1: pow(x, 0) is 1 for any x",
    ),
    Rule(
        "power-of-one",
        Pow(ONE, a),
        ONE,
        soundness=BITS,
        source="IEEE 754-2019, 9.2.1: pow(1, y) is 1 for any y",
    ),
    Rule("integer-powers", Pow(Pow(a, k), j), Pow(a, k * j), source="field laws"),
    Rule(
        "power-of-power",
        Pow(Pow(p, n), m),
        Pow(p, n * m),
        lambda p, n, m: n > 0 and m > 0,
        source="field laws",
    ),
    Rule("power-of-exp", Pow(exp(a), n), exp(n * a), source="DLMF 4.2.33"),
)
ARITHMETIC = (*FLATTEN, *NUMBERS, *COLLECT, *POWERS)
