"""What every elementwise operation is compared with: references, samples of its domain, edges."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import scipy.special

import closedform as cf
from closedform.algebra.operations import NUMPY, OPERATIONS, SCIPY, Operation

DTYPES = (
    "float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
    "bool",
)  # fmt: skip
COUNT = 225
EDGES = (
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e-30, -1e-30, 5e-324, 1.5e38, -1.5e38, 1e300,
    np.inf, -np.inf, np.nan,
)  # fmt: skip


def _exact(function: Callable, *limits: float) -> Callable:
    """A function by mpmath, with its values at infinity and -infinity; NaN outside its domain."""

    @cache
    def at(*args: float) -> float:
        if not all(map(np.isfinite, args)):
            return np.nan if np.isnan(args).any() else limits[args[-1] < 0]
        with mpmath.workdps(120):
            try:
                return float(function(*map(mpmath.mpf, map(float, args))))
            except OverflowError:  # too large for mpmath
                return limits[args[-1] < 0]
            except (ValueError, ZeroDivisionError, TypeError):
                return np.nan

    return np.vectorize(at, otypes=[float])


def _erfcx_slope(x: Any) -> Any:
    return 2 * x * mpmath.exp(x * x) * mpmath.erfc(x) - 2 / mpmath.sqrt(mpmath.pi)


def _exprel_slope(x: Any) -> Any:
    if abs(x) < 1e-20:
        return mpmath.mpf(1) / 2
    return (mpmath.exp(x) - mpmath.expm1(x) / x) / x


def _sinc_slope(x: Any) -> Any:
    return -x / 3 if abs(x) < 1e-20 else (mpmath.cos(x) - mpmath.sin(x) / x) / x


def _betaln(a: Any, b: Any) -> Any:
    return mpmath.log(mpmath.beta(a, b))


def _kl_div(x: Any, y: Any) -> Any:
    return x * mpmath.log(x / y) - x + y


def _positive(function: Callable, elsewhere: Callable) -> Callable:
    """mpmath's function of two numbers that are positive and moderate, else SciPy's."""

    def at(x: Any, y: Any) -> Any:
        inside = (x > 0) & (y > 0) & (x < 1e20) & (y < 1e20)
        found = _exact(function)(np.where(inside, x, 1), np.where(inside, y, 1))
        return np.where(inside, found, elsewhere(x, y))

    return at


def _guarded(function: Callable) -> Callable:
    """NaN far below 0, where SciPy adds a term for every unit."""
    low = -100_000
    return lambda n, x: np.where(x < low, np.nan, function(n, np.where(x < low, 1, x)))


def _softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


def _elu(x: Any, alpha: Any = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _boxcox(x: Any, power: Any) -> Any:
    return np.log(x) * scipy.special.exprel(power * np.log(x))


# operation -> function of float64 arrays, where neither NumPy nor SciPy has one
OWN: dict[str, Callable] = {
    "sigmoid": scipy.special.expit,
    "softplus": _softplus,
    "relu": lambda x: np.maximum(x, np.zeros((), np.asarray(x).dtype)),
    "special.erfcx_derivative": _exact(_erfcx_slope, 0.0, -np.inf),
    "special.exprel_derivative": _exact(_exprel_slope, np.inf, 0.0),
    "special.sinc_derivative": _exact(_sinc_slope, np.nan, np.nan),
    "special.polygamma": lambda x: _guarded(scipy.special.polygamma)(1, x),
    "special.zeta": lambda s, q: _guarded(scipy.special.zeta)(s, q),
    "special.betaln": _positive(_betaln, scipy.special.betaln),
    "special.kl_div": _positive(_kl_div, scipy.special.kl_div),
    "special.log1mexp": lambda x: np.where(x < 0.7, np.log(-np.expm1(-x)), np.log1p(-np.exp(-x))),
    "special.logcosh": lambda x: np.where(
        abs(x) < 1, np.log1p(2 * np.sinh(x / 2) ** 2), np.logaddexp(x, -x) - np.log(2)
    ),
    "special.silu": lambda x: x * scipy.special.expit(x),
    "special.leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "special.elu": _elu,
    "special.softsign": lambda x: x / (1 + abs(x)),
    "special.boxcox": _boxcox,
    "special.selu": lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772),
    "special.gelu": lambda x: x * scipy.special.ndtr(x),
}


def ours(row: Operation) -> Callable[..., cf.Tensor]:
    """The function that a user calls."""
    module = cf.special if row.special else cf
    function = getattr(module, row.name)
    return function if row.order is None else lambda *args: function(row.order, *args)


def reference(row: Operation) -> Callable[..., Any]:
    """The function that it is compared with, of arrays."""
    if row.public in OWN:  # of the order of the row
        return OWN[row.public]
    function = getattr(scipy.special if row.like == SCIPY else np, row.theirs or row.name)
    return function if row.order is None else lambda *args: function(row.order, *args)


def called(function: Callable, *args: Any) -> Any:
    """The value, or None if there is no such function of these dtypes."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*args)
        except (TypeError, ValueError):
            return None


