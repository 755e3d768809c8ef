"""Derivatives of scalar primitives: one row each, and the chain rule over bodies.

Sources: DLMF 4.4, 4.20 and 4.34 for elementary functions; 5.15, 7.2, 7.10, 7.18, 10.29 and 25.11
for special ones. Kinks follow the conventions of semantics 8.2. Rows are written so that they lose
no digits where the function itself does not: 1 - x**2 is (1 - x)*(1 + x).
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import Integer, Rational

from . import scalar
from .errors import DerivativeError
from .primitives import PRIMITIVES
from .scalar import (
    HALF,
    MINUS_ONE,
    ONE,
    PI,
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

Row = Callable | None
TWO, TEN, THIRD, MINUS_HALF = Integer(2), Integer(10), Rational(1, 3), -HALF


def _zero(count: int) -> tuple[Row, ...]:
    return (None,) * count


def _refused(*args):
    raise DerivativeError(
        "an order is differentiated by",
        fix="give the order as a number, or hold it with consider_constant",
    )


# name -> per argument, the partial derivative as a function of the arguments; None where it is 0 by
# declaration
PARTIALS: dict[str, tuple[Row, ...]] = {
    "Pow": (lambda a, b: _by_base(a, b), lambda a, b: _by_exponent(a, b)),
    "abs": (lambda x: sign_of(x),),
    "sign": (None,),
    "copysign": (lambda a, b: times(sign_of(a), scalar.copysign(ONE, b)), None),
    "floor_divide": (None, None),
    "mod": (lambda a, b: ONE, lambda a, b: times(MINUS_ONE, scalar.floor_divide(a, b))),
    "fmod": (lambda a, b: ONE, lambda a, b: times(MINUS_ONE, scalar.trunc(over(a, b)))),
    "hypot": (lambda a, b: _along(a, b), lambda a, b: _along(b, a)),
    "pi": (),
    "exp": (lambda x: exp(x),),
    "exp2": (lambda x: times(log(TWO), scalar.exp2(x)),),
    "expm1": (lambda x: exp(x),),
    "log": (lambda x: Pow(x, MINUS_ONE),),
    "log2": (lambda x: over(ONE, times(log(TWO), x)),),
    "log10": (lambda x: over(ONE, times(log(TEN), x)),),
    "log1p": (lambda x: Pow(Add(ONE, x), MINUS_ONE),),
    "cbrt": (lambda x: over(THIRD, Pow(scalar.cbrt(x), TWO)),),
    "sigmoid": (lambda x: Mul(sigmoid(x), sigmoid(times(MINUS_ONE, x))),),
    "softplus": (lambda x: sigmoid(x),),
    "log1mexp": (lambda x: Pow(expm1(x), MINUS_ONE),),
    "logaddexp": (lambda a, b: sigmoid(minus(a, b)), lambda a, b: sigmoid(minus(b, a))),
    "logcosh": (lambda x: tanh(x),),
    "sin": (lambda x: cos(x),),
    "cos": (lambda x: Mul(MINUS_ONE, sin(x)),),
    "tan": (lambda x: Add(ONE, Pow(scalar.tan(x), TWO)),),
    "arcsin": (lambda x: Pow(_complement(x), MINUS_HALF),),
    "arccos": (lambda x: Mul(MINUS_ONE, Pow(_complement(x), MINUS_HALF)),),
    "arctan": (lambda x: Pow(Add(ONE, Pow(x, TWO)), MINUS_ONE),),
    "arctan2": (
        lambda y, x: over(x, Add(Pow(x, TWO), Pow(y, TWO))),
        lambda y, x: over(times(MINUS_ONE, y), Add(Pow(x, TWO), Pow(y, TWO))),
    ),
    "sinc": (lambda x: scalar.sinc_derivative(ONE, x),),
    "sinc_derivative": (_refused, lambda n, x: scalar.sinc_derivative(plus(n, ONE), x)),
    "sinh": (lambda x: cosh(x),),
    "cosh": (lambda x: sinh(x),),
    "tanh": (lambda x: Add(ONE, Mul(MINUS_ONE, Pow(tanh(x), 2))),),
    "arcsinh": (lambda x: Pow(scalar.hypot(ONE, x), MINUS_ONE),),
    "arccosh": (lambda x: Mul(Pow(Add(x, MINUS_ONE), MINUS_HALF), Pow(Add(x, ONE), MINUS_HALF)),),
    "arctanh": (lambda x: Pow(_complement(x), MINUS_ONE),),
    **{name: _zero(1) for name in ("floor", "ceil", "trunc", "rint")},
    "clip": (
        lambda x, low, high: indicator(scalar.and_(scalar.ge(x, low), scalar.le(x, high))),
        lambda x, low, high: indicator(scalar.and_(lt(x, low), scalar.le(low, high))),
        lambda x, low, high: indicator(scalar.or_(gt(x, high), gt(low, high))),
    ),
    "relu": (lambda x: indicator(gt(x, ZERO)),),
    "maximum": (lambda a, b: _larger(a, b), lambda a, b: _larger(b, a)),
    "minimum": (lambda a, b: _larger(b, a), lambda a, b: _larger(a, b)),
    "fmax": (lambda a, b: _present(a, b, a, b), lambda a, b: _present(b, a, b, a)),
    "fmin": (lambda a, b: _present(a, b, b, a), lambda a, b: _present(b, a, a, b)),
    "heaviside": (None, lambda x, half: indicator(eq(x, ZERO))),
    "indicator": (None,),
    **{name: _zero(2) for name in ("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_")},
    **{name: _zero(1) for name in ("not_", "isnan", "isinf", "isfinite", "signbit")},
    **{name: _zero(2) for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm")},
    **{name: _zero(2) for name in ("left_shift", "right_shift")},
    **{name: _zero(1) for name in ("invert", "bitwise_count")},
    "erf": (lambda x: times(TWO, _bell(x)),),
    "erfc": (lambda x: times(-TWO, _bell(x)),),
    "erfcx": (lambda x: scalar.erfcx_derivative(ONE, x),),
    "erfcx_derivative": (_refused, lambda n, x: scalar.erfcx_derivative(plus(n, ONE), x)),
    "erfinv": (lambda x: times(HALF, _inverse_bell(scalar.erfinv(x))),),
    "erfcinv": (lambda x: times(-HALF, _inverse_bell(scalar.erfcinv(x))),),
    "ndtr": (
        lambda x: times(Pow(times(TWO, PI), MINUS_HALF), exp(times(MINUS_HALF, Pow(x, TWO)))),
    ),
    "ndtri": (
        lambda p: times(Pow(times(TWO, PI), HALF), exp(times(HALF, Pow(scalar.ndtri(p), TWO)))),
    ),
    "log_ndtr": (lambda x: over(Pow(over(TWO, PI), HALF), scalar.erfcx(_turned(x))),),
    "gamma": (lambda x: times(scalar.gamma(x), scalar.digamma(x)),),
    "gammaln": (lambda x: scalar.digamma(x),),
    "digamma": (lambda x: scalar.polygamma(ONE, x),),
    "polygamma": (_refused, lambda n, x: scalar.polygamma(plus(n, ONE), x)),
    "zeta": (_refused, lambda s, q: times(MINUS_ONE, s, scalar.zeta(plus(s, ONE), q))),
    "betaln": (lambda a, b: _betaln(a, b), lambda a, b: _betaln(b, a)),
    "binom": (
        lambda n, k: times(scalar.binom(n, k), _harmonic(n, minus(n, k))),
        lambda n, k: times(scalar.binom(n, k), _harmonic(minus(n, k), k)),
    ),
    "i0": (lambda x: scalar.i1(x),),
    "i1": (lambda x: times(HALF, Add(scalar.i0(x), scalar.iv(TWO, x))),),
    "i0e": (lambda x: minus(scalar.i1e(x), times(sign_of(x), scalar.i0e(x))),),
    "i1e": (
        lambda x: minus(
            times(HALF, Add(scalar.i0e(x), scalar.ive(TWO, x))), times(sign_of(x), scalar.i1e(x))
        ),
    ),
    "iv": (_refused, lambda v, x: _neighbours(scalar.iv, v, x)),
    "ive": (
        _refused,
        lambda v, x: minus(_neighbours(scalar.ive, v, x), times(sign_of(x), scalar.ive(v, x))),
    ),
    "xlogy": (lambda x, y: log(y), lambda x, y: _share(x, y)),
    "xlog1py": (lambda x, y: scalar.log1p(y), lambda x, y: _share(x, plus(ONE, y))),
    "logit": (lambda p: Pow(Mul(p, Add(ONE, Mul(MINUS_ONE, p))), MINUS_ONE),),
    "entr": (lambda x: minus(MINUS_ONE, log(x)),),
    "rel_entr": (
        lambda x, y: plus(ONE, log(over(x, y))),
        lambda x, y: times(MINUS_ONE, over(x, y)),
    ),
    "kl_div": (lambda x, y: log(over(x, y)), lambda x, y: minus(ONE, over(x, y))),
    "exprel": (lambda x: scalar.exprel_derivative(ONE, x),),
    "exprel_derivative": (_refused, lambda n, x: scalar.exprel_derivative(plus(n, ONE), x)),
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


def _complement(x):
    """1 - x**2, accurate where x is close to 1."""
    return Mul(Add(ONE, Mul(MINUS_ONE, x)), Add(ONE, x))


def _along(a, b):
    """a/hypot(a, b); 0 at the origin, as of every norm."""
    slope = over(a, scalar.hypot(a, b))
    return slope if POSITIVE in (sign(a), sign(b)) else where(ne(a, ZERO), slope, ZERO)


def _bell(x):
    """exp(-x**2)/sqrt(pi)."""
    return times(Pow(PI, MINUS_HALF), exp(times(MINUS_ONE, Pow(x, TWO))))


def _inverse_bell(x):
    """sqrt(pi)*exp(x**2)."""
    return times(Pow(PI, HALF), exp(Pow(x, TWO)))


def _turned(x):
    """-x/sqrt(2)."""
    return times(MINUS_ONE, Pow(TWO, MINUS_HALF), x)


def _betaln(a, b):
    """psi(a) - psi(a + b)."""
    return minus(scalar.digamma(a), scalar.digamma(plus(a, b)))


def _harmonic(a, b):
    """psi(a + 1) - psi(b + 1)."""
    return minus(scalar.digamma(plus(a, ONE)), scalar.digamma(plus(b, ONE)))


def _neighbours(function, order, x):
    """The mean of the functions of the neighbouring orders. Source: DLMF 10.29.1."""
    below = plus(order, MINUS_ONE) if not is_number(order) else abs(order - 1)
    return times(HALF, Add(function(below, x), function(plus(order, ONE), x)))


def _share(x, y):
    """x/y; 0 at x = 0, also where y is."""
    return over(x, y) if sign(x) == POSITIVE else where(eq(x, ZERO), ZERO, over(x, y))


def _present(a, b, more, less):
    """1 where a is chosen of a and b: where more > less or b is NaN; 1/2 at a tie."""
    other = where(scalar.or_(lt(more, less), ne(a, a)), ZERO, HALF)
    return where(scalar.or_(gt(more, less), ne(b, b)), ONE, other)


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


def minus(a, b):
    """a - b."""
    return plus(a, times(MINUS_ONE, b))


def over(a, b):
    """a/b."""
    return times(a, Pow(b, MINUS_ONE))


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
