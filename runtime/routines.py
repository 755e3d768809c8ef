"""What each routine means in NumPy: functions of (params, arrays) that give all results.

`algebra/routines` says what the arrays are; sizes of results that no operand has come as `shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .matrices import MATRICES

Array = np.ndarray
Meaning = Callable[[tuple, Sequence[Array], tuple[int, ...]], tuple[Array, ...]]


def recurrence(a: Array, b: Array) -> Array:
    """Along the last axis, y_i = a_i y_(i-1) + b_i with y_(-1) = 0."""
    y = np.empty_like(b)
    held = np.zeros(b.shape[:-1], b.dtype)
    for k in range(b.shape[-1]):
        held = a[..., k] * held + b[..., k]
        y[..., k] = held
    return y


def checked(positions: Array, extent: int) -> Array:
    """Positions, all of which are from 0 to extent - 1.

    Raises
    ------
    IndexError
        Naming the first one that is not.
    """
    bad = (positions < 0) | (positions >= extent)
    if bad.any():
        first = int(positions[bad].flat[0])
        raise IndexError(f"position {first} along an axis of extent {extent}")
    return positions


def scatter_add(positions: Array, values: Array, rows: int) -> Array:
    """Rows of values (..., m, r) added up at positions: (..., rows, r)."""
    result = np.zeros((*values.shape[:-2], rows, values.shape[-1]), values.dtype)
    places: Any = (..., checked(positions, rows), slice(None))
    np.add.at(result, places, values)
    return result


def scatter_last(positions: Array, rows: int) -> Array:
    """Per row the last element of positions that names it, or -1."""
    result = np.full(rows, -1, np.int64)
    np.maximum.at(result, checked(positions, rows), np.arange(len(positions)))
    return result


NUMPY: dict[str, Meaning] = {
    "cumsum": lambda params, a, shape: (np.cumsum(a[0], -1, dtype=a[0].dtype),),
    "cumprod": lambda params, a, shape: (np.cumprod(a[0], -1, dtype=a[0].dtype),),
    "recurrence": lambda params, a, shape: (recurrence(*a),),
    "argsort": lambda params, a, shape: (np.argsort(a[0], -1, kind="stable"),),
    "scatter_add": lambda params, a, shape: (scatter_add(a[0], a[1], shape[-2]),),
    "scatter_last": lambda params, a, shape: (scatter_last(a[0], shape[-1]),),
    **MATRICES,
}
