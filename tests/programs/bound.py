"""The value of a node in a wider type, and how far a computed one may lie from it.

Rounding is proportional to the magnitude, the sum of the absolute values of the terms if sums and
products are multiplied out, so a bound holds in whatever order a sum is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
WIDE = np.dtype(np.longdouble)
GRID = 256.0  # sums of multiples of 1/256 are exact as long as they are small
only_values: ContextVar[bool] = ContextVar("only_values", default=False)


class Bound(NamedTuple):
    """value: floats in the wider type, integers and truth values in their own. error, magnitude:
    in the wider type, of the same shape."""

    value: Array
    error: Array
    magnitude: Array

    @property
    def certain(self) -> bool:
        return not self.error.any()


def exactly(value: Any) -> Bound:
    """A value without an error."""
    value = np.asarray(value)
    held = value.astype(WIDE) if value.dtype.kind == "f" else value
    size = np.abs(held.astype(WIDE))
    return Bound(held, np.zeros(size.shape, WIDE), size)


def spacing(dtype: np.dtype) -> Any:
    """The distance from 1 to the next number; 0 for integers, and where only values are wanted."""
    found = np.finfo(dtype).eps if dtype.kind == "f" and not only_values.get() else 0
    return WIDE.type(found)


def rounded(
    value: Array, error: Array, size: Array, places: float, dtype: np.dtype, whole: Any = True
) -> Bound:
    """A computed value that may have lost some half places of its magnitude, besides the error
    that it inherits.

    whole : whether its terms are multiples of 1/GRID, so that it is exact if it is one, too
    """
    error, size = (np.broadcast_to(a, np.shape(value)) for a in (error, size))
    if dtype.kind != "f":
        return Bound(np.asarray(value), np.asarray(error, WIDE), np.asarray(size, WIDE))
    info = np.finfo(dtype)
    lost = places / 2 * spacing(dtype) * (size + WIDE.type(info.smallest_normal))
    whole = whole & on_grid(value) & (size * GRID < 1 / WIDE.type(info.eps))
    error = np.where(whole & (error == 0), 0, error + lost)
    value = np.where(np.abs(value) > info.max, np.sign(value) * np.inf, value)
    error = np.where(np.isnan(error) & np.isfinite(value), np.inf, error)  # nothing is known
    return Bound(np.asarray(value, WIDE), np.asarray(error, WIDE), np.asarray(size, WIDE))


def on_grid(value: Array) -> Array:
    return value * GRID == np.rint(value * GRID)


def converted(x: Bound, source: np.dtype, target: np.dtype) -> Bound:
    """A value read in another dtype."""
    if target == source:
        return x
    if target.kind == "f":
        wide = x.value.astype(WIDE)
        changes = wide.astype(target).astype(WIDE) != wide
        lost = np.where(changes, spacing(target) / 2 * np.abs(wide), 0)
        return Bound(wide, x.error + lost, x.magnitude)
    made = x.value.astype(target)
    ends = [(x.value.astype(WIDE) + s * x.error).astype(target) for s in (1, -1)]
    error = np.zeros(x.error.shape, WIDE) if x.certain else farthest(made, ends)
    return Bound(made, error, np.abs(made.astype(WIDE)))


def farthest(value: Array, others: Sequence[Array]) -> Array:
    """The largest distance; infinite where one of them is not a number."""
    wide = value.astype(WIDE)
    found = np.zeros(wide.shape, WIDE)
    for other in others:
        distance = np.abs(other.astype(WIDE) - wide)
        distance = np.where((other == value) | ((other != other) & (value != value)), 0, distance)
        found = np.maximum(found, np.where(np.isnan(distance), np.inf, distance))
    return found


def shifted(value: Array, by: Array) -> Array:
    """A value moved by an error, in its own type."""
    if value.dtype.kind == "b":
        return (value + by >= 0.5) if by.any() else value
    return (value.astype(WIDE) + by).astype(value.dtype)
