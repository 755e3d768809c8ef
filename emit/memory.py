"""Memory orders: which axis of a stored value is contiguous, and copies of small operands that are
read the wrong way.

Intermediates with few columns keep the fold axis contiguous, so that loops vectorise over rows;
every other one keeps the axis of its own innermost loop contiguous, which is that of most of its
operands; a small operand that is read across its memory order is copied once.
"""

from __future__ import annotations

from ..algebra import scalar
from .lower import Lowering
from .nest import innermost, is_sum_of_products
from .program import THIN
from .value import AXIS, Load, Value, at, loads_of


def arrange(low: Lowering) -> None:
    """Set the memory order of every value that is neither an argument nor reinterpreted, and repack
    operands."""
    fixed = {v.alias for v in low.values}
    fixed |= {d for v in low.values if v.routine is not None for d in v.routine.operands}
    arranged: list[Value] = []
    for v in low.values:
        merged = v.merge or (v.former.merge if v.former is not None else None)
        if merged is not None:  # parts are combined element by element
            v.memory = merged.incoming.memory
        elif v.expr is not None and not (v.product or v.routine):
            movable = v.output is None and v not in fixed
            simd = innermost(v, low, movable)
            if movable:
                v.memory = _order(v, simd, low)
            if simd is not None and is_sum_of_products(v):
                arranged += repacked(v, simd, low)
        arranged.append(v)
    low.values = arranged


def _order(v: Value, simd: str | None, low: Lowering) -> tuple[str, ...]:
    last = None
    thin = AXIS in v.own and len(v.own) > 1 and _columns(v, low) <= THIN
    if simd in v.own and not (v.op is None and thin):
        last = simd
    elif thin:
        last = AXIS
    return v.own if last is None else (*(t for t in v.own if t != last), last)


def _columns(v: Value, low: Lowering) -> float:
    """Elements per row of the fold, if they are known to be few."""
    count = 1.0
    for t in v.own:
        if t != AXIS:
            count *= float(low.known(v.space[t]) or float("inf"))
    return count


def repacked(v: Value, simd: str, low: Lowering) -> list[Value]:
    """Copies of small operands, contiguous along the innermost loop; v reads them instead."""
    made = []
    for load in loads_of(v.expr):
        labels = [t.label for t in load.indices]
        plain = all(t.plain for t in load.indices) and len(set(labels)) == len(labels)
        if not plain or AXIS in labels or simd not in labels or len(labels) < 2:
            continue
        place = dict(zip(load.value.own, labels, strict=True))
        if place[load.value.memory[-1]] == simd:
            continue
        own = tuple(str(t) for t in labels if t != simd) + (simd,)
        key = ("repacked", load, v.section)
        if key not in low.pool.shared:
            copy = low.pool.new(
                own, {t: v.space[t] for t in own}, load, v.compute, section=v.section
            )
            low.pool.shared[key] = copy
            made.append(copy)
        v.expr = scalar.replace(v.expr, {load: Load(low.pool.shared[key], tuple(map(at, own)))})
    return made
