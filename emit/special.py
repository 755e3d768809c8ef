"""Named functions in those that a target has: one row each.

Constants are the nearest doubles of what the comment says; nothing of this is ever shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sympy import Integer, Rational

from ..algebra import scalar
from ..algebra.errors import EmitError
from ..algebra.scalar import (
    HALF,
    ONE,
    ZERO,
    Add,
    Mul,
    Pow,
    absolute,
    and_,
    eq,
    exp,
    ge,
    gt,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    where,
)
from .value import Infinity

LOG2 = Rational(6243314768165359, 9007199254740992)  # log(2)
ROOT_HALF = Rational(6369051672525773, 9007199254740992)  # 1/sqrt(2)
LOG_ROOT = Rational(2069265617858477, 2251799813685248)  # log(2 pi)/2
TEN = Integer(10)
STIRLING = tuple(
    Rational(n, d)
    for n, d in ((1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156))
)
LARGE = Integer(10) ** 30  # quotients beyond are taken as differences of logarithms


def magnitude(x):
    """abs(x); the same expression for x and -x."""
    while isinstance(x, Mul) and x.args[0] == -1:
        x = Mul(*x.args[1:]) if len(x.args) > 2 else x.args[1]
    return absolute(x)


def decay(x):
    """exp(-abs(x)), which never overflows."""
    return exp(Mul(-1, magnitude(x)))


def _sigmoid(x):
    return Mul(where(lt(x, ZERO), decay(x), ONE), Pow(Add(ONE, decay(x)), -1))


def _log1mexp(x):
    """Source: M. Maechler, "Accurately computing log(1 - exp(-|a|))" (2012)."""
    small = log(Mul(-1, scalar.expm1(Mul(-1, x))))
    return where(lt(x, LOG2), small, log1p(Mul(-1, exp(Mul(-1, x)))))


def _logcosh(x):
    """abs(x) - log(2) + log1p(exp(-2 abs(x))); near 0, where that cancels, another formula."""
    a, half = magnitude(x), scalar.sinh(Mul(HALF, x))
    large = Add(a, -LOG2, log1p(exp(Mul(-2, a))))
    return where(lt(a, ONE), log1p(Mul(2, half, half)), large)


def _logaddexp(a, b):
    """The difference is 0 where both are infinite with one sign."""
    apart = where(eq(a, b), ZERO, Add(a, Mul(-1, b)))
    return Add(maximum(a, b), log1p(decay(apart)))


def _heaviside(x, half):
    rest = where(eq(x, ZERO), half, x)
    return where(gt(x, ZERO), ONE, where(lt(x, ZERO), ZERO, rest))


def _ndtr(x):
    return Mul(HALF, scalar.erfc(Mul(-ROOT_HALF, x)))


def _log_ndtr(x):
    """In the lower tail -x**2/2 + log(erfcx(-x/sqrt(2))/2)."""
    tail = Add(Mul(-HALF, x, x), log(Mul(HALF, scalar.erfcx(Mul(-ROOT_HALF, x)))))
    return where(lt(x, Integer(-1)), tail, log1p(Mul(-HALF, scalar.erfc(Mul(ROOT_HALF, x)))))


def _polygamma(order, x):
    """(-1)**(n + 1) n! zeta(n + 1, x). Source: DLMF 25.11.12."""
    if not scalar.is_number(order):
        raise EmitError("polygamma of an order that is no number", fix="give the order as a number")
    if order == 0:
        return scalar.digamma(x)
    factor = Integer((-1) ** (int(order) + 1) * math.factorial(int(order)))
    return Mul(factor, scalar.zeta(order + 1, x))


def _logit(p):
    """2 arctanh(2 p - 1) in the middle, where log(p/(1 - p)) is close to 0."""
    doubled = Add(Mul(2, p), -1)
    outer = log(Mul(p, Pow(Add(ONE, Mul(-1, p)), -1)))
    return where(lt(absolute(doubled), HALF), Mul(2, scalar.arctanh(doubled)), outer)


def _guarded(x, y, logarithm):
    """0 where x is, unless y is NaN."""
    return where(and_(eq(x, ZERO), eq(y, y)), ZERO, Mul(x, logarithm(y)))


def _entr(x):
    rest = where(eq(x, x), Mul(-1, Infinity()), x)
    return where(gt(x, ZERO), Mul(-1, x, log(x)), where(eq(x, ZERO), ZERO, rest))


def _log_quotient(x, y):
    """log(x/y), accurate where they are close, and where the quotient over- or underflows."""
    quotient = Mul(x, Pow(y, -1))
    close = and_(lt(x, Mul(2, y)), lt(y, Mul(2, x)))
    near = log1p(Mul(Add(x, Mul(-1, y)), Pow(y, -1)))
    plain = and_(gt(quotient, 1 / LARGE), lt(quotient, LARGE))
    return where(close, near, where(plain, log(quotient), Add(log(x), Mul(-1, log(y)))))


def _divergence(inside, edge):
    """A function of two positive numbers, its value at x = 0, infinity elsewhere."""

    def spelled(x, y):
        undefined = where(and_(eq(x, x), eq(y, y)), Infinity(), Add(x, y))
        outside = where(and_(eq(x, ZERO), ge(y, ZERO)), edge(y), undefined)
        return where(and_(gt(x, ZERO), gt(y, ZERO)), inside(x, y), outside)

    return spelled


def _kl_div(x, y):
    return Add(Mul(x, _log_quotient(x, y)), Mul(-1, Add(x, Mul(-1, y))))


def _exprel(x):
    """expm1(x)/x; infinity beyond the largest exponent, where expm1 is infinite."""
    slope = Mul(scalar.expm1(x), Pow(x, -1))
    return where(eq(x, ZERO), ONE, where(gt(x, Integer(717)), Infinity(), slope))


def _stirling(x):
    """log(gamma(x)) - (x - 1/2)*log(x) + x - log(2 pi)/2 for x >= 10. Source: DLMF 5.11.1."""
    *rest, series = STIRLING
    for number in reversed(rest):
        series = Add(number, Mul(series, Pow(x, -2)))
    return Mul(series, Pow(x, -1))


def _betaln(a, b):
    """log(abs(B(a, b))): the large parts of the gamma functions cancel in Stirling's formula before
    anything is rounded. Source: Didonato and Morris 1992, section 2."""
    p, q, total = minimum(a, b), maximum(a, b), Add(a, b)
    share, lower = log1p(Mul(-1, p, Pow(total, -1))), scalar.gammaln(p)
    rest = Add(_stirling(maximum(q, TEN)), Mul(-1, _stirling(maximum(total, TEN))))
    powers = Add(Mul(Add(p, -HALF), log(Mul(p, Pow(total, -1)))), Mul(q, share))
    both = Add(Mul(-HALF, log(q)), LOG_ROOT, _stirling(maximum(p, TEN)), rest, powers)
    mixed = Add(p, Mul(-1, p, log(total)), Mul(Add(q, -HALF), share))
    small = Add(lower, Add(scalar.gammaln(q), Mul(-1, scalar.gammaln(total))))
    one = where(and_(ge(q, TEN), gt(p, ZERO)), Add(lower, rest, mixed), small)
    pole = and_(eq(p, ZERO), ge(q, ZERO))
    limit = and_(eq(q, Infinity()), gt(p, ZERO))
    finite = where(ge(p, TEN), both, where(pole, Infinity(), one))
    return where(limit, Mul(-1, q), finite)


SPECIAL: dict[str, Callable] = {
    "softplus": lambda x: Add(scalar.relu(x), log1p(decay(x))),
    "sigmoid": _sigmoid,
    "log1mexp": _log1mexp,
    "logcosh": _logcosh,
    "logaddexp": _logaddexp,
    "heaviside": _heaviside,
    "clip": lambda x, low, high: minimum(maximum(x, low), high),
    "sinc": lambda x: where(eq(x, ZERO), ONE, Mul(scalar.sin(x), Pow(x, -1))),
    "ndtr": _ndtr,
    "log_ndtr": _log_ndtr,
    "polygamma": _polygamma,
    "betaln": _betaln,
    "logit": _logit,
    "xlogy": lambda x, y: _guarded(x, y, log),
    "xlog1py": lambda x, y: _guarded(x, y, log1p),
    "entr": _entr,
    "rel_entr": _divergence(lambda x, y: Mul(x, _log_quotient(x, y)), lambda y: ZERO),
    "kl_div": _divergence(_kl_div, lambda y: y),
    "exprel": _exprel,
}
