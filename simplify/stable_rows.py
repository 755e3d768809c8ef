"""Stable rows: spellings that lose digits or overflow become functions that do not.

Rows are written for the forms that the arithmetic rows leave: no subtraction, no division, numbers
first.
"""

from __future__ import annotations

from typing import Any

from ..algebra.scalar import (
    HALF,
    MINUS_ONE,
    Add,
    Mul,
    Pow,
    Slot,
    absolute,
    cosh,
    exp,
    expm1,
    is_number,
    log,
    log1mexp,
    log1p,
    maximum,
    sigmoid,
    sinh,
    softplus,
    tanh,
)
from .arithmetic import collected
from .engine import operations
from .rule import Rule, Wild, integer, number, positive
from .special_rows import SPECIAL

a, b, e = Wild("a"), Wild("b"), Wild("e")
c, d = Wild("c", rest=True), Wild("d", rest=True)
n = Wild("n", integer, like=2)
v = Wild("v", number, like="1/2")
p = Wild("p", positive, like="positive")
s0, s1, s2 = Slot(0), Slot(1), Slot(2)

LOGISTIC = (
    "1 - sigmoid(a) = sigmoid(-a), softplus(a) = log(1 + exp(a)), softplus(-a) = softplus(a) - a"
)


def cancels(c: Any, e: Any) -> bool:
    return is_zero(collected(c, e))


def is_zero(e: Any) -> bool:
    return is_number(e) and e == 0


def same(c: Any, d: Any) -> bool:
    return is_zero(collected(c, Mul(-1, d)))


def _weight(x: Any) -> int:
    return 1 + sum(map(_weight, x.args)) if getattr(x, "args", ()) else 1


def meets(c: Any, d: Any, a: Any) -> bool:
    """c + d is a number, and c is the simpler of the two."""
    return is_number(collected(c, d)) and _weight(c) <= _weight(d)


SIGMOID = (
    Rule("sigmoid", Pow(Add(1, exp(a)), -1), sigmoid(-a), source=LOGISTIC),
    Rule(
        "sigmoid-power",
        Pow(Add(1, exp(a)), n),
        Pow(sigmoid(-a), -n),
        lambda a, n: n < 0,
        source=LOGISTIC,
        witness=Pow(Add(1, exp(s0)), -2),
    ),
    Rule("exp-times-sigmoid", Mul(exp(a), sigmoid(-a)), sigmoid(a), source=LOGISTIC),
    Rule(
        "exp-times-sigmoid-power",
        Mul(exp(a), Pow(sigmoid(-a), n)),
        Mul(sigmoid(a), Pow(sigmoid(-a), Add(n, -1))),
        lambda a, n: n > 1,
        source=LOGISTIC,
    ),
    Rule(
        "sigmoid-complement",
        Add(Mul(c, sigmoid(a)), e),
        Mul(e, sigmoid(-a)),
        lambda a, c, e: cancels(c, e),
        source=LOGISTIC,
        witness=Add(1, Mul(-1, sigmoid(s0))),
    ),
    Rule(
        "two-exps",
        Mul(exp(a), Pow(Add(exp(a), exp(b)), -1)),
        sigmoid(a - b),
        source="softmax of two",
    ),
    Rule("sigmoid-ratio", Mul(sigmoid(a), Pow(sigmoid(-a), -1)), exp(a), source=LOGISTIC),
)
SOFTPLUS = (
    Rule("log-sigmoid", log(sigmoid(a)), -softplus(-a), source=LOGISTIC),
    Rule(
        "log-sigmoid-factor",
        log(Mul(c, sigmoid(a))),
        Add(log(c), -softplus(-a)),
        lambda a, c: positive(c),
        source=LOGISTIC,
        witness=log(Mul(Slot(0, "positive"), sigmoid(s1))),
    ),
    Rule(
        "log-sigmoid-divisor",
        log(Mul(c, Pow(sigmoid(a), -1))),
        Add(log(c), softplus(-a)),
        lambda a, c: positive(c),
        source=LOGISTIC,
        witness=log(Mul(Slot(0, "positive"), Pow(sigmoid(s1), -1))),
    ),
    Rule("log-one-plus-exp", log(Add(1, exp(a))), softplus(a), source=LOGISTIC),
    Rule("log1p-exp", log1p(exp(a)), softplus(a), source=LOGISTIC),
    Rule(
        "softplus-pair",
        Add(Mul(c, softplus(-a)), Mul(d, softplus(a))),
        Add(Mul(Add(c, d), softplus(a)), Mul(-1, c, a)),
        lambda a, c, d: meets(c, d, a),
        source=LOGISTIC,
        witness=Add(Mul(s1, softplus(Mul(-1, s0))), Mul(Add(1, Mul(-1, s1)), softplus(s0))),
    ),
)
# near a result of 0 the larger term is small too, so nothing cancels; b + softplus(a - b) would
# lose digits there
LOG_ADD_EXP = Add(maximum(a, b), softplus(-absolute(a - b)))
LOG_EXP = (
    Rule(
        "log-exp-factor",
        log(Mul(c, exp(a))),
        Add(a, log(c)),
        lambda a, c: positive(c),
        source="DLMF 4.8.1",
        witness=log(Mul(Slot(1, "positive"), exp(s0))),
    ),
    Rule(
        "log-sum-of-two-exps",
        log(Add(exp(a), exp(b))),
        LOG_ADD_EXP,
        source="Blanchard, Higham, Higham 2021",
    ),
    Rule(
        "log-scaled-sum-of-two-exps",
        log(Mul(c, Add(exp(a), exp(b)))),
        Add(LOG_ADD_EXP, log(c)),
        lambda a, b, c: positive(c),
        source="Blanchard, Higham, Higham 2021",
        witness=log(Mul(HALF, Add(exp(s0), exp(s1)))),
    ),
    Rule(
        "log-difference-of-exps",
        log(Add(exp(a), Mul(-1, exp(b)))),
        Add(a, log1mexp(a - b)),
        source="exp(a)*(1 - exp(b - a))",
    ),
    Rule(
        "log1mexp",
        log(Add(1, Mul(-1, exp(a)))),
        log1mexp(-a),
        source="Maechler 2012, log(1 - exp(-|a|))",
    ),
    Rule(
        "log-minus-expm1",
        log(Mul(-1, expm1(a))),
        log1mexp(-a),
        source="Maechler 2012, log(1 - exp(-|a|))",
    ),
    Rule(
        "log-expm1", log(expm1(a)), Add(a, log1mexp(a)), source="Maechler 2012: inverse of softplus"
    ),
    Rule("log1p-minus-exp", log1p(Mul(-1, exp(a))), log1mexp(-a), source="Maechler 2012"),
    Rule(
        "atanh",
        log(Mul(Add(1, a), Pow(Add(1, Mul(-1, a)), -1))),
        Add(log1p(a), Mul(-1, log1p(-a))),
        source="DLMF 4.37.24",
    ),
)
NEAR_ONE = (
    Rule(
        "expm1",
        Add(Mul(c, exp(a)), e),
        Mul(c, expm1(a)),
        lambda a, c, e: cancels(c, e) and "exp" not in operations(e),
        source="definition",
        witness=Add(exp(s0), -1),
    ),
    Rule("log1p", log(Add(1, a)), log1p(a), lambda a: "exp" not in operations(a)),
)


