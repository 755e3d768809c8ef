"""Building as-written nodes: elementwise operations, contractions, reductions, layouts.

Nothing is evaluated here. Each function checks shapes and dtypes, unifies extents and makes one
occurrence that remembers the user's line.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from . import dims as dim_algebra
from .dims import Dim, Equality, Extent, show, show_shape
from .dtypes import BOOL, FLOAT64, INT64, floating, promote, summed
from .errors import ClosedformError, DTypeError, ShapeError
from .literal import Part, check_fits, fits, slotted
from .node import (
    Contract,
    ContractSpec,
    Layout,
    LayoutSpec,
    Leaf,
    Map,
    MapSpec,
    Node,
    Reduce,
    ReduceSpec,
)
from .origin import Origin, here, origin, place
from .scalar import Slot, ne

# ---------------------------------------------------------------- elementwise


def elementwise(
    primitive: Callable[..., Any],
    parts: Sequence[Part],
    *,
    floats: bool | Callable[[np.dtype], np.dtype] = False,
    boolean: bool = False,
    logical: bool = False,
) -> Node:
    """An as-written Map of one operation.

    primitive  class of `algebra.scalar`, or a function from arguments to a body
    parts      (node or number, dtype, weak) per argument
    floats     compute in floating point even for integers (exp), or a function from the common
               dtype to the one to compute in (/)
    boolean    the result is bool (comparisons); logical: so are the operands
    """
    where = origin()
    arguments, operands = slotted(parts)
    dims, indices, equal = broadcast(operands, where)
    strengths = [(d if w or floats is not True else floating(d), w) for _, d, w in parts]
    compute, weak = (BOOL, False) if logical else promote(strengths)
    if floats:
        compute = floats(compute) if callable(floats) else floating(compute)
    if boolean and not all(fits(value, compute) for value, _, _ in parts):
        compute = _wide(parts, compute)
    for value, _, _ in parts:
        check_fits(value, compute)
    dtype = BOOL if boolean else compute
    spec = MapSpec(primitive(*arguments), indices, dims, dtype, weak and not boolean, compute)
    return Map.occur(spec, *operands, origin=where, equalities=equal)


def _wide(parts: Sequence[Part], common: np.dtype) -> np.dtype:
    """Dtype in which an integer and a number beyond its range compare as the numbers they are."""
    beyond = [np.min_scalar_type(int(v)) for v, _, _ in parts if not isinstance(v, Node)]
    return FLOAT64 if np.dtype(object) in beyond else np.result_type(common, *beyond)


def broadcast(
    operands: Sequence[Node], where: Origin | None
) -> tuple[tuple[Extent, ...], tuple[tuple[int | None, ...], ...], tuple[Equality, ...]]:
    """Extents, index maps and equalities of an elementwise operation.

    Only an extent of 1 broadcasts.
    """
    rank = max((a.ndim for a in operands), default=0)
    dims: list[Extent] = []
    equal: list[Equality] = []
    for axis in range(rank):
        here_dims = [
            (a, a.dims[axis - rank + a.ndim]) for a in operands if axis - rank + a.ndim >= 0
        ]
        wide = [d for _, d in here_dims if d != 1]
        found = dim_algebra.unify(wide) if wide else (1, ())
        if found is None:
            raise shape_conflict([(a, axis - rank + a.ndim) for a, d in here_dims if d != 1], where)
        dims.append(found[0])
        equal.extend(found[1])
    indices = tuple(
        tuple(
            None if d == 1 and dims[k + rank - a.ndim] != 1 else k + rank - a.ndim
            for k, d in enumerate(a.dims)
        )
        for a in operands
    )
    return tuple(dims), indices, tuple(equal)


def describe(node: Node) -> str:
    """A node as errors name it."""
    if node.label:
        return repr(node.label)
    if isinstance(node, Leaf):
        return {"constant": "the array constant", "parameter": "the number"}.get(
            node.spec.kind, f"the unnamed {node.spec.kind}"
        )
    if node.origin is None:
        return "an intermediate"
    return f"the result of {'line ' if node.origin[1] else ''}{place(node.origin)}"


def shape_conflict(pairs: Sequence[tuple[Node, int]], where: Origin | None) -> ShapeError:
    """The error for axes that must agree and do not; pairs are (operand, axis)."""
    text = " and ".join(
        f"axis {axis} of {describe(a)} with shape {show_shape(a.dims)}"
        f" has extent {show(a.dims[axis])}"
        for a, axis in pairs
    )
    sizes = {a.dims[axis] for a, axis in pairs}
    fix = "transpose or reshape one of them"
    if 1 not in sizes and any(isinstance(s, Dim) for s in sizes):
        fix = "give both axes the same name in shape=, or transpose or reshape one of them"
    return ShapeError(f"shapes do not match: {text}", where=place(where), fix=fix)


# ---------------------------------------------------------------- contractions, reductions, layouts


def contract(
    operands: Sequence[Node],
    indices: Sequence[tuple[Hashable, ...]],
    out: tuple[Hashable, ...],
    *,
    sizes: Mapping[Hashable, Extent] | None = None,
    dtype: np.dtype | None = None,
) -> Node:
    """An as-written Contract.

    Labels are any hashable values; sizes gives the extents of labels that no operand carries.
    """
    where = origin()
    groups: dict[Hashable, list[tuple[Node, int]]] = {}
    for a, labels in zip(operands, indices, strict=True):
        for axis, label in enumerate(labels):
            groups.setdefault(label, []).append((a, axis))
    extents = dict(sizes or {})
    equal: list[Equality] = []
    for label, pairs in groups.items():
        found = dim_algebra.unify([a.dims[axis] for a, axis in pairs])
        if found is None:
            raise shape_conflict(pairs, where)
        extents[label] = found[0]
        equal.extend(found[1])
    number = {label: k for k, label in enumerate(dict.fromkeys([*out, *groups, *extents]))}
    common, weak = (
        promote([(a.dtype, a.weak) for a in operands]) if dtype is None else (dtype, False)
    )
    if common == BOOL:
        raise DTypeError(
            "a product or sum of booleans",
            where=place(where),
            fix="convert with .astype('int64') or 'float64' first",
        )
    spec = ContractSpec(
        tuple(tuple(number[t] for t in labels) for labels in indices),
        tuple(number[t] for t in out),
        tuple(extents[t] for t in number),
        common,
        weak,
    )
    return Contract.occur(spec, *operands, origin=where, equalities=tuple(equal))


def axes_of(a: Node, axis: object) -> tuple[int, ...]:
    """Axes as sorted nonnegative numbers; None means all."""
    if axis is None:
        return tuple(range(a.ndim))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    result = []
    for k in given:
        try:
            number = operator.index(k)
        except (TypeError, ClosedformError):
            number = a.ndim
        if not -a.ndim <= number < a.ndim:
            raise ShapeError(
                f"axis {k!r} of {describe(a)}, which has {a.ndim} axes",
                where=here(),
                fix=f"use axes from {-a.ndim} to {a.ndim - 1}" if a.ndim else "give no axis",
            )
        result.append(number % a.ndim)
    if len(set(result)) != len(result):
        raise ShapeError(
            f"axis {axis!r} names an axis twice", where=here(), fix="name each axis once"
        )
    return tuple(sorted(result))


def total(a: Node, axes: tuple[int, ...], dtype: np.dtype | None = None) -> Node:
    """Sum along axes."""
    every = tuple(range(a.ndim))
    result = dtype or summed(a.dtype)
    if result == BOOL:
        raise DTypeError("a sum with dtype bool", where=here(), fix="use .max(axis)")
    node = contract([a], [every], tuple(k for k in every if k not in axes), dtype=result)
    if a.weak:
        node = Contract.occur(node.spec.with_(weak=True), a, origin=node.origin)
    return node


WITHOUT_EMPTY = ("max", "min", "argmax", "argmin")  # what has no value for no elements


def reduce(op: str, a: Node, axes: tuple[int, ...]) -> Node:
    """One of `node.REDUCTIONS` along axes."""
    where = origin()
    if op in WITHOUT_EMPTY and any(a.dims[k] == 0 for k in axes):
        raise ShapeError(
            f"{op} along an axis of extent 0 of {describe(a)} with shape {show_shape(a.dims)}",
            where=place(where),
            fix="reduce along an axis that has elements",
        )
    dtype = INT64 if op.startswith("arg") else floating(a.dtype) if op == "logsumexp" else a.dtype
    dims = tuple(d for k, d in enumerate(a.dims) if k not in axes)
    return Reduce.occur(ReduceSpec(op, axes, dims, dtype, False), a, origin=where)


def view(a: Node, indices: tuple[int | None, ...], dims: tuple[Extent, ...]) -> Node:
    """Transpose, new axes, broadcast: axis k of `a` runs along axis indices[k] of the result."""
    spec = MapSpec(Slot(0), (tuple(indices),), tuple(dims), a.dtype, a.weak, a.dtype)
    return Map.occur(spec, a, origin=origin())


def cast(a: Node, dtype: np.dtype) -> Node:
    """A conversion of dtype."""
    every = tuple(range(a.ndim))
    if dtype == BOOL and a.dtype != BOOL:
        return Map.occur(
            MapSpec(ne(Slot(0), 0), (every,), a.dims, BOOL, False, a.dtype), a, origin=origin()
        )
    return Map.occur(MapSpec(Slot(0), (every,), a.dims, dtype, False, dtype), a, origin=origin())


def reshape(a: Node, dims: tuple[Extent, ...]) -> Node:
    """The same elements in C order under other extents."""
    return Layout.occur(LayoutSpec("reshape", (), dims, a.dtype, a.weak), a, origin=origin())


def sliced(
    a: Node, params: tuple, dims: tuple[Extent, ...], equal: Sequence[Equality] = ()
) -> Node:
    """Basic slices; see LayoutSpec for params."""
    spec = LayoutSpec("slice", params, dims, a.dtype, a.weak)
    return Layout.occur(spec, a, origin=origin(), equalities=tuple(equal))
