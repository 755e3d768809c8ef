"""Scalar rows of the display form for choices: what holds on one side of a comparison, and what is
known where it holds.

A tie belongs to both sides (semantics 8.2): the rows are ALMOST.
"""

from __future__ import annotations

import itertools
from typing import Any

from ..algebra.scalar import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Mul,
    Pow,
    Slot,
    absolute,
    and_,
    clip,
    exp,
    ge,
    gt,
    indicator,
    is_number,
    le,
    lt,
    maximum,
    minimum,
    not_,
    relu,
    replace,
    sign_of,
    subexpressions,
    where,
)
from .arithmetic import coefficient
from .rule import ALMOST, REAL, Rule, Wild, number, product, sum_of

a, b = Wild("a"), Wild("b")
n = Wild("n", number, like=3)
q, r = Wild("q", rest=True), Wild("r", rest=True)
s0, s1, s2 = Slot(0), Slot(1), Slot(2)
KINK = "semantics 8.2: the convention at a point that is not shown"
ABOVE, BELOW = (gt, ge), (lt, le)

# ---------------------------------------------------------------- two sides


def two_sides(x: Any) -> Any:
    """What is added on one side of a comparison only, and what on the other, as one choice."""
    found = [_one_sided(t) for t in x.args]
    for i, j in itertools.combinations(range(len(found)), 2):
        one, other = found[i], found[j]
        if one and other and _apart(one, other):
            (test, holds, value), (_, _, instead) = one, other
            rest = [t for k, t in enumerate(x.args) if k not in (i, j)]
            both = where(test, value, instead) if holds else where(test, instead, value)
            return sum_of([*rest[:i], both, *rest[i:]])
    return None


def _one_sided(term: Any) -> tuple[Any, bool, Any] | None:
    """A term that is 0 unless a test is true, or unless it is false: (test, which, value there)."""
    factors = term.args if type(term) is Mul else (term,)
    for k, f in enumerate(factors):
        others = [g for j, g in enumerate(factors) if j != k]
        if type(f) is indicator:
            return f.args[0], True, product(others)
        if type(f) is where:
            test, *branches = f.args
            for value, zero, holds in (*branches, True), (*branches[::-1], False):
                if is_number(zero) and zero == 0:
                    return test, holds, product([*others, value])
    return None


def _apart(one: tuple, other: tuple) -> bool:
    """Whether one of two terms is 0 where the other is not."""
    if one[0] == other[0]:
        return bool(one[1] != other[1])
    return one[1] == other[1] and type(one[0]) in SIDES and known(one[0], other[0]) is False


# ---------------------------------------------------------------- what is known
SIDES = (*ABOVE, *BELOW)


def order(test: Any, left: Any, right: Any) -> int | None:
    """1 if a test that is true says left >= right, -1 if it says left <= right, else None."""
    if type(test) is and_:
        found = [order(t, left, right) for t in test.args]
        return next((s for s in found if s is not None), None)
    if type(test) is not_:
        inner = order(test.args[0], left, right)
        return None if inner is None or type(test.args[0]) is and_ else -inner
    if type(test) not in SIDES:
        return None
    sense = 1 if type(test) in ABOVE else -1
    if test.args == (left, right):
        return sense
    return -sense if test.args == (right, left) else None


def known(test: Any, e: Any) -> bool | None:
    """Whether a comparison holds where a test is true; None if that does not say."""
    if e == test:
        return True
    found = order(test, *e.args) if type(e) in SIDES else None
    return None if found is None else (found > 0) == (type(e) in ABOVE)


def settled(test: Any, e: Any) -> Any:
    """What a choice, a sign or an absolute value is where a test is true; None if that does not
    say.
    """
    kind, args = type(e), e.args
    if kind in (maximum, minimum):
        first = order(test, *args)
        return None if first is None else args[0] if (first > 0) == (kind is maximum) else args[1]
    if kind is clip:
        low, high = order(test, args[0], args[1]), order(test, args[0], args[2])
        if low == 1 and high == -1:
            return args[0]
        return args[1] if low == -1 else args[2] if high == 1 else None
    if kind in (relu, absolute, sign_of):
        side = order(test, args[0], ZERO)
        if side is None:
            return None
        value = {relu: args[0], absolute: args[0], sign_of: ONE}[kind]
        return value if side > 0 else ZERO if kind is relu else product((MINUS_ONE, value))
    if kind in (indicator, where):
        holds = known(test, args[0])
        return None if holds is None else (*args[1:], ONE, ZERO)[0 if holds else 1]
    return None


def assumed(test: Any, e: Any) -> Any:
    """An expression where a test is true."""
    found = {t: settled(test, t) for t in subexpressions(e) if hasattr(t, "args") and t.args}
    found = {t: v for t, v in found.items() if v is not None}
    return assumed(test, replace(e, found)) if found else e


def number_of_branch(x: Any) -> Any:
    """A number in front of the only branch that is not 0 stands in front of the choice."""
    test, *values = x.args
    for k in (0, 1):
        factor, rest = coefficient(values[k])
        if values[1 - k] == 0 and is_number(values[1 - k]) and factor != 1 and rest:
            values[k] = product(rest)
            return product((factor, where(test, *values)))
    return None


def branches(x: Any) -> Any:
    """What a branch knows, because it is taken."""
    test, yes, no = x.args
    new = assumed(test, yes), assumed(not_(test), no)
    return None if new == (yes, no) else where(test, *new)


def beside_indicator(x: Any) -> Any:
    """What the factors beside an indicator know, because they are 0 elsewhere."""
    for f in x.args:
        if type(f) is indicator:
            others = [g for g in x.args if g is not f]
            new = [assumed(f.args[0], g) for g in others]
            if new != others:
                return product(f if g is f else new[others.index(g)] for g in x.args)
    return None


CHOICES = (
    Rule(
        "two-sides",
        Add(Mul(q, indicator(gt(a, b))), where(lt(a, b), r, ZERO)),
        where(gt(a, b), q, r),
        action=two_sides,
        soundness=ALMOST,
        source=KINK,
        witness=Add(Mul(s1, indicator(gt(s0, ZERO))), Mul(-1, s2, indicator(lt(s0, ZERO)))),
    ),
    Rule(
        "number-of-a-branch",
        where(gt(a, b), n * q, ZERO),
        n * where(gt(a, b), q, ZERO),
        action=number_of_branch,
        soundness=REAL,
        source="distribution over the branches",
        witness=where(gt(s0, ZERO), Mul(2, s1), ZERO),
    ),
    Rule(
        "known-in-a-branch",
        where(gt(a, b), maximum(a, b), minimum(a, b)),
        where(gt(a, b), a, a),
        action=branches,
        soundness=ALMOST,
        source="a branch is taken where its test holds",
        witness=where(gt(s0, ZERO), s1, Mul(exp(minimum(s0, ZERO)), indicator(gt(ZERO, s0)))),
    ),
    Rule(
        "known-beside-an-indicator",
        Mul(maximum(a, b), indicator(gt(a, b))),
        Mul(a, indicator(gt(a, b))),
        action=beside_indicator,
        root="Mul",
        soundness=ALMOST,
        source="the product is 0 where the test does not hold",
        witness=Mul(Pow(maximum(s0, s1), 2), indicator(gt(s0, s1))),
    ),
)
