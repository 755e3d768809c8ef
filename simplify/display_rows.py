"""Scalar rows of the display form: what a textbook would write.

They run on the compute form, whose stable rows are over, and nothing is computed from what they
leave: they may raise rounding errors (`exp(x) - 1` reads better than `expm1(x)`). Those of
soundness ALMOST show a derivative between its kinks: the conventions there (semantics 8.2) hold,
but are not written into the formula.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ..algebra.scalar import (
    HALF,
    ONE,
    ZERO,
    Add,
    Mul,
    Pow,
    Slot,
    cosh,
    eq,
    ge,
    gt,
    indicator,
    is_number,
    isnan,
    le,
    lt,
    maximum,
    minimum,
    ne,
    not_,
    relu,
    tanh,
    where,
)
from .arithmetic import coefficient, collected
from .display_choices import CHOICES
from .island import weight
from .rule import ALMOST, BITS, Rule, Wild, integer, number, product, sum_of

a, b, c = Wild("a"), Wild("b"), Wild("c")
q, r = Wild("q", rest=True), Wild("r", rest=True)
n = Wild("n", integer, like=2)
m = Wild("m", number, like=3)
s0, s1, s2 = Slot(0), Slot(1), Slot(2)
KINK = "semantics 8.2: the convention at a point that is not shown"


# ---------------------------------------------------------------- kinks


def powers(x: Any) -> tuple[Any, Counter]:
    """A product as its number and the exponent of every base; exponents that are no numbers stay
    in the base.
    """
    value, rest = coefficient(x)
    found: Counter = Counter()
    for f in rest:
        if type(f) is Pow and is_number(f.args[1]):
            found[f.args[0]] += f.args[1]
        else:
            found[f] += ONE
    return value, found


def multiplied(value: Any, bases: Counter) -> Any:
    """The product of a number and powers."""
    return product([value, *(f if k == 1 else Pow(f, k) for f, k in bases.items() if k != 0)])


def guards(test: Any, value: Any) -> bool:
    """Whether a value is written as a multiple of the number that is tested for 0, or divided by
    it: then it is 0 there, or has no value.
    """
    terms = value.args if type(value) is Add else (value,)
    return all(_guarded(test, t) for t in terms)


def _guarded(test: Any, term: Any) -> bool:
    _, bases = powers(term)
    if test in bases:
        return True
    _, tested = powers(test)
    return bool(tested) and all(f in bases for f in tested)


def unguarded(x: Any) -> Any:
    """A guard whose branch is 0 where the other one is a multiple, or undefined."""
    test, yes, no = x.args
    if type(test) is ne and no == 0 and is_number(no):
        value = yes
    elif type(test) is eq and yes == 0 and is_number(yes):
        value = no
    else:
        return None
    left, right = test.args
    for tested, zero in ((left, right), (right, left)):
        if is_number(zero) and zero == 0 and guards(tested, value):
            return value
    return None


# Where NaN goes: of the cost that a formula is derived from, too.
NANS = (Rule("not-nan", where(isnan(a), a, b), b, soundness=ALMOST, source="for numbers, not NaN"),)
KINKS = (
    Rule(
        "half-at-a-tie",
        where(gt(a, b), ONE, where(lt(a, b), ZERO, HALF)),
        indicator(gt(a, b)),
        soundness=ALMOST,
        source=KINK,
    ),
    Rule(
        "half-at-a-tie-below",
        where(lt(a, b), ONE, where(gt(a, b), ZERO, HALF)),
        indicator(lt(a, b)),
        soundness=ALMOST,
        source=KINK,
    ),
    Rule(
        "guard",
        where(ne(a, ZERO), a * b, ZERO),
        a * b,
        action=unguarded,
        soundness=ALMOST,
        source=KINK,
        witness=where(ne(s0, ZERO), Mul(s1, Pow(s0, -1)), ZERO),
        root="where",
    ),
)


# ---------------------------------------------------------------- indicators and comparisons

OPPOSITE = {gt: lt, lt: gt, ge: le, le: ge}


def distributed(x: Any) -> Any:
    """Products over sums multiplied out, one level deep."""
    if type(x) is Add:
        return sum_of(map(distributed, x.args))
    if type(x) is not Mul:
        return x
    terms: list = [ONE]
    for f in x.args:
        more = f.args if type(f) is Add else (f,)
        if len(terms) * len(more) > 16:
            return x
        terms = [product((t, u)) for t in terms for u in more]
    return sum_of(_gathered(t) for t in terms)


def _gathered(term: Any) -> Any:
    value, bases = powers(term)
    return multiplied(value, bases)


def compared(x: Any) -> Any:
    """A comparison with what is on both sides taken away; numbers stand on the right."""
    left, right = x.args
    difference = collected(distributed(left), distributed(product((-1, right))))
    terms = difference.args if type(difference) is Add else (difference,)
    fixed = [t for t in terms if is_number(t)]
    rest = [t for t in terms if not is_number(t)]
    if not rest:
        return None
    bound = -sum(fixed, ZERO)
    negative = all(is_negative(t) for t in rest)
    body = sum_of(product((-1 * coefficient(t)[0], *coefficient(t)[1])) if negative else t
                  for t in rest)  # fmt: skip
    new = (OPPOSITE[type(x)] if negative else type(x))(body, -bound if negative else bound)
    return new if _length(new) < _length(x) else None


def is_negative(term: Any) -> bool:
    """Whether a term has a minus sign."""
    return bool(coefficient(term)[0] < 0)


def _length(x: Any) -> int:
    """Operations and numbers."""
    if is_number(x):
        return 0 if x == 0 else 1
    return weight(x) + sum(_length(t) for t in getattr(x, "args", ()) if is_number(t))


def _comparison(relation: Any, name: str) -> Rule:
    return Rule(
        f"compared-{name}", relation(a + c, b + c), relation(a, b),
        action=compared, witness=relation(Add(1, Mul(-1, s0)), ZERO), root=name,
        source="order of the real numbers",
    )  # fmt: skip


COMPARISONS = tuple(
    _comparison(relation, name)
    for relation, name in ((gt, "gt"), (lt, "lt"), (ge, "ge"), (le, "le"))
)

LARGER = {maximum: gt, minimum: lt, relu: gt}


def chosen(x: Any) -> Any:
    """max(a, 0) where a > 0 is max(a, 0); so is its derivative's other factor."""
    for f in x.args:
        base = f.args[0] if type(f) is Pow and is_number(f.args[1]) and f.args[1] > 0 else f
        if type(base) not in LARGER:
            continue
        for value in _against_zero(base):
            test = LARGER[type(base)](value, ZERO)
            found = {indicator(test), indicator(compared(test) or test)} & set(x.args)
            if found:
                return product(g for g in x.args if g not in found)
    return None


