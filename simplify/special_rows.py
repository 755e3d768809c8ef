"""Stable rows with special functions: what overflows, or cancels, unless it is taken as a whole."""

from __future__ import annotations

from typing import Any

from ..algebra.scalar import (
    HALF,
    ONE,
    Add,
    Mul,
    Pow,
    Slot,
    arcsinh,
    cosh,
    erf,
    erfc,
    erfcx,
    exp,
    expm1,
    exprel,
    hypot,
    log,
    log_ndtr,
    logcosh,
    logit,
    ndtr,
    sin,
    sinc,
    xlogy,
)
from .arithmetic import collected
from .rule import Rule, Wild, is_number, positive

a, b, e = Wild("a"), Wild("b"), Wild("e")
c = Wild("c", rest=True)
p = Wild("p", like="positive")
s0 = Slot(0)


def cancels(c: Any, e: Any) -> bool:
    """Whether c + e is 0."""
    total = collected(c, e)
    return is_number(total) and total == 0


def same(c: Any, e: Any) -> bool:
    return cancels(c, Mul(-1, e))


def _bell(a: Any, b: Any) -> bool:
    """Whether b is -a**2/2."""
    return cancels(b, Mul(HALF, Pow(a, 2)))


LENGTHS = (
    Rule("hypot", Pow(Add(Pow(a, 2), Pow(b, 2)), HALF), hypot(a, b), source="definition"),
    Rule("hypot-of-one", Pow(Add(1, Pow(a, 2)), HALF), hypot(ONE, a), source="definition"),
    Rule("arcsinh", log(Add(a, hypot(ONE, a))), arcsinh(a), source="DLMF 4.37.16"),
)
LOGARITHMS = (
    Rule("log-cosh", log(cosh(a)), logcosh(a), source="definition"),
    Rule(
        "log-cosh-factor",
        log(Mul(c, cosh(a))),
        Add(logcosh(a), log(c)),
        lambda a, c: positive(c),
        source="DLMF 4.8.1",
        witness=log(Mul(2, cosh(s0))),
    ),
    Rule("log-odds", log(Mul(p, Pow(Add(1, Mul(-1, p)), -1))), logit(p), source="definition"),
    Rule("x-log-x", Mul(a, log(a)), xlogy(a, a), source="limit at 0"),
)
QUOTIENTS = (
    Rule("sinc", Mul(sin(a), Pow(a, -1)), sinc(a), source="limit at 0"),
    Rule("exprel", Mul(expm1(a), Pow(a, -1)), exprel(a), source="limit at 0"),
)
COMPLEMENTS = (
    Rule(
        "erf-complement",
        Add(Mul(c, erf(a)), e),
        Mul(e, erfc(a)),
        lambda a, c, e: cancels(c, e),
        source="DLMF 7.2.2",
        witness=Add(1, Mul(-1, erf(s0))),
    ),
    Rule(
        "one-plus-erf",
        Add(Mul(c, erf(a)), e),
        Mul(e, erfc(-a)),
        lambda a, c, e: same(c, e),
        source="DLMF 7.4.1",
        witness=Add(1, erf(s0)),
    ),
    Rule(
        "erfc-complement",
        Add(Mul(c, erfc(a)), e),
        Mul(e, erf(a)),
        lambda a, c, e: cancels(c, e),
        source="DLMF 7.2.2",
        witness=Add(1, Mul(-1, erfc(s0))),
    ),
    Rule(
        "ndtr-complement",
        Add(Mul(c, ndtr(a)), e),
        Mul(e, ndtr(-a)),
        lambda a, c, e: cancels(c, e),
        source="symmetry of the normal distribution",
        witness=Add(1, Mul(-1, ndtr(s0))),
    ),
)
NORMAL = (
    Rule("log-ndtr", log(ndtr(a)), log_ndtr(a), source="definition"),
    Rule(
        "inverse-mills-ratio",
        Mul(exp(b), Pow(ndtr(a), -1)),
        Mul(2, Pow(erfcx(Mul(-1, Pow(HALF, HALF), a)), -1)),
        lambda a, b: _bell(a, b),
        source="DLMF 7.2.3: ndtr(a) = exp(-a**2/2)*erfcx(-a/sqrt(2))/2",
        witness=Mul(exp(Mul(-HALF, Pow(s0, 2))), Pow(ndtr(s0), -1)),
    ),
)
SPECIAL = (*LENGTHS, *LOGARITHMS, *QUOTIENTS, *COMPLEMENTS, *NORMAL)
