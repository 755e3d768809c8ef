"""`cf` for arrays: every word of the vocabulary by NumPy's and SciPy's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special
from tests import operations
from tests.programs import wide

from closedform.algebra.operations import OPERATIONS


def _elementwise(public: str) -> Callable[..., Any]:
    """An operation as its row promises: the value and the dtype."""
    row = OPERATIONS[public]

    def function(*args: Any) -> Any:
        common = np.result_type(*args)  # numbers of Python are weak
        columns = [
            np.asarray(a) if isinstance(a, np.ndarray | np.generic) else np.asarray(a, common)
            for a in args
        ]
        if row.like != operations.NUMPY and common.kind == "f":  # as SciPy's loops are chosen
            columns = [
                c if row.choice and k == 0 else c.astype(common) for k, c in enumerate(columns)
            ]
        found = operations.expected(row, columns)
        if found is None:
            raise TypeError(f"{public} of {', '.join(str(c.dtype) for c in columns)}")
        return found

    return function


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return scipy.special.softmax(floats(x), axis=axis)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return scipy.special.log_softmax(floats(x), axis=axis)


def logsumexp(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
    a = floats(x)
    top = np.max(a, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0).astype(a.dtype)
    total = np.log(np.sum(np.exp(a - shift), axis=axis, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis=axis)


def floats(x: np.ndarray) -> np.ndarray:
    """In the dtype in which NumPy computes exp; float32 for its float16."""
    dtype = np.exp(np.zeros((), x.dtype)).dtype
    return x.astype(np.float32 if dtype == np.float16 else dtype)


def one_hot(k: np.ndarray, num: int) -> np.ndarray:
    return (np.asarray(k)[..., None] == np.arange(num)) * 1.0


def dimshuffle(x: np.ndarray, *pattern: Any) -> np.ndarray:
    kept = [p for p in pattern if p != "x"]
    dropped = tuple(k for k in range(x.ndim) if k not in kept)
    moved = np.transpose(x, (*kept, *dropped)).reshape([x.shape[k] for k in kept])
    return np.expand_dims(moved, tuple(k for k, p in enumerate(pattern) if p == "x"))


def placed(x: np.ndarray, key: Any, value: Any, adds: bool = False) -> np.ndarray:
    """x with a value set, or the sum of a value at all occurrences of a position added, at
    x[key]."""
    result = np.zeros_like(x) if adds else np.array(x)
    if adds:
        np.add.at(result, key, np.asarray(value).astype(x.dtype))
        return result + x
    result[key] = value
    return result


def linear_recurrence(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    """y_i = a_i y_(i-1) + b_i along the last axis."""
    dtype = np.result_type(a, b)
    a, b = (t.astype(dtype) for t in np.broadcast_arrays(a, b))
    held, found = np.zeros(b.shape[:-1], dtype), []
    for k in range(b.shape[-1]):
        held = a[..., k] * held + b[..., k]
        found.append(held)
    return np.stack(found, -1) if found else np.zeros(b.shape, dtype)


def take(x: np.ndarray, where: Any, axis: int) -> np.ndarray:
    """By an index: NumPy's own function takes any position of an empty array."""
    return x[(slice(None),) * (axis % x.ndim) + (where,)]


OWN: dict[str, Callable[..., Any]] = {
    "take": take,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "one_hot": one_hot,
    "dimshuffle": dimshuffle,
    "placed": placed,
    "linear_recurrence": linear_recurrence,
    "cast": lambda x, dtype: np.asarray(x).astype(dtype),
    "norm": np.linalg.norm,
    "argsort": lambda x, axis=-1: np.argsort(x, axis, kind="stable"),
    "concat": np.concatenate,
    "matrix_transpose": lambda x: np.swapaxes(x, -1, -2),
    "vecdot": lambda a, b: np.sum(a * b, -1, dtype=np.result_type(a, b)),
}


def solve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else np.linalg.solve(a, b)


def solve_triangular(a: np.ndarray, b: np.ndarray, **options: Any) -> np.ndarray:
    """SciPy's, for every matrix of a batch."""
    right = b[:, None] if b.ndim == 1 else b
    batch = np.broadcast_shapes(a.shape[:-2], right.shape[:-2])
    found = np.empty((*batch, *right.shape[-2:]), np.linalg.solve(a, right).dtype)
    for place in np.ndindex(*batch):
        left = np.broadcast_to(a, (*batch, *a.shape[-2:]))[place]
        one = np.broadcast_to(right, found.shape)[place]
        if one.size:
            found[place] = scipy.linalg.solve_triangular(left, one, **options)
    return found[..., 0] if b.ndim == 1 else found


def matrix_rank(a: np.ndarray) -> Any:
    return np.linalg.matrix_rank(inexact(a)).astype(np.int64)


def inexact(a: np.ndarray) -> np.ndarray:
    return a if a.dtype.kind == "f" else a.astype(float)


def expm(a: np.ndarray) -> np.ndarray:
    """In the wider type: SciPy's loses three digits of small triangular matrices."""
    given = inexact(a)
    found = np.empty_like(given)
    for place in np.ndindex(*a.shape[:-2]):
        found[place] = wide.expm(given[place].astype(wide.WIDE))
    return found


LINALG: dict[str, Callable[..., Any]] = {
    "solve": solve,
    "solve_triangular": solve_triangular,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "svdvals": lambda a: np.linalg.svd(a, compute_uv=False),
    "matrix_norm": lambda a, ord: np.linalg.norm(inexact(a), ord, (-2, -1)),
    "matrix_rank": matrix_rank,
    "pinv": lambda a: np.linalg.pinv(inexact(a)),
    "matrix_power": lambda a, n: np.linalg.matrix_power(inexact(a), n),
    "expm": expm,
    "cholesky": lambda a, upper=False: (
        np.swapaxes(np.linalg.cholesky(np.swapaxes(a, -1, -2)), -1, -2)
        if upper
        else np.linalg.cholesky(a)
    ),
}


class Reference:
    """Looks like the module `closedform`, and computes with arrays."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name == "special":
            return Reference("special.")
        if name == "linalg":
            return Linalg()
        public = self._prefix + name
        if public in OPERATIONS:
            return _elementwise(public)
        return OWN[name] if name in OWN else getattr(np, name)


class Linalg:
    """Looks like `closedform.linalg`."""

    def __getattr__(self, name: str) -> Any:
        return LINALG[name] if name in LINALG else getattr(np.linalg, name)


REFERENCE = Reference()
