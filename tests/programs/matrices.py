"""Bounds of the routines of linear algebra: perturbation theory of what is computed exactly.

An algorithm gives the exact result of a matrix that differs from the given one by a backward error
of some last places; that and the error that the matrix inherits are carried by the first derivative
of the routine, and what is left of the series by `_series`. N. J. Higham, Accuracy and Stability of
Numerical Algorithms, 2nd edition (2002), is called ASNA. Where a perturbation may change what the
result is (a rank, a sign, the order of equal values), the bound is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tests.programs import wide
from tests.programs.bound import WIDE, Array, Bound, only_values, rounded, spacing

from closedform.algebra.node import Call
from closedform.algebra.routines import ROUTINES as ROWS

Pair = tuple[Array, Array]  # a value and its error
Size = Callable[[Any], int]
LARGEST_DENOMINATOR = 17.0  # norm of the inverse of the approximant's: Higham 2005, table 2.3
REACH = 5.371920351148152  # the norm up to which the approximant holds


def gamma(places: float, dtype: np.dtype) -> Any:
    """The bound of so many roundings, relative to exact terms (ASNA, lemma 3.1)."""
    return WIDE.type(places) / 2 * spacing(dtype)


def _length(a: Array) -> Any:
    """The Frobenius norm."""
    return np.sqrt((a * a).sum())


def _series(error: Array, ratio: Any) -> Array:
    """A first-order bound with the terms of higher order: of a series with that ratio."""
    return error / (1 - 2 * ratio) if ratio < 0.25 else np.full(error.shape, np.inf, WIDE)


def _spectral(a: Array, error: Array, dtype: np.dtype) -> Any:
    """How far orthogonal reductions move a matrix (ASNA, 19.5; LAPACK Users' Guide, 4.7, 4.9)."""
    places = 8 * max(a.shape, default=0)
    return _length(error) + gamma(places, dtype) * _length(a)


# ---------------------------------------------------------------- elimination


class _Eliminated:
    """A square matrix with its factors, its inverse, and how far elimination moves it."""

    def __init__(self, a: Array, error: Array, dtype: np.dtype) -> None:
        self.factors = wide.lu(a)
        self.pivots = np.diag(self.factors.upper)
        n, growth = len(a), np.abs(self.factors.lower) @ np.abs(self.factors.upper)
        # ASNA, theorem 9.4; any element, for another order of pivots may be taken
        self.moved = error + gamma(3 * n, dtype) * growth.max(initial=0)
        self.inverse = np.abs(wide.solved(self.factors, np.eye(n, dtype=WIDE)))

    @property
    def ratio(self) -> Any:
        return (self.inverse @ self.moved).sum(1).max(initial=0)


def _inv(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    f = _Eliminated(*a, dtype)
    return [(wide.inverse(a[0]), _series(f.inverse @ f.moved @ f.inverse, f.ratio))]


def _solve(x: Call, dtype: np.dtype, a: Pair, b: Pair) -> list[Pair]:
    f = _Eliminated(*a, dtype)
    found = wide.solved(f.factors, b[0])
    return [(found, _series(f.inverse @ (f.moved @ np.abs(found) + b[1]), f.ratio))]


def _solve_triangular(x: Call, dtype: np.dtype, a: Pair, b: Pair) -> list[Pair]:
    """Substitution: ASNA, theorem 8.5."""
    is_lower, unit = x.spec.params
    part = np.tril if is_lower else np.triu
    t, error = (part(p) for p in a)
    if unit:
        np.fill_diagonal(t, 1)
        np.fill_diagonal(error, 0)
    moved = error + gamma(len(t), dtype) * np.abs(t)
    inverse = np.abs(wide.substituted(t, np.eye(len(t), dtype=WIDE), bool(is_lower)))
    found = wide.substituted(t, b[0], bool(is_lower))
    ratio = (inverse @ moved).sum(1).max(initial=0)
    return [(found, _series(inverse @ (moved @ np.abs(found) + b[1]), ratio))]


def _det(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """By the inverse, or by Hadamard's inequality for sums of rows."""
    f = _Eliminated(*a, dtype)
    sign = -1 if f.factors.odd else 1
    value = sign * np.prod(f.pivots)
    relative = (f.inverse.T * f.moved).sum()
    rows, errors = (np.sqrt((p * p).sum(1)) for p in (a[0], f.moved))
    anyhow = np.prod(rows + errors) - np.prod(rows)
    first = np.abs(value) * _series(np.asarray(relative), f.ratio)
    inherited = np.fmin(first, anyhow * (1 + 2.0**-30))
    return [(value, inherited + gamma(len(a[0]), dtype) * np.abs(value))]


def _slogdet(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    f = _Eliminated(*a, dtype)
    logs = np.log(np.abs(f.pivots))
    sign = np.prod(np.sign(f.pivots)) * (-1 if f.factors.odd else 1)
    certain = f.ratio < 0.25
    error = _series(np.asarray((f.inverse.T * f.moved).sum()), f.ratio)
    error = error + gamma(len(logs) + 2, dtype) * (np.abs(logs).sum() + 1)
    return [(sign, np.asarray(0 if certain else np.inf, WIDE)), (logs.sum(), error)]


def _logdet(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    (sign, doubt), (value, error) = _slogdet(x, dtype, a)
    return [(value if sign >= 0 else WIDE.type(np.nan), error + doubt)]


def _cholesky(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """L phi(L^-1 dA L^-T): Murray 2016, (8); backward error: ASNA, theorem 10.3."""
    factor, n = wide.cholesky(a[0]), len(a[0])
    inverse = np.abs(wide.substituted(factor, np.eye(n, dtype=WIDE), True))
    size = np.abs(factor)
    error = np.tril(a[1]) + np.tril(a[1], -1).T
    inner = inverse @ (error + gamma(n + 1, dtype) * size @ size.T) @ inverse.T
    ratio = inner.sum(1).max(initial=0)
    return [(factor, _series(np.tril(size @ np.tril(inner)), ratio))]


# ---------------------------------------------------------------- spectra


def _turned(vectors: Array, moved: Any, gaps: Array, beyond: Any = 0) -> Array:
    """How far singular or eigenvectors turn: to each other by a perturbation over the gap of
    their values, and out of their span."""
    coefficients = np.where(np.eye(len(gaps)) > 0, 0, moved / gaps)
    ratio = 2 * coefficients.sum(0).max(initial=0) + np.max(beyond, initial=0)
    return _series(np.abs(vectors) @ coefficients + beyond, ratio)


def _gaps(w: Array) -> Array:
    return np.abs(w[:, None] - w[None])


def _eigh(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """Weyl's inequality; first-order change of eigenvectors (Golub & Van Loan, 8.1)."""
    w, v = wide.eigh(a[0])
    moved = _spectral(a[0], np.tril(a[1]) + np.tril(a[1], -1).T, dtype)
    rounding = gamma(8 * len(w), dtype)
    return [(w, np.full(w.shape, moved)), (v, _turned(v, moved, _gaps(w)) + rounding)]


def _svd(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """Weyl's inequality; vectors as those of [[0, A], [A^T, 0]], whose eigenvalues are +-s, 0."""
    u, s, vh = wide.svd(a[0])
    moved = _spectral(*a, dtype)
    gaps = _gaps(s)
    rounding = gamma(8 * max(a[0].shape, default=0), dtype)
    out = [moved / s if n > len(s) else 0 for n in a[0].shape]
    left, right = (_turned(t, moved, gaps, o) for t, o in zip((u, vh.T), out, strict=True))
    return [(u, left + rounding), (s, np.full(s.shape, moved)), (vh, right.T + rounding)]


def _qr(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """Tall: ASNA, (19.35), theorem 19.4. Of a wide matrix [X, Y] that of X, and Q^T Y."""
    value, error = a
    q, r, margin = wide.qr(value)
    small = len(r)
    moved = _length(error) + gamma(8 * value.size, dtype) * _length(value)
    left = wide.substituted(r[:, :small], np.eye(small, dtype=WIDE), False)
    ratio = math.sqrt(2) * _length(left) * moved
    ratio = np.inf if margin <= 2 * (ratio * _length(value) + moved) else ratio
    of_q = _series(np.full(q.shape, ratio + gamma(8 * value.size, dtype)), ratio)
    of_r = _series(np.full(r.shape, ratio * _length(value) + moved), ratio)
    return [(q, of_q), (r, np.triu(of_r) if np.isfinite(of_r).all() else of_r)]


def _pinv(x: Call, dtype: np.dtype, a: Pair, cutoff: Pair) -> list[Pair]:
    """First-order change: Golub & Pereyra 1973, (4.12); the rank must be certain."""
    value, error = a
    u, s, vh = wide.svd(value)
    moved = _spectral(value, error, dtype)
    kept = s > cutoff[0] * s.max(initial=0)
    scale = np.where(kept, 1 / np.where(kept, s, 1), 0)
    found = (vh.T * scale) @ u.T
    size, spread = np.abs(found), np.full(error.shape, moved)
    rows, columns = (np.eye(n, dtype=WIDE) for n in value.shape)
    first = size @ spread @ size
    first = first + np.abs(found @ found.T) @ spread.T @ np.abs(rows - value @ found)
    first = first + np.abs(columns - found @ value) @ spread.T @ np.abs(found.T @ found)
    doubt = not kept.all() or bool((s <= (cutoff[0] + cutoff[1]) * s.max(initial=0) + moved).any())
    return [(found, _series(first, np.inf if doubt else moved * scale.max(initial=0)))]


# ---------------------------------------------------------------- functions of matrices


def _matrix_power(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """Sums of products of elements: (|A| + E)^n - |A|^n, and a rounding per term."""
    (count,), size = x.spec.params, np.abs(a[0])
    most = wide.power(size + a[1], count)
    rounding = gamma(count * (len(size) + 1), dtype) * most
    return [(wide.power(a[0], count), most - wide.power(size, count) + rounding)]


def _expm(x: Call, dtype: np.dtype, a: Pair) -> list[Pair]:
    """exp(|A| + E) - exp(|A|); twelve products and a system with the denominator, whose error
    doubles with every squaring (Higham 2005, section 2)."""
    size, n = np.abs(a[0]), len(a[0])
    most = wide.expm(size + a[1])
    length = float(size.sum(0).max(initial=0))
    if not np.isfinite(most).all():
        return [(wide.expm(a[0]), np.full(size.shape, np.inf, WIDE))]
    doublings = max(1.0, 2 * length / REACH)
    rounding = gamma(2 * doublings * n * (12 * LARGEST_DENOMINATOR + 1), dtype)
    return [(wide.expm(a[0]), most - wide.expm(size) + rounding * most.max(initial=0))]


VALUES: dict[str, Callable[..., list[Pair]]] = {
    "inv": _inv,
    "solve": _solve,
    "solve_triangular": _solve_triangular,
    "det": _det,
    "logdet": _logdet,
    "slogdet": _slogdet,
    "cholesky": _cholesky,
    "eigh": _eigh,
    "svd": _svd,
    "qr": _qr,
    "pinv": _pinv,
    "matrix_power": _matrix_power,
    "expm": _expm,
}


def _stacked(name: str) -> Callable[[Call, Sequence[Bound], Size], Bound]:
    """The rule of a routine for every matrix of a batch."""

    def rule(x: Call, operands: Sequence[Bound], size: Size) -> Bound:
        shape = tuple(map(size, x.dims))
        cores = ROWS[name].cores
        full = max((b.value.ndim - c for b, c in zip(operands, cores, strict=True)), default=0)
        batch = shape[:full]
        stacks = [
            [np.broadcast_to(p, (*batch, *p.shape[p.ndim - c :])) for p in b[:2]]
            for b, c in zip(operands, cores, strict=True)
        ]
        value, error = np.zeros(shape, WIDE), np.zeros(shape, WIDE)
        for place in np.ndindex(*batch):
            given = [tuple(p[place] for p in pair) for pair in stacks]
            found = VALUES[name](x, x.dtype, *given)
            value[place], error[place] = found[x.spec.output]
        error = np.zeros(shape, WIDE) if only_values.get() else np.where(error >= 0, error, np.inf)
        return rounded(value, error, np.abs(value), 1, x.dtype, whole=False)

    return rule


MATRICES = {name: _stacked(name) for name in VALUES}
