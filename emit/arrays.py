"""Joins, gathers and routines as values: what reads at computed places, or whole arrays at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.node import Call, Gather, Join, Layout, Leaf, Map, Node
from ..algebra.scalar import Add, Mul, where
from .value import (
    ORIGIN,
    Fetch,
    Index,
    Load,
    Offset,
    Position,
    Routine,
    Size,
    Value,
    Whole,
    Work,
    at,
    labels_of,
)

if TYPE_CHECKING:
    from .lower import Lowering

INT64 = np.dtype(np.int64)


def joined(low: Lowering, node: Join, place: int | None) -> Value:
    """Per element the operand that stands there, read at a clamped position."""
    own = low.labels(node.dims, place)
    space = dict(zip(own, node.dims, strict=True))
    index = list(map(at, own))
    along = own[node.spec.axis]
    offsets: list[Offset] = [()]
    for a in node.operands:
        offsets.append(_plus(offsets[-1], a.dims[node.spec.axis]))
    expr = None
    for k, a in reversed(list(enumerate(node.operands))):
        index[node.spec.axis] = Index(along, 1, offsets[k], True)
        element = _element(low, a, tuple(index), node.dtype)
        inside = scalar.lt(Position(at(along)), _sum(offsets[k + 1]))
        expr = element if expr is None else where(inside, element, expr)
    return low.pool.new(own, space, low.pool.hoist(expr, space, node.dtype), node.dtype)


def _element(low: Lowering, a: Node, index: tuple[Index, ...], compute: np.dtype):
    """An operand at a position that may be out of its range, where loads clamp it."""
    if _clamps(low, a):
        return low.inline(a, index, compute)
    return Load(low.value(a), index)


def _clamps(low: Lowering, a: Node) -> bool:
    """Whether a node is written out as loads at the index it is read at."""
    if isinstance(a, Map) and low.inlines(a):
        return all(_clamps(low, b) for b in a.operands)
    return not (isinstance(a, Layout) and low.inlines(a))


def _plus(offset: Offset, extent: Extent) -> Offset:
    number = sum(c for c, d in offset if d is None) + (extent if isinstance(extent, int) else 0)
    rest = tuple((c, d) for c, d in offset if d is not None)
    rest += () if isinstance(extent, int) else ((1, extent),)
    return (*rest, *(((number, None),) if number else ()))


def _sum(offset: Offset):
    terms = [scalar.ZERO + c if d is None else Mul(c, Size(d)) for c, d in offset]
    return Add(*terms) if len(terms) > 1 else terms[0] if terms else scalar.ZERO


def gathered(low: Lowering, node: Gather, place: int | None) -> Value:
    """A stored array read where values of int64 say."""
    array, *positions = node.operands
    own = low.labels(node.dims, place)
    space = dict(zip(own, node.dims, strict=True))
    given = iter(zip(positions, node.spec.indices, strict=True))
    places = []
    for axis in node.spec.along:
        if axis is not None:
            places.append(Position(at(own[axis])))
            continue
        a, index = next(given)
        read = tuple(ORIGIN if k is None else at(own[k]) for k in index)
        places.append(_place(low, low.inline(a, read, INT64), space))
    source = low.memo[array] if isinstance(array, Leaf) and array in low.memo else low.value(array)
    expr = Fetch(Whole(source), *places)
    return low.pool.new(own, space, expr, node.dtype)


def _place(low: Lowering, expr, space: dict[str, Extent]):
    """A position as an atom: computed in a value of its own, which costs no memory if it is read
    where it is computed."""
    if isinstance(expr, Position | Load):
        return expr
    if scalar.is_number(expr):  # 0 is always there
        zero = Position(ORIGIN)
        return zero if expr == 0 else Load(low.pool.new((), {}, expr, INT64), ())
    return low.pool.small(expr, labels_of(expr), space, INT64)


def called(low: Lowering, node: Call) -> Value:
    """One result of a routine; the results that are wanted share one call."""
    spec = node.spec
    key = ("routine", spec.routine, spec.params, node.operands)
    if key not in low.pool.shared:
        operands = tuple(low.stored(a) for a in node.operands)
        low.pool.shared[key] = Work(spec.routine, spec.params, operands)
    work = low.pool.shared[key]
    if (key, spec.output) not in low.pool.shared:
        own = tuple(f"j{k}" for k in range(node.ndim))
        space = dict(zip(own, node.dims, strict=True))
        value = low.pool.new(own, space, Routine(work, spec.output), node.dtype, routine=work)
        low.pool.shared[key, spec.output] = value
    return low.pool.shared[key, spec.output]