def log1p_of_sum(x: Any) -> Any:
    """log(1 + u + v) becomes log1p(u + v)."""
    inner = x.args[0]
    if (
        type(inner) is not Add
        or len(inner.args) < 3
        or not any(is_number(t) and t == 1 for t in inner.args)
    ):
        return None
    return log1p(Add(*(t for t in inner.args if not (is_number(t) and t == 1))))


HYPERBOLIC = (
    Rule(
        "sinh",
        Add(Mul(c, exp(a)), Mul(d, exp(-a))),
        Mul(2, c, sinh(a)),
        lambda a, c, d: cancels(c, d),
        source="DLMF 4.28.1",
        witness=Add(exp(s0), Mul(-1, exp(Mul(-1, s0)))),
    ),
    Rule(
        "cosh",
        Add(Mul(c, exp(a)), Mul(d, exp(-a))),
        Mul(2, c, cosh(a)),
        lambda a, c, d: same(c, d),
        source="DLMF 4.28.2",
        witness=Add(exp(s0), exp(Mul(-1, s0))),
    ),
    Rule("tanh", Mul(sinh(a), Pow(cosh(a), -1)), tanh(a), source="DLMF 4.28.4"),
    Rule("tanh-of-half", Mul(expm1(a), sigmoid(-a)), tanh(HALF * a), source="DLMF 4.28.4"),
    Rule(
        "tanh-of-sigmoid",
        Add(Mul(c, sigmoid(a)), e),
        Mul(-1, e, tanh(HALF * a)),
        lambda a, c, e: cancels(c, Add(e, e)),
        source="tanh(a/2) = 2*sigmoid(a) - 1",
        witness=Add(Mul(2, sigmoid(s0)), -1),
    ),
    Rule(
        "tanh-complement",
        Add(Mul(c, Pow(tanh(a), 2)), e),
        Mul(e, Pow(cosh(a), -2)),
        lambda a, c, e: cancels(c, e),
        source="DLMF 4.35.12",
        witness=Add(1, Mul(-1, Pow(tanh(s0), 2))),
    ),
)
ROOTS = (
    Rule(
        "difference-of-roots",
        Add(Pow(a, HALF), Mul(-1, Pow(b, HALF))),
        Mul(Add(a, -b), Pow(Add(Pow(a, HALF), Pow(b, HALF)), -1)),
        lambda a, b: is_number(collected(a, Mul(-1, b))),
        source="x - y = (x**2 - y**2)/(x + y)",
        witness=Add(
            Pow(Add(1, Slot(0, "positive")), HALF), Mul(-1, Pow(Slot(0, "positive"), HALF))
        ),
    ),
    Rule(
        "root-minus-one",
        Add(Pow(Add(1, a), HALF), MINUS_ONE),
        Mul(a, Pow(Add(Pow(Add(1, a), HALF), 1), -1)),
        source="x - 1 = (x**2 - 1)/(x + 1)",
    ),
    Rule(
        "difference-of-reciprocals",
        Add(Pow(a, -1), Mul(-1, Pow(b, -1))),
        Mul(Add(b, -a), Pow(a, -1), Pow(b, -1)),
        lambda a, b: is_number(collected(a, Mul(-1, b))),
        source="common denominator",
        witness=Add(Pow(s0, -1), Mul(-1, Pow(Add(1, s0), -1))),
    ),
    Rule(
        "square-of-difference",
        Add(Pow(a, 2), Pow(b, 2), Mul(-2, a, b)),
        Pow(Add(a, -b), 2),
        source="binomial theorem",
    ),
    Rule(
        "square-of-sum",
        Add(Pow(a, 2), Pow(b, 2), Mul(2, a, b)),
        Pow(Add(a, b), 2),
        source="binomial theorem",
    ),
)
LOG1P_SUM = Rule(
    "log1p-of-sum",
    log(Add(1, a, b)),
    log1p(a + b),
    action=log1p_of_sum,
    witness=log(Add(1, s0, s1)),
    root="log",
)
STABLE = (*SIGMOID, *SOFTPLUS, *LOG_EXP, *HYPERBOLIC, *NEAR_ONE, LOG1P_SUM, *ROOTS, *SPECIAL)