def _against_zero(e: Any) -> list[Any]:
    """What is compared with 0 in a choice."""
    if len(e.args) == 1:
        return list(e.args)
    left, right = e.args
    return [a for a, zero in ((left, right), (right, left)) if is_number(zero) and zero == 0]


INDICATORS = (
    Rule("one-or-zero", where(c, ONE, ZERO), indicator(c), soundness=BITS,
         witness=where(gt(s0, ZERO), ONE, ZERO)),
    Rule("zero-or-one", where(c, ZERO, ONE), indicator(not_(c)), soundness=BITS,
         witness=where(gt(s0, ZERO), ZERO, ONE)),
    Rule("power-of-indicator", Pow(indicator(c), m), indicator(c), lambda c, m: m > 0,
         witness=Pow(indicator(gt(s0, ZERO)), 2)),
    Rule("chosen", Mul(maximum(a, ZERO), indicator(gt(a, ZERO))), maximum(a, ZERO),
         action=chosen, root="Mul", source="the choice is 0 where the indicator is"),
    Rule("not-greater", not_(gt(a, b)), le(a, b), soundness=ALMOST, source="for numbers, not NaN"),
    Rule("not-less", not_(lt(a, b)), ge(a, b), soundness=ALMOST, source="for numbers, not NaN"),
)  # fmt: skip

