"""Special functions, under the names of `scipy.special`, and activations of neural networks.

Elementwise; integers give float64. An order (of a derivative, of polygamma) is a whole number that
is known when the expression is built; nothing is differentiated by it.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

from sympy import Rational

from . import scalar
from .choices import relu, where
from .dtypes import divided
from .elementwise import cbrt, exp2, expm1, log1p, logaddexp, sigmoid, sinc, softplus
from .errors import ExpressionError
from .functions import log_softmax, logsumexp, softmax
from .origin import here
from .scalar import HALF, MINUS_ONE, PI, ZERO, Add, Mul, Pow
from .tensor import Tensor, apply, as_tensor

__all__ = [
    "betaln", "binom", "boxcox", "cbrt", "digamma", "elu", "entr", "erf", "erfc", "erfcinv",
    "erfcx", "erfcx_derivative", "erfinv", "exp2", "expit", "expm1", "exprel",
    "exprel_derivative", "gamma", "gammaln", "gelu", "huber", "i0", "i0e", "i1", "i1e", "iv",
    "ive", "kl_div", "leaky_relu", "log1mexp", "log1p", "log_expit", "log_ndtr", "log_softmax",
    "logaddexp", "logcosh", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma",
     "psi", "rel_entr", "relu", "selu", "sigmoid", "silu", "sinc",
    "sinc_derivative", "softmax", "softplus", "softsign", "swish", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

_DOCS = {
    "erf": "Error function 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x.",
    "erfc": "1 - erf(x), accurate where erf is close to 1.",
    "erfcx": "exp(x**2)*erfc(x), which neither under- nor overflows for positive x.",
    "erfinv": "The inverse of erf; infinite at -1 and 1, NaN beyond.",
    "erfcinv": "The inverse of erfc; infinite at 0 and 2, NaN beyond.",
    "ndtr": "Distribution function of the standard normal distribution.",
    "ndtri": "Quantile of the standard normal distribution; infinite at 0 and 1, NaN beyond.",
    "log_ndtr": "log(ndtr(x)), accurate in both tails.",
    "gamma": "Gamma function; NaN at negative integers.",
    "gammaln": "log(abs(gamma(x))).",
    "digamma": "The derivative of gammaln.",
    "i0": "Modified Bessel function of the first kind of order 0.",
    "i1": "Modified Bessel function of the first kind of order 1.",
    "i0e": "exp(-abs(x))*i0(x), which never overflows.",
    "i1e": "exp(-abs(x))*i1(x), which never overflows.",
    "logit": "log(x/(1 - x)), the inverse of expit; infinite at 0 and 1, NaN beyond.",
    "entr": "-x*log(x), 0 at 0, -inf below.",
    "exprel": "(exp(x) - 1)/x, and 1 at 0; all derivatives are accurate near 0.",
    "log1mexp": "log(1 - exp(-x)) for x >= 0, accurate at both ends.",
    "logcosh": "log(cosh(x)), accurate near 0 and without overflow.",
    "betaln": "log(abs(B(a, b))) of Euler's beta function, accurate for large arguments.",
    "binom": "Binomial coefficient n over k, for real n and k.",
    "xlogy": "x*log(y), and 0 where x is 0 unless y is NaN.",
    "xlog1py": "x*log(1 + y), and 0 where x is 0 unless y is NaN.",
    "rel_entr": "x*log(x/y); 0 at x = 0, inf where one of them is negative.",
    "kl_div": "x*log(x/y) - x + y; y at x = 0, inf where one of them is negative.",
}


def _unary(name: str) -> Any:
    def function(x: Any) -> Tensor:
        return apply(scalar.CLASSES[name], x, floats=divided)

    return _documented(function, name)


def _binary(name: str) -> Any:
    def function(a: Any, b: Any) -> Tensor:
        return apply(scalar.CLASSES[name], a, b, floats=divided)

    return _documented(function, name)


def _documented(function: Any, name: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{_DOCS[name]}

    Derivative: see `partials.PARTIALS`.
    """
    return function


erf, erfc, erfcx, erfinv, erfcinv = map(_unary, ("erf", "erfc", "erfcx", "erfinv", "erfcinv"))
ndtr, ndtri, log_ndtr = map(_unary, ("ndtr", "ndtri", "log_ndtr"))
gamma, gammaln, digamma = map(_unary, ("gamma", "gammaln", "digamma"))
i0, i1, i0e, i1e = map(_unary, ("i0", "i1", "i0e", "i1e"))
logit, entr, exprel = map(_unary, ("logit", "entr", "exprel"))
log1mexp, logcosh = map(_unary, ("log1mexp", "logcosh"))
betaln, binom, xlogy, xlog1py = map(_binary, ("betaln", "binom", "xlogy", "xlog1py"))
rel_entr, kl_div = map(_binary, ("rel_entr", "kl_div"))


# ---------------------------------------------------------------- functions of an order


def _of_order(name: str, order: Any, x: Any) -> Tensor:
    try:
        number = operator.index(order)
    except TypeError:
        number = -1
    if number < 0:
        raise ExpressionError(
            f"{name} of order {order!r}",
            where=here(),
            fix="give a whole number from 0; an order cannot be a tensor",
        )
    return apply(lambda a: scalar.CLASSES[name](number, a), x, floats=divided)


def polygamma(n: int, x: Any) -> Tensor:
    """The derivative of order n of digamma.

    Raises ExpressionError for an order that is no whole number from 0. NaN below -100000.
    """
    found = _of_order("polygamma", n, x)
    return digamma(x) if operator.index(n) == 0 else found


def iv(v: int, x: Any) -> Tensor:
    """Modified Bessel function of the first kind of a whole order v.

    Raises ExpressionError for an order that is no whole number from 0.
    """
    return _of_order("iv", v, x)


