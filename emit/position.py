"""Positions: where a slice reads its operand, and where an embed finds the elements it spreads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sympy

from ..algebra import scalar
from ..algebra.dims import Extent, FreshDim
from ..algebra.errors import EmitError
from ..algebra.node import Layout, Leaf, Node
from ..algebra.scalar import ZERO, Add, Mul, where
from .value import AXIS, Index, Load, Offset, Position, Size, Value, at

if TYPE_CHECKING:
    from .lower import Lowering


def moved(low: Lowering, node: Layout, index: tuple[Index, ...], compute: np.dtype):
    """An element of a slice or embed: the operand at moved positions."""
    (a,), spec = node.operands, node.spec
    axes = iter(index)
    if spec.op == "slice":
        moved = tuple(
            _compose(a.dims[k], start, step, None if step is None else next(axes))
            for k, (start, step) in enumerate(spec.params)
        )
        if any(t is None for t in moved):
            own = low.labels(a.dims)
            return Load(_materialise(low, a), tuple(map(at, own)))
        return low.inline(a, moved, compute)
    return _embedded(low, a, spec.params, node.dims, index, compute)


def _materialise(low: Lowering, node: Node) -> Value:
    value = low.value(node) if not isinstance(node, Leaf) else low.memo[node]
    value.keep = value.keep or AXIS in value.own
    return value


def _embedded(low: Lowering, a: Node, params, dims, index, compute):
    """Zeros with the operand at sliced places: a guarded load at the inverse position."""
    guards, places, extents = [], [], iter(a.dims)
    for k, (start, step) in enumerate(params):
        offset = _offset(start, dims[k])
        position = Position(index[k])
        begin = _sum(offset)
        if step is None:
            guards.append(scalar.eq(position, begin))
            continue
        length = next(extents)
        if (start, step) == (0, 1) and length == dims[k]:
            places.append(index[k])
            continue
        if not index[k].plain:
            raise EmitError(
                "a slice of the derivative of a slice",
                fix="simplify the indexing, or use mode='FAST_COMPILE'",
            )
        inverse = Index(index[k].label, step, offset, True)
        end = Add(
            begin,
            Mul(
                step,
                Add(Size(length) if isinstance(length, sympy.Basic) else sympy.Integer(length), -1),
            ),
        )
        guards += [
            scalar.ge(position, begin if step > 0 else end),
            scalar.le(position, end if step > 0 else begin),
        ]
        if abs(step) != 1:
            guards.append(scalar.eq(Add(begin, Mul(step, Position(inverse))), position))
        places.append(inverse)
    element = (
        low.inline(a, tuple(places), compute)
        if not places or all(p.plain for p in places)
        else Load(_whole(low, a), tuple(places))
    )
    for guard in guards:
        element = where(guard, element, ZERO)
    return element


def _whole(low: Lowering, node: Node) -> Value:
    """The node as a stored array that may be read anywhere."""
    key = ("whole", node)
    if key not in low.pool.shared:
        low.pool.shared[key] = (
            low.memo[node] if isinstance(node, Leaf) and node in low.memo else low.stored(node)
        )
    return low.pool.shared[key]


def _sum(offset: Offset):
    terms = [sympy.Integer(c) if d is None else Mul(c, Size(d)) for c, d in offset]
    return Add(*terms) if len(terms) > 1 else terms[0] if terms else ZERO


def _offset(start, extent: Extent) -> Offset:
    """A start of a slice as an offset: negative starts count from the end, a dim is a run-time number."""
    if isinstance(start, FreshDim):
        return ((1, start),)
    if isinstance(start, int) and start >= 0:
        return ((start, None),) if start else ()
    return ((1, extent), (int(start), None))


def _compose(extent: Extent, start, step: int | None, index: Index | None) -> Index | None:
    """Position in the operand of a slice whose own position is `index`; None if that has no simple form."""
    offset = _offset(start, extent)
    if step is None:
        return Index(None, 1, offset)
    assert index is not None
    if index.inverse:
        return None
    return Index(
        index.label, step * index.step, (*offset, *((step * c, d) for c, d in index.offset))
    )
