"""Rows of elementary functions: exp and log, absolute values, choices and comparisons."""

from __future__ import annotations

from sympy import false, true

from ..algebra import scalar
from ..algebra.partials import bounded
from ..algebra.scalar import (
    HALF,
    ONE,
    ZERO,
    Add,
    Mul,
    Pow,
    Slot,
    absolute,
    exp,
    ge,
    gt,
    indicator,
    le,
    log,
    lt,
    maximum,
    minimum,
    ne,
    not_,
    relu,
    sigmoid,
    sign_of,
    where,
)
from .rule import BITS, FAST, Rule, Wild, nonnegative, number, positive

a, b, c = Wild("a"), Wild("b"), Wild("c")
n = Wild("n", number, like=2)
p = Wild("p", positive, like="positive")
q = Wild("q", nonnegative, like="nonnegative")
r = Wild("r", rest=True)
_GUARD = "0 where the mask is 0, and the branch that is taken elsewhere"


def _boolean(e: object) -> bool:
    return isinstance(e, scalar.Scalar) and e.boolean


truth = Wild("t", _boolean)

EXP_LOG = (
    Rule("log-of-exp", log(exp(a)), a, source="DLMF 4.2.2"),
    Rule("exp-of-log", exp(log(p)), p, source="DLMF 4.2.2"),
    Rule("log-of-reciprocal", log(Pow(a, -1)), -log(a), source="DLMF 4.8.3"),
    Rule("exp-times-inverse", Mul(exp(a), exp(-a)), ONE, source="DLMF 4.2.33"),
    Rule("exp-product", Mul(exp(a), exp(b)), exp(a + b), soundness=FAST, source="DLMF 4.8.10"),
    Rule("log-of-one", log(ONE), ZERO, soundness=BITS),
    Rule("exp-of-zero", exp(ZERO), ONE, soundness=BITS),
)
SIGNS = (
    Rule("root-of-square", Pow(Pow(a, 2), HALF), absolute(a)),
    Rule("abs-of-abs", absolute(absolute(a)), absolute(a), soundness=BITS),
    Rule("abs-of-nonnegative", absolute(q), q, source="abs of a value that is proven nonnegative"),
    Rule("abs-of-negative", absolute(Mul(-1, q)), q, lambda q: not scalar.is_number(q)),
    Rule("square-of-abs", Pow(absolute(a), 2), Pow(a, 2), soundness=BITS),
    Rule("sign-of-positive", sign_of(p), ONE),
    Rule("relu-of-nonnegative", relu(q), q),
    Rule("relu-of-relu", relu(relu(a)), relu(a), soundness=BITS),
    Rule("maximum-of-equal", maximum(a, a), a, soundness=BITS),
    Rule("minimum-of-equal", minimum(a, a), a, soundness=BITS),
)
CHOICES = (
    Rule("equal-branches", where(c, a, a), a, soundness=BITS),
    Rule("choose-true", where(true, a, b), a, soundness=BITS),
    Rule("choose-false", where(false, a, b), b, soundness=BITS),
    Rule("choose-negated", where(not_(c), a, b), where(c, b, a), soundness=BITS, trivial=True),
    Rule(
        "guarded-product",
        where(ne(a, ZERO), Mul(r, a), ZERO),
        Mul(r, a),
        source=_GUARD,
        condition=lambda a, r: bounded(r),
        witness=where(ne(Slot(0), ZERO), Mul(2, Slot(0)), ZERO),
    ),
    Rule("not-not", not_(not_(c)), c, soundness=BITS, witness=not_(not_(gt(Slot(0), ZERO)))),
)
COMPARISONS = (
    Rule(
        "sigmoid-above-half",
        gt(sigmoid(a), HALF),
        gt(a, ZERO),
        source="the logistic function is increasing",
    ),
    Rule(
        "sigmoid-at-least-half",
        ge(sigmoid(a), HALF),
        ge(a, ZERO),
        source="the logistic function is increasing",
    ),
    Rule(
        "sigmoid-below-half",
        lt(sigmoid(a), HALF),
        lt(a, ZERO),
        source="the logistic function is increasing",
    ),
    Rule(
        "sigmoid-at-most-half",
        le(sigmoid(a), HALF),
        le(a, ZERO),
        source="the logistic function is increasing",
    ),
    Rule("indicator-of-true", indicator(true), ONE, soundness=BITS),
    Rule("indicator-of-false", indicator(false), ZERO, soundness=BITS),
)


INTEGER = (
    Rule(
        "integer-plus-zero",
        Add(a, ZERO),
        a,
        soundness=BITS,
        source="integers wrap modulo a power of two",
    ),
    Rule(
        "integer-times-one",
        Mul(ONE, a),
        a,
        soundness=BITS,
        source="integers wrap modulo a power of two",
        witness=Mul(ONE, Slot(0)),
    ),
    Rule(
        "integer-minus-minus",
        Mul(-1, Mul(-1, a)),
        a,
        soundness=BITS,
        source="integers wrap modulo a power of two",
    ),
    *CHOICES[:3],
    CHOICES[-1],
)
ELEMENTARY = (*EXP_LOG, *SIGNS, *CHOICES, *COMPARISONS)