def dense(row: Operation, dtype: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Arguments all over the domain: half of them uniform, half uniform in the logarithm."""
    columns = [_column(rng, *d, np.dtype(dtype)) for d in row.domain]
    if row.name == "power" and np.dtype(dtype).kind == "i":
        columns[1] = abs(columns[1])
    return [truth(c) if row.choice and k == 0 else c for k, c in enumerate(columns)]


def truth(column: np.ndarray) -> np.ndarray:
    return column > 0


def _column(rng: np.random.Generator, low: float, high: float, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "b":
        return rng.random(COUNT) > 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = max(int(np.ceil(low)), info.min), min(int(np.floor(high)), info.max)
        low, high = (low, high) if low <= high else (0, 1)
        return rng.integers(low, high, COUNT, endpoint=True, dtype=dtype)
    uniform = rng.uniform(low, high, COUNT)
    largest = max(abs(low), abs(high))
    smallest = max(low, -high, 1e-6 * largest)
    sized = np.exp(rng.uniform(np.log(smallest), np.log(largest), COUNT))
    signs = np.where(rng.random(COUNT) < 0.5, -1, 1) if low < 0 < high else np.sign(low + high)
    sized = np.clip(sized * signs, low, high)
    return np.where(rng.random(COUNT) < 0.5, uniform, sized).astype(dtype)


def edges(row: Operation, dtype: str) -> list[np.ndarray]:
    """Zeros, infinities, NaN, very small and very large numbers, in all pairs."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        points = np.array([False, True] * 8)[: len(EDGES)]
    elif kind.kind in "iu":
        info = np.iinfo(kind)
        near = [info.min, info.min + 1, info.max, info.max - 1, info.max // 2]
        points = np.array([*near, *range(len(EDGES) - len(near))], kind)
    else:
        points = np.array(EDGES, kind)
    grid = np.meshgrid(points, points, indexing="ij")
    columns = [grid[0].ravel(), grid[1].ravel(), np.roll(grid[1].ravel(), 7)]
    if row.name == "power" and kind.kind == "i":
        columns[1] = np.where(columns[1] < 0, 3, columns[1])
    found = columns[: len(row.domain)]
    return [truth(found[0]), *found[1:]] if row.choice else found


def expected(row: Operation, columns: list[np.ndarray]) -> Any:
    """What NumPy or SciPy gives, in the dtype that is promised; None where they refuse.

    Where NumPy computes in float16 it is float32. Functions that NumPy does not have make float64
    of integers; SciPy's habits differ from function to function.
    """
    own = not row.like and row.name != "relu"
    value = called(reference(row), *(map(widened, columns) if own else columns))
    if value is None:
        return None
    value = np.asarray(value)
    if value.dtype.kind != "f" and not own:
        return value
    if not row.ulps and value.dtype != np.float16 and not own:
        return value
    dtype = np.dtype(np.float32) if value.dtype.itemsize <= 4 else np.dtype(np.float64)
    if row.like != NUMPY and not (row.choice or row.name == "relu"):
        kinds = {c.dtype for c in columns}
        dtype = np.dtype(np.float32) if kinds == {np.dtype(np.float32)} else np.dtype(np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(called(reference(row), *map(widened, columns))).astype(dtype)


def widened(column: np.ndarray) -> np.ndarray:
    return column.astype(np.float64)


def spread(row: Operation, columns: list[np.ndarray]) -> Any:
    """|f| + sum of |x f'|, by differences of the reference in float64: what last places weigh."""
    wide, step = list(map(widened, columns)), 1e-6
    total = abs(np.asarray(called(reference(row), *wide), float))
    for k, x in enumerate(wide):
        sides = (x * (1 + s) for s in (step, -step))
        up, down = (called(reference(row), *wide[:k], y, *wide[k + 1 :]) for y in sides)
        with np.errstate(invalid="ignore"):
            slope = abs(up - down) / (2 * step)
        total = total + np.where(np.isfinite(slope), slope, 0)
    return total


def rows() -> list[Operation]:
    return list(OPERATIONS.values())


def _extreme(x: Any, y: Any) -> Any:
    return (np.minimum(abs(x), abs(y)) < 1e-308) | (np.maximum(abs(x), abs(y)) > 1e200)


def _tiny(x: Any) -> Any:
    return (abs(x) < 1e-300) & (x != 0)


# operation -> where it is documented to differ from what it is like
EXCEPTED: dict[str, Callable] = {
    "reciprocal": lambda x: (x == 0) & (x.dtype.kind in "iu"),
    "sinc": lambda x: abs(x) > 1e38,
    "special.iv": lambda x: (abs(x * 1.0) > 1e9) | _tiny(x),  # SciPy: NaN
    "special.ive": lambda x: abs(x * 1.0) > 1e9,  # SciPy: NaN
    "special.gammaln": lambda x: abs(x) < 1e-308,  # SciPy: infinite
    "special.kl_div": _extreme,  # SciPy: x/y leaves the range
    "special.zeta": lambda s, q: (s > 1e15) | (s != s) | (q != q),
    # SciPy: noise
    "special.binom": lambda n, k: _tiny(k) | (abs(n * 1.0) > 1e200) | (abs(k * 1.0) > 1e9),
    "special.betaln": lambda a, b: (a < 1e-35) | (b < 1e-35) | (np.minimum(a, b) > 1e37),
}


def excepted(row: Operation, columns: list[np.ndarray]) -> Any:
    """Where the operation is documented to differ from what it is like."""
    return EXCEPTED.get(row.public, lambda *args: np.zeros(len(args[0]), bool))(*columns)
