"""Indexing with arrays of integers: reading at positions, and writing there (semantics 5.5).

A position < 0 counts from the end. A position out of range is refused when the function is called.
An index made of truth values would give a shape that depends on values: a mask that is known now
becomes positions, a symbolic one is refused.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import build, dims, indexing
from .axes import axis_of, moveaxis
from .dims import Extent, show_shape
from .dtypes import BOOL, INT64
from .errors import ExpressionError, ShapeError
from .functions import where
from .node import Gather, GatherSpec, Layout, Leaf, iota_leaf
from .origin import here, origin
from .routines import argsorted
from .subscripts import spelled
from .tensor import Tensor, as_tensor
from .words import call, named


def position(extent: Extent) -> Tensor:
    """0, 1, ... extent - 1."""
    return Tensor(iota_leaf(extent))


# ---------------------------------------------------------------- reading


def gathered(x: Tensor, places: Sequence[Tensor | int], shape: Sequence[Extent]) -> Tensor:
    """Elements of x as an array of this shape.

    places   per axis of x, the axis of the result it runs along, or positions that broadcast
             against the result
    """
    along: list[int | None] = []
    tensors, indices = [], []
    rank = len(shape)
    for place in places:
        if isinstance(place, int):
            along.append(place)
            continue
        along.append(None)
        tensors.append(place.node)
        lead = rank - place.ndim
        indices.append(
            tuple(
                None if d == 1 and shape[lead + k] != 1 else lead + k
                for k, d in enumerate(place.shape)
            )
        )
    spec = GatherSpec(tuple(along), tuple(indices), tuple(shape), x.dtype, x.node.weak)
    return Tensor(Gather.occur(spec, x.node, *tensors, origin=origin()))


def along_axis(x: Tensor, positions: Tensor, axis: int) -> Tensor:
    """x with one axis replaced by those of `positions`, which are known to be in range."""
    rank, more = x.ndim, positions.ndim
    shape = (*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :])
    spread = positions.dimshuffle(*("x",) * axis, *range(more), *("x",) * (rank - axis - 1))
    places: list[Tensor | int] = [k if k < axis else k + more - 1 for k in range(rank)]
    places[axis] = spread
    return gathered(x, places, shape)


def wrapped(positions: Any, extent: Extent, what: str) -> Tensor:
    """Positions as int64 >= 0: those below 0 count from the end.

    Raises
    ------
    ExpressionError for what are no integers, ShapeError for known ones out of range.
    """
    given = as_tensor(positions)
    if given.dtype.kind not in "iu":
        raise ExpressionError(
            f"{what} with {build.describe(given.node)} of dtype {given.dtype}",
            where=here(),
            fix="use integers: convert with .astype('int64')",
        )
    index = given if given.dtype == INT64 else given.astype(INT64)
    known = given.node.payload if isinstance(given.node, Leaf) else None
    if isinstance(known, np.ndarray) and isinstance(extent, int):
        if known.size and not -extent <= known.min() <= known.max() < extent:
            raise ShapeError(
                f"{what}: positions from {known.min()} to {known.max()} along an axis of extent "
                f"{extent}",
                where=here(),
                fix=f"use {-extent} to {extent - 1}" if extent else "it has no elements",
            )
    if given.dtype.kind == "u" or _nonnegative(given):
        return index
    return where(index < 0, index + extent, index)


def _nonnegative(x: Tensor) -> bool:
    node = x.node
    if isinstance(node, Leaf):
        values = node.payload
        known = isinstance(values, np.ndarray) and (not values.size or values.min() >= 0)
        return known or "nonnegative" in node.spec.facts
    return getattr(node.spec, "op", None) in ("argmax", "argmin") or (
        getattr(node.spec, "routine", None) == "argsort"
    )


def take(x: Any, indices: Any, axis: Any = None) -> Tensor:
    """Elements at positions along an axis, or of the flattened array.

    The axis is replaced by those of `indices`. The derivative adds up where a position occurs
    twice.

    >>> import closedform as cf
    >>> table, words = cf.tensor("table", ("k", "d")), cf.lvector("words", shape="n")
    >>> cf.take(table, words, axis=0).shape
    (n, d)
    """
    x = as_tensor(x)
    if axis is None:
        return named(take(x.flatten(), indices, 0), call("take", x, as_tensor(indices)), x,
                     as_tensor(indices))  # fmt: skip
    k, index = axis_of(x, axis), as_tensor(indices)
    result = along_axis(x, wrapped(index, x.shape[k], "take"), k)
    return named(result, call("take", x, index, axis=k), x, index)


def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Tensor:
    """Along an axis, the elements at the positions that the matching slice of `indices` says.

    `indices` has as many axes as x; extents of 1 broadcast, others agree.
    """
    x, index = as_tensor(x), as_tensor(indices)
    k = axis_of(x, axis)
    if index.ndim != x.ndim:
        raise ShapeError(
            f"take_along_axis of shapes {show_shape(x.shape)} and {show_shape(index.shape)}",
            where=here(),
            fix="positions must have as many axes as the array",
        )
    where_ = origin()
    equal: list = []
    shape: list[Extent] = []
    places: list[Tensor | int] = []
    for j, (a, b) in enumerate(zip(x.shape, index.shape, strict=True)):
        if j == k:
            shape.append(b)
            continue
        found = dims.unify([a, b]) if 1 not in (a, b) else (b if a == 1 else a, ())
        if found is None:
            raise build.shape_conflict([(x.node, j), (index.node, j)], where_)
        shape.append(found[0])
        equal += found[1]
    for j, a in enumerate(x.shape):
        repeats = a == 1 and shape[j] != 1
        places.append(as_tensor(np.int64(0)) if repeats else j)
    places[k] = wrapped(index, x.shape[k], "take_along_axis")
    result = gathered(x, places, shape)
    node = Gather.occur(
        result.node.spec, *result.node.operands, origin=where_, equalities=tuple(equal)
    )
    return named(Tensor(node), call("take_along_axis", x, index, axis=k), x, index)


# ---------------------------------------------------------------- x[...]


def item(x: Tensor, key: Any) -> Tensor:
    """x[key], by NumPy's rules.

    Raises ShapeError or ExpressionError for keys that do not fit, or whose result would have a
    shape that depends on values.
    """
    listed = key if isinstance(key, tuple) else (key,)
    if not any(map(_is_array, listed)):
        result = Tensor(indexing.basic(x.node, key))
        plain = isinstance(result.node, Layout) and result.node.operands[0] is x.node
        return result if plain else _of(x, result, listed)
    keys = indexing.expanded(x.node, [k for part in listed for k in _unmasked(x, part)])
    return _of(x, _indexed(x, keys), listed)


def _of(x: Tensor, result: Tensor, keys: tuple) -> Tensor:
    """The result, shown as the key that was written; always an operation of its own."""
    if result.node is x.node:
        result = Tensor(build.view(x.node, tuple(range(x.ndim)), x.shape))
    arrays = [as_tensor(k) if isinstance(k, Tensor) else _index(k) for k in keys if _is_array(k)]
    numbers_ = iter(range(1, len(keys) + 1))
    items = ", ".join(f"{{{next(numbers_)}}}" if _is_array(k) else spelled(k) for k in keys)
    return named(result, f"{{0}}[{items}]", x, *arrays)


def _indexed(x: Tensor, keys: list[Any]) -> Tensor:
    """x[keys] with arrays among the keys: arrays and integers broadcast against each other; their
    axes stand where the arrays stood if those are next to each other, else in front."""
    chosen = [j for j, k in enumerate(keys) if _is_array(k) or _is_integer(k)]
    rest = [slice(None) if j in chosen else k for j, k in enumerate(keys)]
    base = Tensor(indexing.basic(x.node, tuple(rest)))  # axis j of it belongs to keys[j]
    positions = {j: wrapped(_index(keys[j]), base.shape[j], "indexing") for j in chosen}
    joined = broadcast_shape(list(positions.values()))
    together = chosen == list(range(chosen[0], chosen[-1] + 1))
    start = chosen[0] if together else 0
    kept = [j for j in range(base.ndim) if j not in positions]
    before, after = [j for j in kept if j < start], [j for j in kept if j >= start]
    order: list[int | None] = [*before, *[None] * len(joined), *after]
    dims_of_rest = iter(joined)
    shape = [next(dims_of_rest) if j is None else base.shape[j] for j in order]
    places: list[Tensor | int] = [
        positions[j].dimshuffle(*range(positions[j].ndim), *("x",) * len(after))
        if j in positions
        else order.index(j)
        for j in range(base.ndim)
    ]
    return gathered(base, places, shape)


def broadcast_shape(tensors: Sequence[Tensor]) -> tuple[Extent, ...]:
    """The shape that positions have together."""
    return build.broadcast([t.node for t in tensors], origin())[0]


def _is_integer(k: Any) -> bool:
    return isinstance(k, numbers.Integral) and not isinstance(k, bool | np.bool_)


def _is_array(k: Any) -> bool:
    return isinstance(k, Tensor | np.ndarray | list)


def _index(k: Any) -> Tensor:
    if _is_integer(k):
        return as_tensor(np.int64(operator.index(k)))
    if isinstance(k, Tensor):
        return k
    array = np.asarray(k)
    if array.size == 0:
        array = array.astype(np.int64)
    return as_tensor(array)


def _unmasked(x: Tensor, k: Any) -> list[Any]:
    """A key without truth values: a mask that is known becomes positions."""
    if isinstance(k, Tensor):
        if k.dtype == BOOL:
            raise ExpressionError(
                f"indexing {build.describe(x.node)} with the symbolic mask "
                f"{build.describe(k.node)}: the shape of the result would depend on its values",
                where=here(),
                fix="keep the shape: cf.where(mask, x, 0), a weighted sum such as "
                "(mask * x).sum() / mask.sum(), or cf.where(mask, new, x) to set elements",
            )
        return [k]
    if isinstance(k, list | np.ndarray | bool | np.bool_):
        array = np.asarray(k)
        if array.dtype == np.bool_:
            if array.ndim == 0:
                raise ExpressionError(
                    f"indexing with {k!r}", where=here(), fix="use None or a slice"
                )
            return list(np.nonzero(array))
        return [array]
    return [k]


# ---------------------------------------------------------------- writing


def set_subtensor(x: Any, value: Any) -> Tensor:
    """The array that `x` was cut out of by indexing, with `value` at those places.

    Where a position occurs twice, the last one wins, as in NumPy.

    >>> import closedform as cf
    >>> v = cf.vector("v", shape=(5,))
    >>> cf.set_subtensor(v[1:3], 0).shape
    (5,)
    """
    return _written(x, value, False)


def inc_subtensor(x: Any, value: Any) -> Tensor:
    """The array that `x` was cut out of by indexing, with `value` added at those places.

    Where a position occurs twice, both are added.
    """
    return _written(x, value, True)


def _written(x: Any, value: Any, adds: bool) -> Tensor:
    from .scattering import written

    result = written(x, value, adds)
    word = "inc_subtensor" if adds else "set_subtensor"
    return named(result, call(word, x, as_tensor(value)), x, as_tensor(value))


# ---------------------------------------------------------------- sorting


def argsort(x: Any, axis: Any = -1) -> Tensor:
    """Positions that sort along an axis, int64; None sorts the flattened array.

    Equal elements keep their order; NaN comes last.
    """
    x = as_tensor(x)
    if axis is None:
        return argsort(x.flatten(), 0)
    k = axis_of(x, axis)
    result = moveaxis(argsorted(moveaxis(x, k, -1)), -1, k)
    return named(result, call("argsort", x, axis=k), x)


def sort(x: Any, axis: Any = -1) -> Tensor:
    """Elements in ascending order along an axis, NaN last; None sorts the flattened array.

    The derivative goes to where each element came from.
    """
    x = as_tensor(x)
    if axis is None:
        return sort(x.flatten(), 0)
    k = axis_of(x, axis)
    return named(take_along_axis(x, argsort(x, k), k), call("sort", x, axis=k), x)
