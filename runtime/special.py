"""Functions that NumPy and SciPy do not have, or not with all their digits.

Orders are whole numbers, the same for all elements.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any
TERMS = 40  # of a power series at |x| below 1 + order/2
FRACTIONS = 120  # of the continued fraction of erfcx at x of at least 1


def sinc_derivative(order: Array, x: Array) -> Array:
    """Return the derivative of some order of sin(x)/x.

    Near 0 by the power series, elsewhere by S_n = (sin(x + n pi/2) - n S_(n-1))/x, which is what n
    derivatives of x S_0 = sin(x) say.
    """
    n, wide = int(order), np.asarray(x, np.float64)
    square = np.square(np.where(np.abs(wide) < 1 + n / 2, wide, 0))
    first = (n + 1) // 2
    term = np.where(n % 2, wide, 1) * (-1.0) ** first
    series = np.zeros_like(wide)
    for m in range(first, first + TERMS):
        series = series + term / (2 * m + 1)
        term = term * -square / ((2 * m - n + 1) * (2 * m - n + 2))
    sines = (np.sin(wide), np.cos(wide), -np.sin(wide), -np.cos(wide))
    value = sines[0] / wide
    for k in range(1, n + 1):
        value = (sines[k % 4] - k * value) / wide
    return np.where(np.abs(wide) < 1 + n / 2, series, value).astype(x.dtype)


def exprel_derivative(order: Array, x: Array) -> Array:
    """Return the derivative of some order of expm1(x)/x, which is the integral of t**n exp(x t)
    over [0, 1].

    Near 0 by the power series, elsewhere by E_n = (exp(x) - n E_(n-1))/x (integration by parts).
    """
    n, wide = int(order), np.asarray(x, np.float64)
    near = np.abs(wide) < 1 + n / 2
    small = np.where(near, wide, 0)
    term, series = np.ones_like(wide), np.zeros_like(wide)
    for k in range(TERMS):
        series = series + term / (k + n + 1)
        term = term * small / (k + 1)
    far = np.where(near | (wide == -np.inf), 1, wide)
    value = np.expm1(far) / far
    for k in range(1, n + 1):
        value = (np.exp(far) - k * value) / far
    value = np.where(np.exp(far) == np.inf, np.inf, np.where(wide == -np.inf, 0, value))
    return np.where(near, series, value).astype(x.dtype)


def erfcx_derivative(order: Array, x: Array) -> Array:
    """Return the derivative of some order of exp(x**2) erfc(x).

    It is (-2)**n n! w_n with w_n = exp(x**2) i^n erfc(x), which satisfies
    w_(n-2) = 2 x w_(n-1) + 2 n w_n (DLMF 7.18.7): upwards below 1, elsewhere as a continued
    fraction, for w_n is the solution that decays.
    """
    n, wide = int(order), np.asarray(x, np.float64)
    low = np.where(wide < 1, wide, 1)
    before, value = np.full_like(low, 2 / np.sqrt(np.pi)), np.exp(low * low) * _erfc(low)
    for k in range(1, n + 1):
        before, value = value, (before - 2 * low * value) / (2 * k)
    high = np.where(wide < 1, 1, wide)
    ratio, product = 1 / (high + np.sqrt(high * high + 2 * FRACTIONS)), np.ones_like(high)
    for k in range(FRACTIONS - 1, -1, -1):
        ratio = 1 / (2 * high + 2 * (k + 1) * ratio)
        product = product * ratio if k <= n else product
    tail = 2 / np.sqrt(np.pi) * product
    scale = (-2.0) ** n * math.factorial(n)
    return (scale * np.where(wide < 1, value, tail)).astype(x.dtype)


def _erfc(x: Array) -> Array:
    from scipy.special import erfc

    return erfc(x)


def betaln(a: Array, b: Array) -> Array:
    """Return the logarithm of abs(B(a, b)).

    Where both or one of the arguments exceed 10, the large parts of the gamma functions cancel in
    Stirling's formula before anything is rounded (Didonato and Morris 1992, section 2).
    """
    from scipy.special import gammaln

    p = np.minimum(a, b).astype(np.float64)
    q = np.maximum(a, b).astype(np.float64)
    rest = stirling(np.maximum(q, 10)) - stirling(np.maximum(p + q, 10))
    share = np.log1p(-p / (p + q))
    both = (
        -0.5 * np.log(q) + np.log(2 * np.pi) / 2 + stirling(np.maximum(p, 10)) + rest
        + ((p - 0.5) * np.log(p / (p + q)) + q * share)
    )  # fmt: skip
    one = gammaln(p) + rest + (p - p * np.log(p + q) + (q - 0.5) * share)
    small = gammaln(p) + (gammaln(q) - gammaln(p + q))
    result = np.where(p >= 10, both, np.where((q >= 10) & (p > 0), one, small))
    result = np.where((p == 0) & (q >= 0), np.inf, result)
    result = np.where((q == np.inf) & (p > 0), -np.inf, result)
    return result.astype(np.result_type(a, b))


LOWEST = -100_000  # of the argument of zeta; SciPy adds one term per unit


def zeta(s: Array, q: Array) -> Array:
    """Return Hurwitz's zeta function; NaN for q below -100000."""
    from scipy.special import zeta

    value = zeta(s, np.maximum(q, LOWEST))
    return np.where(q < LOWEST, np.nan, value).astype(np.result_type(s, q))


def polygamma(order: Array, x: Array) -> Array:
    """Return the derivative of some order of digamma. Source: DLMF 25.11.12."""
    from scipy.special import psi

    n = int(order)
    if n == 0:
        return psi(x)
    return ((-1) ** (n + 1) * math.factorial(n) * zeta(np.float64(n + 1), x)).astype(x.dtype)


def kl_div(x: Array, y: Array) -> Array:
    """Return x*log(x/y) - x + y: the small difference x - y is taken first."""
    from scipy.special import kl_div, rel_entr

    inside = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
    return np.where(inside, rel_entr(x, y) - (x - y), kl_div(x, y))


def stirling(x: Array) -> Array:
    """Return log(gamma(x)) - (x - 1/2)*log(x) + x - log(2 pi)/2, for x >= 10. DLMF 5.11.1."""
    y = 1 / (x * x)
    series = 1 / 1188 + y * (-691 / 360360 + y / 156)
    return (1 / 12 + y * (-1 / 360 + y * (1 / 1260 + y * (-1 / 1680 + y * series)))) / x
