"""Linear algebra in the wider type, for which NumPy has none; one matrix at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from tests.programs.bound import WIDE, Array

SWEEPS = 12  # of rotations, at most: they converge quadratically
EPS = np.finfo(WIDE).eps


class LU(NamedTuple):
    """a[order] = lower @ upper, by partial pivoting; `odd`: whether the order is an odd one."""

    lower: Array
    upper: Array
    order: Array
    odd: bool


def lu(a: Array) -> LU:
    """The factors of a square matrix; a column without a pivot stays as it is."""
    u, n = np.array(a, WIDE), len(a)
    lower, order, odd = np.eye(n, dtype=WIDE), np.arange(n), False
    for k in range(n):
        p = k + int(np.argmax(np.abs(u[k:, k])))
        if p != k:
            u[[k, p]], order[[k, p]] = u[[p, k]], order[[p, k]]
            lower[[k, p], :k] = lower[[p, k], :k]
            odd = not odd
        if u[k, k] != 0:
            lower[k + 1 :, k] = u[k + 1 :, k] / u[k, k]
            u[k + 1 :] -= np.outer(lower[k + 1 :, k], u[k])
            u[k + 1 :, k] = 0
    return LU(lower, np.triu(u), order, odd)


def substituted(triangle: Array, b: Array, lower: bool) -> Array:
    """x with triangle @ x = b."""
    x, n = np.array(b, WIDE), len(triangle)
    for k in range(n) if lower else reversed(range(n)):
        x[k] /= triangle[k, k]
        rest = slice(k + 1, n) if lower else slice(0, k)
        x[rest] -= np.outer(triangle[rest, k], x[k])
    return x


def solved(f: LU, b: Array) -> Array:
    return substituted(f.upper, substituted(f.lower, b[f.order], True), False)


def inverse(a: Array) -> Array:
    return solved(lu(a), np.eye(len(a), dtype=WIDE))


def cholesky(a: Array) -> Array:
    """NaN where the matrix is not positive definite; its lower triangle is read."""
    factor = np.zeros(a.shape, WIDE)
    for k in range(len(a)):
        column = a[k:, k] - factor[k:, :k] @ factor[k, :k]
        factor[k:, k] = column / np.sqrt(column[0])
    return factor


def eigh(a: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors: Jacobi's rotations of what is nearly diagonal."""
    a = np.tril(a) + np.tril(a, -1).T
    v = _orthonormal(np.linalg.eigh(a.astype(np.float64))[1])
    a = v.T @ a @ v
    for _ in range(SWEEPS):
        scale = np.sqrt(np.abs(np.outer(np.diag(a), np.diag(a)))) + np.abs(a).max(initial=0)
        large = np.argwhere(np.triu(np.abs(a), 1) > EPS / 8 * scale)
        if not len(large):
            break
        for i, j in large:
            c, s = _rotation(a[i, i], a[j, j], a[i, j])
            turn = np.array([[c, s], [-s, c]], WIDE)
            a[:, [i, j]] = a[:, [i, j]] @ turn
            a[[i, j]] = turn.T @ a[[i, j]]
            v[:, [i, j]] = v[:, [i, j]] @ turn
    w = np.diag(a)
    order = np.argsort(w, kind="stable")
    return w[order], v[:, order]


def svd(a: Array) -> tuple[Array, Array, Array]:
    """u, s, vh of min(m, n) columns: one-sided rotations of columns that are nearly orthogonal."""
    if a.shape[0] < a.shape[1]:
        u, s, vh = svd(a.T)
        return vh.T, s, u.T
    v = _orthonormal(np.linalg.svd(a.astype(np.float64))[2].T)
    w = a @ v
    for _ in range(SWEEPS):
        squares, lengths = w.T @ w, np.sqrt((w * w).sum(0))
        large = np.argwhere(np.triu(np.abs(squares), 1) > EPS * len(a) * np.outer(lengths, lengths))
        if not len(large):
            break
        for i, j in large:
            p, q = w[:, i], w[:, j]
            c, s = _rotation(p @ p, q @ q, p @ q)
            turn = np.array([[c, s], [-s, c]], WIDE)
            w[:, [i, j]], v[:, [i, j]] = w[:, [i, j]] @ turn, v[:, [i, j]] @ turn
    lengths = np.sqrt((w * w).sum(0))
    order = np.argsort(-lengths, kind="stable")
    w, v, lengths = w[:, order], v[:, order], lengths[order]
    return w / lengths, lengths, v.T


def _orthonormal(v: Array) -> Array:
    """Columns that are orthonormal in double precision, made so in this one: Newton's step."""
    v = v.astype(WIDE)
    return v @ (3 * np.eye(v.shape[1], dtype=WIDE) - v.T @ v) / 2


def _rotation(p: Array, q: Array, off: Array) -> tuple[Array, Array]:
    """Cosine and sine of the smaller angle that removes `off` (Golub & Van Loan, 8.5.2)."""
    if off == 0:
        return WIDE.type(1), WIDE.type(0)
    ratio = (q - p) / (2 * off)
    tangent = (1 if ratio >= 0 else -1) / (abs(ratio) + np.hypot(1, ratio))
    cosine = 1 / np.hypot(1, tangent)
    return cosine, tangent * cosine


def qr(a: Array) -> tuple[Array, Array, float]:
    """Reflections whose signs are those of LAPACK: none for a column that is 0 below. The last
    result says how far the nearest element is from another choice of signs."""
    (m, n), r = a.shape, np.array(a, WIDE)
    small = min(m, n)
    q = np.eye(m, dtype=WIDE)
    margin = math.inf
    for k in range(small):
        v = r[k:, k].copy()
        if len(v) > 1:
            margin = min(margin, float(abs(v[0])), float(np.sqrt(v[1:] @ v[1:])))
        if not v[1:].any():
            continue
        v[0] += math.copysign(1, v[0]) * np.sqrt(v @ v)
        v /= np.sqrt(v @ v)
        r[k:] -= 2 * np.outer(v, v @ r[k:])
        q[:, k:] -= 2 * np.outer(q[:, k:] @ v, v)
    return q[:, :small], np.triu(r[:small]), margin


def expm(a: Array) -> Array:
    """Taylor's series of a small fraction, squared."""
    length = float(np.abs(a).sum(0).max(initial=0))
    if not math.isfinite(length):
        return np.full(a.shape, np.nan, WIDE)
    squarings = max(0, math.ceil(math.log2(length)) + 4) if length else 0
    x = np.ldexp(a, -squarings)
    term = total = np.eye(len(a), dtype=WIDE)
    for k in range(1, 18):
        term = term @ x / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


def power(a: Array, n: int) -> Array:
    found = np.eye(len(a), dtype=WIDE)
    for _ in range(n):
        found = found @ a
    return found
