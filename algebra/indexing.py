"""Basic indexing and reshape, with extents that may be symbolic (semantics 5.4)."""

from __future__ import annotations

import numbers
from typing import Any

from . import build
from .dims import Extent, FreshDim, show_shape
from .errors import ExpressionError, ShapeError
from .node import Node


def basic(a: Node, key: Any) -> Node:
    """a[key] for integers, slices, None and Ellipsis.

    Raises ExpressionError for other keys, ShapeError for too many or an integer that is out of range.
    """
    keys = _expand(a, key if isinstance(key, tuple) else (key,))
    params, dims, kept = [], [], []
    axis = 0
    for k in keys:
        if k is None:
            dims.append(1)
            continue
        kept.append(None if isinstance(k, numbers.Integral) else len(dims))
        params.append(
            _integer(a, axis, int(k))
            if isinstance(k, numbers.Integral)
            else _slice(a.dims[axis], k)
        )
        if not isinstance(k, numbers.Integral):
            dims.append(params[-1][2])
        axis += 1
    if all(p[:2] == (0, 1) and p[2] == d for p, d in zip(params, a.dims, strict=True)):
        return build.view(a, tuple(kept), tuple(dims))
    inner = tuple(p[2] for p in params if p[1] is not None)
    result = build.sliced(a, tuple(p[:2] for p in params), inner)
    if None not in keys:
        return result
    return build.view(result, tuple(k for k in kept if k is not None), tuple(dims))


def _expand(a: Node, keys: tuple) -> list:
    """Keys with Ellipsis written out, one per axis besides None."""
    for k in keys:
        if not (
            k is None
            or k is Ellipsis
            or isinstance(k, slice)
            or (isinstance(k, numbers.Integral) and not isinstance(k, bool))
        ):
            raise ExpressionError(
                f"indexing with {k!r} is not built yet",
                where=build.here(),
                fix="use integers, slices, None and ..., or a product with a one-hot matrix",
            )
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > a.ndim or keys.count(Ellipsis) > 1:
        raise ShapeError(f"{used} indices for {build.describe(a)} with shape {show_shape(a.dims)}", where=build.here(),
                         fix=f"use at most {a.ndim} indices and one ...")  # fmt: skip
    fill = [slice(None)] * (a.ndim - used)
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        return [*keys[:at], *fill, *keys[at + 1 :]]
    return [*keys, *fill]


def _integer(a: Node, axis: int, k: int) -> tuple:
    extent = a.dims[axis]
    if isinstance(extent, int) and not -extent <= k < extent:
        raise ShapeError(f"index {k} of axis {axis} of {build.describe(a)} with extent {extent}", where=build.here(),
                         fix=f"use {-extent} to {extent - 1}")  # fmt: skip
    return (k % extent if isinstance(extent, int) else k), None, 1


def _slice(extent: Extent, key: slice) -> tuple:
    """(start, step, extent of the result)."""
    for part in (key.start, key.stop, key.step):
        if part is not None and not isinstance(part, numbers.Integral):
            raise ExpressionError(
                f"a slice with the bound {part!r}",
                where=build.here(),
                fix="use integers as bounds of slices",
            )
    start, stop, step = (None if p is None else int(p) for p in (key.start, key.stop, key.step))
    step = 1 if step is None else step
    if step == 0:
        raise ShapeError("a slice with step 0", where=build.here(), fix="use a step other than 0")
    if isinstance(extent, int):
        chosen = range(*slice(start, stop, step).indices(extent))
        return (chosen.start if chosen else 0), step, len(chosen)
    if start in (None, 0) and stop is None and step == 1:
        return 0, 1, extent
    if start in (None, -1) and stop is None and step == -1:
        return -1, -1, extent
    length = FreshDim(("length", extent, start, stop, step))
    if start is None or 0 <= start and step > 0:
        return (start or 0) if step > 0 else -1, step, length
    return FreshDim(("start", extent, start, stop, step)), step, length


def slice_bounds(extent: int, definition: tuple) -> int:
    """Run-time value of a dim defined by a slice, given the extent of the axis it cuts."""
    kind, _, start, stop, step = definition
    chosen = range(*slice(start, stop, step).indices(extent))
    return len(chosen) if kind == "length" else (chosen.start if chosen else 0)


def reshaped(a: Node, shape: tuple) -> Node:
    """a under another shape. Symbolic extents are matched by cancelling equal factors.

    Raises ShapeError if the numbers of elements differ or cannot be shown equal.
    """
    wanted = list(shape)
    unknown = [k for k, s in enumerate(wanted) if isinstance(s, numbers.Integral) and s == -1]
    if len(unknown) > 1:
        raise ShapeError(
            f"reshape to {tuple(shape)} leaves {len(unknown)} extents unknown",
            where=build.here(),
            fix="write -1 once",
        )
    left = list(a.dims)
    for k, s in enumerate(wanted):
        if k not in unknown and s in left:
            left.remove(s)
            wanted[k] = (s,)
    known = [s for k, s in enumerate(wanted) if not isinstance(s, tuple) and k not in unknown]
    count, total = _product(known), _product(left)
    if unknown:
        wanted[unknown[0]] = (_quotient(a, shape, left, count, total),)
    elif count is None or total is None or count != total:
        raise _mismatch(a, shape)
    return build.reshape(a, tuple(s[0] if isinstance(s, tuple) else int(s) for s in wanted))


def _product(extents: list) -> int | None:
    result = 1
    for s in extents:
        if not isinstance(s, numbers.Integral):
            return None
        result *= int(s)
    return result


def _quotient(a: Node, shape: tuple, left: list, count: int | None, total: int | None) -> Extent:
    if count == 1 and len(left) == 1:
        return left[0]
    if count and total is not None and total % count == 0:
        return total // count
    if count and total is None:
        return FreshDim(("quotient", tuple(left), count))
    raise _mismatch(a, shape)


def _mismatch(a: Node, shape: tuple) -> ShapeError:
    text = ", ".join(str(s) for s in shape)
    return ShapeError(f"cannot reshape {build.describe(a)} with shape {show_shape(a.dims)} to ({text})", where=build.here(),
                      fix="keep the number of elements; name symbolic extents as in the operand, or use -1")  # fmt: skip
