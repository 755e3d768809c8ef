"""What each routine of linear algebra means in NumPy, as in `routines`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
Meaning = Callable[[tuple, Sequence[Array], tuple[int, ...]], tuple[Array, ...]]

# coefficients of the Pade approximant of degree 13 over the first one, and up to which norm it
# holds in double precision: Higham 2005, table 2.3
PADE = (
    1, 1 / 2, 3 / 25, 11 / 600, 11 / 5520, 3 / 18400, 1 / 96600, 1 / 1932000, 1 / 48944000,
    1 / 1585785600, 1 / 67395888000, 1 / 3953892096000, 1 / 355850288640000,
    1 / 64764752532480000,
)  # fmt: skip
REACH = 5.371920351148152


def batched(function: Callable[..., Array], batch: tuple[int, ...], *stacks: Array) -> list[Array]:
    """A function of matrices for every place of a batch; stacks broadcast to it."""
    wide = [np.broadcast_to(s, (*batch, *s.shape[-2:])) for s in stacks]
    return [function(*(s[place] for s in wide)) for place in np.ndindex(*batch)]


def solve_triangular(a: Array, b: Array, lower: bool, unit: bool) -> Array:
    """X with a X = b for the triangle of a that is read."""
    from scipy.linalg import solve_triangular as solved

    def one(left: Array, right: Array) -> Array:
        return solved(left, right, lower=lower, unit_diagonal=unit, check_finite=False)

    if not b.size:
        return np.zeros_like(b)
    return np.reshape(batched(one, b.shape[:-2], a, b), b.shape).astype(b.dtype, copy=False)


def logdet(a: Array) -> Array:
    """log(det(a)): NaN where it is negative, -inf where it is 0."""
    sign, value = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, value).astype(a.dtype, copy=False)


def expm(a: Array) -> Array:
    """Scaling and squaring with the Pade approximant of degree 13 (Higham 2005, algorithm 2.3)."""
    if not a.size:
        return np.zeros_like(a)
    return np.reshape(batched(_expm, a.shape[:-2], a), a.shape)


def _expm(a: Array) -> Array:
    length = float(np.abs(a).sum(0).max())
    if not math.isfinite(length):
        return np.full_like(a, np.nan)
    squarings = max(0, math.ceil(math.log2(length / REACH))) if length else 0
    x = np.ldexp(a, -squarings)
    b = [x.dtype.type(c) for c in PADE]
    eye = np.eye(len(x), dtype=x.dtype)
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2
    odd = x @ (odd + b[1] * eye)
    even = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2)
    even += b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * eye
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result


def finite(a: Array) -> Array:
    """The matrices themselves. LAPACK's gesdd does not end for some that are not finite.

    Raises numpy.linalg.LinAlgError for those.
    """
    if not np.isfinite(a).all():
        raise np.linalg.LinAlgError("SVD did not converge")
    return a


def same(function: Callable[..., Any]) -> Meaning:
    """A function of one array with one result, as a meaning."""
    return lambda params, a, shape: (np.asarray(function(a[0])),)


MATRICES: dict[str, Meaning] = {
    "inv": same(np.linalg.inv),
    "solve": lambda params, a, shape: (np.linalg.solve(a[0], a[1]),),
    "solve_triangular": lambda params, a, shape: (
        solve_triangular(a[0], a[1], bool(params[0]), bool(params[1])),
    ),
    "det": same(np.linalg.det),
    "logdet": same(logdet),
    "slogdet": lambda params, a, shape: tuple(map(np.asarray, np.linalg.slogdet(a[0]))),
    "cholesky": same(np.linalg.cholesky),
    "eigh": lambda params, a, shape: tuple(np.linalg.eigh(a[0])),
    "svd": lambda params, a, shape: tuple(np.linalg.svd(finite(a[0]), full_matrices=False)),
    "qr": lambda params, a, shape: tuple(np.linalg.qr(a[0])),
    "pinv": lambda params, a, shape: (np.linalg.pinv(finite(a[0]), rcond=a[1]),),
    "matrix_power": lambda params, a, shape: (np.linalg.matrix_power(a[0], params[0]),),
    "expm": same(expm),
}

ADVICE = {
    "inv": "add a multiple of the identity, or use cf.linalg.pinv",
    "solve": "add a multiple of the identity, or use cf.linalg.pinv(a) @ b",
    "solve_triangular": "a 0 on the diagonal of a triangular matrix makes it singular",
    "cholesky": "make the matrix symmetric with positive eigenvalues, for instance by adding a "
    "small multiple of the identity",
}
FINITE = "check that all elements are finite"