def ive(v: int, x: Any) -> Tensor:
    """exp(-abs(x))*iv(v, x), which never overflows.

    Raises ExpressionError for an order that is no whole number from 0.
    """
    return _of_order("ive", v, x)


def sinc_derivative(n: int, x: Any) -> Tensor:
    """The derivative of order n of sin(x)/x: without pi, other than `sinc`.

    Raises ExpressionError for an order that is no whole number from 0.
    """
    return _of_order("sinc_derivative", n, x)


def exprel_derivative(n: int, x: Any) -> Tensor:
    """The derivative of order n of exprel: the integral of t**n*exp(x*t) over [0, 1].

    Raises ExpressionError for an order that is no whole number from 0.
    """
    return _of_order("exprel_derivative", n, x)


def erfcx_derivative(n: int, x: Any) -> Tensor:
    """The derivative of order n of erfcx: (-2)**n*n!*exp(x**2) times the n-th integral of erfc.

    Raises ExpressionError for an order that is no whole number from 0. Source: DLMF 7.18.
    """
    return _of_order("erfcx_derivative", n, x)


def zeta(s: Any, q: Any = 1) -> Tensor:
    """Hurwitz zeta function: the sum of (k + q)**-s over k = 0, 1, 2..., Riemann's for q = 1.

    NaN for s < 1, for q < 0 unless s is whole, and for q < -100000. It has a derivative by q, not
    by s. Source: DLMF 25.11.
    """
    return apply(scalar.zeta, s, q, floats=divided)


# ---------------------------------------------------------------- activations


def log_expit(x: Any) -> Tensor:
    """log(expit(x)) without overflow."""
    return apply(lambda a: Mul(-1, scalar.softplus(Mul(-1, a))), x, floats=divided)


def silu(x: Any) -> Tensor:
    """x*sigmoid(x), also called swish."""
    return apply(lambda a: Mul(a, scalar.sigmoid(a)), x, floats=divided)


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Tensor:
    """x where it is positive, else negative_slope*x; the derivative at 0 is negative_slope."""
    body = lambda a, slope: scalar.where(scalar.gt(a, ZERO), a, Mul(slope, a))  # noqa: E731
    return apply(body, x, negative_slope, floats=divided)


def elu(x: Any, alpha: Any = 1.0) -> Tensor:
    """x where it is positive, else alpha*(exp(x) - 1). Source: Clevert and others 2016."""
    return apply(_elu, x, alpha, floats=divided)


def _elu(a: Any, scale: Any) -> Any:
    return scalar.where(scalar.gt(a, ZERO), a, Mul(scale, scalar.expm1(scalar.minimum(a, ZERO))))


CUBIC = Rational(44715, 1000000)
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def selu(x: Any) -> Tensor:
    """The elu that keeps mean 0 and variance 1. Source: Klambauer and others 2017."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x*ndtr(x), or with approximate="tanh" its approximation by tanh.

    Raises ExpressionError for another `approximate`. Source: Hendrycks and Gimpel 2016.
    """
    if approximate not in ("none", "tanh"):
        raise ExpressionError(
            f"gelu with approximate={approximate!r}", where=here(), fix="use 'none' or 'tanh'"
        )
    return apply(_gelu if approximate == "none" else _gelu_by_tanh, x, floats=divided)


def _gelu(a: Any) -> Any:
    return Mul(a, scalar.ndtr(a))


def _gelu_by_tanh(a: Any) -> Any:
    """1 + tanh(u) is 2*sigmoid(2 u)."""
    cubic = Add(a, Mul(CUBIC, Pow(a, 3)))
    return Mul(a, scalar.sigmoid(Mul(2, Pow(Mul(2, Pow(PI, -1)), HALF), cubic)))


def softsign(x: Any) -> Tensor:
    """x/(1 + abs(x))."""
    return apply(lambda a: Mul(a, Pow(Add(1, scalar.absolute(a)), MINUS_ONE)), x, floats=divided)


# ---------------------------------------------------------------- losses and transformations


def huber(delta: Any, r: Any) -> Tensor:
    """r**2/2 where abs(r) <= delta, else delta*(abs(r) - delta/2); inf for delta < 0."""
    found = apply(_huber, delta, r, floats=divided)
    return where(as_tensor(delta) < 0, found.dtype.type(math.inf), found)


def _huber(delta: Any, r: Any) -> Any:
    size = scalar.absolute(r)
    line = Mul(delta, Add(size, Mul(Rational(-1, 2), delta)))
    return scalar.where(scalar.le(size, delta), Mul(HALF, r, r), line)


def boxcox(x: Any, lmbda: Any) -> Tensor:
    """(x**lmbda - 1)/lmbda, and log(x) for lmbda = 0, accurate near it; for x > 0."""
    return apply(_boxcox, x, lmbda, floats=divided)


def _boxcox(x: Any, power: Any) -> Any:
    return Mul(scalar.log(x), scalar.exprel(Mul(power, scalar.log(x))))


def multigammaln(a: Any, d: int) -> Tensor:
    """Logarithm of the multivariate gamma function of d dimensions, for a > (d - 1)/2.

    Raises ExpressionError for a dimension that is no whole number from 1. Source: DLMF 35.3.4.
    """
    if not isinstance(d, int) or d < 1:
        raise ExpressionError(
            f"multigammaln of dimension {d!r}", where=here(), fix="give a whole number from 1"
        )
    terms = [gammaln(as_tensor(a) - j / 2) for j in range(d)]
    return functools.reduce(operator.add, terms) + d * (d - 1) / 4 * math.log(math.pi)


# the same functions under other names
expit, swish, psi = sigmoid, silu, digamma
