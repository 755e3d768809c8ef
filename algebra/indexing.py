"""Basic indexing and reshape, with extents that may be symbolic (semantics 5.4)."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy

from . import build
from .build import describe
from .dims import Equality, Extent, FreshDim, product, show_shape
from .errors import ExpressionError, ShapeError
from .node import Node
from .origin import here
from .protocol import Handle


def basic(a: Node, key: Any) -> Node:
    """a[key] for integers, slices, None and Ellipsis.

    Raises ExpressionError for other keys, ShapeError for too many or an integer out of range.
    """
    keys = expanded(a, list(key) if isinstance(key, tuple) else [key])
    params: list[tuple] = []
    dims: list[Extent] = []
    kept: list[int | None] = []  # per axis of a, its axis in the result
    for k in keys:
        if k is None:
            dims.append(1)
        elif isinstance(k, slice):
            start, step, length = _slice(a.dims[len(params)], k)
            params.append((start, step))
            kept.append(len(dims))
            dims.append(length)
        else:
            params.append((_integer(a, len(params), operator.index(k)), None))
            kept.append(None)
    inner = tuple(dims[k] for k in kept if k is not None)
    if inner == a.dims and all(p == (0, 1) for p in params):
        return build.view(a, tuple(kept), tuple(dims))
    equal = [e for (start, step), d in zip(params, a.dims, strict=True) if step is None
             for e in _within(d, start)]  # fmt: skip
    result = build.sliced(a, tuple(params), inner, equal)
    if not any(k is None for k in keys):
        return result
    return build.view(result, tuple(k for k in kept if k is not None), tuple(dims))


def expanded(a: Node, keys: list) -> list:
    """Keys with Ellipsis written out: one per axis besides None.

    Raises ExpressionError for what indexes nothing, ShapeError for too many.
    """
    for k in keys:
        if not (
            k is None
            or k is Ellipsis
            or isinstance(k, slice | np.ndarray | Handle)
            or (isinstance(k, numbers.Integral) and not isinstance(k, bool))
        ):
            raise ExpressionError(
                f"indexing with {k!r} of type {type(k).__name__}",
                where=here(),
                fix="use integers, slices, None, ..., and arrays of integers",
            )
    used = sum(k is not None and k is not Ellipsis for k in keys)
    dots = [j for j, k in enumerate(keys) if k is Ellipsis]
    if used > a.ndim or len(dots) > 1:
        raise ShapeError(
            f"{used} indices for {describe(a)} with shape {show_shape(a.dims)}",
            where=here(),
            fix=f"use at most {a.ndim} indices and one ...",
        )
    fill = [slice(None)] * (a.ndim - used)
    if dots:
        return [*keys[: dots[0]], *fill, *keys[dots[0] + 1 :]]
    return [*keys, *fill]


def _integer(a: Node, axis: int, k: int) -> int:
    extent = a.dims[axis]
    if isinstance(extent, int) and not -extent <= k < extent:
        raise ShapeError(
            f"index {k} of axis {axis} of {describe(a)} with extent {extent}",
            where=here(),
            fix=f"use {-extent} to {extent - 1}" if extent else "take a slice; it has no elements",
        )
    return k % extent if isinstance(extent, int) else k


def _within(extent: Extent, k: int) -> Iterator[Equality]:
    """What must hold at run time so that position k exists: the slice of it has one element."""
    if not isinstance(extent, int) and k not in (0, -1):  # these exist unless nothing does
        yield FreshDim(("length", extent, k, k + 1, 1)), 1


def _slice(extent: Extent, key: slice) -> tuple:
    """(start, step, extent of the result)."""
    for part in (key.start, key.stop, key.step):
        if part is not None and not isinstance(part, numbers.Integral):
            raise ExpressionError(
                f"a slice with the bound {part!r}",
                where=here(),
                fix="use integers as bounds of slices",
            )
    start, stop, step = (None if p is None else int(p) for p in (key.start, key.stop, key.step))
    step = 1 if step is None else step
    if step == 0:
        raise ShapeError("a slice with step 0", where=here(), fix="use a step other than 0")
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


def reshaped(a: Node, shape: tuple) -> Node:
    """a under another shape. Symbolic extents are matched by cancelling equal factors.

    Raises ShapeError if the numbers of elements differ or cannot be shown equal.
    """
    wanted = list(shape)
    unknown = [k for k, s in enumerate(wanted) if isinstance(s, numbers.Integral) and s == -1]
    if len(unknown) > 1:
        raise ShapeError(
            f"reshape to {tuple(shape)} leaves {len(unknown)} extents unknown",
            where=here(),
            fix="write -1 once",
        )
    left = list(a.dims)
    for parts in (lambda s: [s], _factors):  # extents that are there, then products of such
        for k, s in enumerate(wanted):
            if k in unknown or isinstance(s, tuple):
                continue
            found = parts(s)
            rest = _without(left, found)
            if rest is not None:
                plain = not isinstance(s, sympy.Mul | sympy.Pow)
                wanted[k] = (s if plain else product(sorted(found, key=left.index)),)
                left = rest
        left = [f for d in left for f in _factors(d)]
    known = [s for k, s in enumerate(wanted) if not isinstance(s, tuple) and k not in unknown]
    count, total = _product(known), _product(left)
    if unknown:
        wanted[unknown[0]] = (_quotient(a, shape, left, count, total),)
    elif count is None or total is None or count != total:
        raise _mismatch(a, shape)
    return build.reshape(a, tuple(s[0] if isinstance(s, tuple) else int(s) for s in wanted))


def _factors(s: Any) -> list:
    """The extents that a product of extents consists of."""
    if isinstance(s, FreshDim):
        merged = s.definition is not None and s.definition[0::2] == ("quotient", 1)
        return list(s.definition[1]) if merged else [s]
    if not isinstance(s, sympy.Mul | sympy.Pow):
        return [s]
    powers = [f.as_base_exp() for f in sympy.Mul.make_args(s)]
    if not all(e.is_Integer and 0 < e < 100 for _, e in powers):
        return [s]
    return [int(b) if b.is_Integer else b for b, e in powers for _ in range(int(e))]


def _without(extents: list, parts: list) -> list | None:
    """The extents that remain without some of them; None if one is not there."""
    rest = list(extents)
    for s in parts:
        if s not in rest:
            return None
        rest.remove(s)
    return rest


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
    return ShapeError(
        f"cannot reshape {describe(a)} with shape {show_shape(a.dims)} to ({text})",
        where=here(),
        fix="keep the number of elements; name symbolic extents as in the operand, or use -1",
    )