# ---------------------------------------------------------------- sums


def common_factor(x: Any, may_leave: Callable[[Any, list], bool] = lambda f, rest: True) -> Any:
    """Factors that every term has, in front of the sum of what is left.

    may_leave   whether a factor may stand outside, given the other factors of every term
    """
    if type(x) is not Add or len(x.args) < 2 or any(is_number(t) for t in x.args):
        return None
    split = [powers(t) for t in x.args]
    shared: dict[Any, Any] = {}
    for base in split[0][1]:
        found = [bases[base] for _, bases in split]
        if not may_leave(base, [[f for f in bases if f is not base] for _, bases in split]):
            continue
        if all(k > 0 for k in found):
            shared[base] = min(found)
        elif all(k < 0 for k in found):
            shared[base] = max(found)
    values = {abs(value) for value, _ in split}
    number_ = values.pop() if len(values) == 1 else ONE
    if all(value < 0 for value, _ in split) and (shared or number_ != 1):
        number_ = -number_
    if not shared and number_ == 1:
        return None
    rest = []
    for value, bases in split:
        left = Counter({base: k - shared.get(base, 0) for base, k in bases.items()})
        rest.append(multiplied(value / number_, left))
    if not shared and not number_.is_integer:
        return None
    return product((number_, *(f if k == 1 else Pow(f, k) for f, k in shared.items()),
                    sum_of(rest)))  # fmt: skip


def flipped(x: Any, may_turn: Callable[[Any], bool] = lambda total: True) -> Any:
    """-(a - b) is b - a, wherever the sign stands in the product.

    may_turn   whether a sum may be turned
    """
    value, rest = coefficient(x)
    sums = [f for f in rest if type(f) is Add]
    if value >= 0 or len(sums) != 1:
        return None
    (total,) = sums
    minus = sum(map(is_negative, total.args))
    plus = len(total.args) - minus
    if not minus or plus > minus or not may_turn(total):
        return None
    other = sum_of(product((-1 * coefficient(t)[0], *coefficient(t)[1])) for t in total.args)
    return product((-value, *(other if f is total else f for f in rest)))


def reciprocals(x: Any) -> Any:
    """A fraction in a fraction: 1/(a/b) is b/a, a number in front."""
    base, power = x.args
    if type(base) is not Mul or not is_number(power) or not power.is_integer:
        return None
    return product(_raised(f, power) for f in base.args)


def square_of_root(x: Any) -> Any:
    """sqrt(a)**2 is a."""
    base, power = x.args
    if type(base) is Pow and base.args[1] == HALF and is_number(power) and power % 2 == 0:
        return base.args[0] if power == 2 else Pow(base.args[0], power / 2)
    return None


def _raised(f: Any, power: Any) -> Any:
    if is_number(f):
        return f**power
    if type(f) is Pow and is_number(f.args[1]) and f.args[1].is_integer:
        return Pow(f.args[0], f.args[1] * power)
    return Pow(f, power)


SUMS = (
    Rule(
        "power-of-product",
        Pow(Mul(a, b), n),
        Mul(Pow(a, n), Pow(b, n)),
        action=reciprocals,
        witness=Pow(Mul(s0, Pow(s1, -1)), -1),
        source="field laws",
    ),
    Rule(
        "square-of-root",
        Pow(Pow(a, HALF), n),
        Pow(a, HALF * n),
        action=square_of_root,
        soundness=ALMOST,
        source="field laws, where the root is defined",
        witness=Pow(Pow(Slot(0, "positive"), HALF), -2),
    ),
)
FUNCTIONS = (
    Rule(
        "tanh-derivative",
        Pow(cosh(a), -2),
        Add(1, Mul(-1, Pow(tanh(a), 2))),
        source="DLMF 4.35.12",
        witness=Pow(cosh(s0), -2),
    ),
)
DISPLAY = (*NANS, *INDICATORS, *COMPARISONS, *SUMS, *FUNCTIONS, *KINKS, *CHOICES)
