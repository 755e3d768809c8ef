"""Positions: where a slice reads its operand, and where an embed finds the elements it spreads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sympy

from ..algebra import scalar
from ..algebra.dims import Extent, FreshDim
from ..algebra.node import Layout, Leaf, Node
from ..algebra.scalar import ZERO, Add, Mul, where
from .value import Index, Load, Offset, Position, Size, Value

if TYPE_CHECKING:
    from .lower import Lowering


def moved(low: Lowering, node: Layout, index: tuple[Index, ...], compute: np.dtype):
    """An element of a slice or embed: the operand at moved positions."""
    (a,), spec = node.operands, node.spec
    axes = iter(index)
    if spec.op == "slice":
        places = tuple(
            _compose(a.dims[k], start, step, None if step is None else next(axes))
            for k, (start, step) in enumerate(spec.params)
        )
        return low.inline(a, places, compute)
    if not all(t.plain for t in index):
        return Load(low.value(node), index)
    return _embedded(low, a, spec.params, node.dims, index, compute)


def _embedded(low: Lowering, a: Node, params, dims, index, compute):
    """Zeros with the operand at sliced places: a guarded load at the inverse position."""
    guards: list = []
    places: list[Index] = []
    extents = iter(a.dims)
    for (start, step), extent, t in zip(params, dims, index, strict=True):
        offset = _offset(start, extent)
        position, begin = Position(t), _sum(offset)
        if step is None:
            guards.append(scalar.eq(position, begin))
            continue
        length = next(extents)
        if (start, step) == (0, 1) and length == extent:
            places.append(t)
            continue
        inverse = Index(t.label, step, offset, True)
        end = Add(begin, Mul(step, Add(_sum(((1, length),)), -1)))
        low_end, high_end = (begin, end) if step > 0 else (end, begin)
        guards += [scalar.ge(position, low_end), scalar.le(position, high_end)]
        if abs(step) != 1:
            guards.append(scalar.eq(Add(begin, Mul(step, Position(inverse))), position))
        places.append(inverse)
    whole = any(t.inverse for t in places)
    where_to = tuple(places)
    element = Load(_whole(low, a), where_to) if whole else low.inline(a, where_to, compute)
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
    factors = ((c, 1 if d is None else d) for c, d in offset)
    terms = [sympy.Integer(c * d) if isinstance(d, int) else Mul(c, Size(d)) for c, d in factors]
    return Add(*terms) if len(terms) > 1 else terms[0] if terms else ZERO


def _offset(start, extent: Extent) -> Offset:
    """A start of a slice as an offset: negative starts count from the end, a dim is a run-time
    number."""
    if isinstance(start, FreshDim) and (start.definition or ("",))[0] == "start":
        return ((1, start), (-1, None))  # kept plus 1, for extents are positive
    if not isinstance(start, int):
        return ((1, start),)
    if start >= 0:
        return ((start, None),) if start else ()
    return ((1, extent), (int(start), None))


def _compose(extent: Extent, start, step: int | None, index: Index | None) -> Index:
    """Position in the operand of a slice whose own position is `index`."""
    offset = _offset(start, extent)
    if step is None:
        return Index(None, 1, offset)
    assert index is not None and not index.inverse, "an inverse position reads a stored value"
    further = ((step * c, d) for c, d in index.offset)
    return Index(index.label, step * index.step, (*offset, *further))
