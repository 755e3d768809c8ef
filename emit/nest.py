"""Values -> groups that share one loop nest, and the order of their loops."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..algebra.dims import Extent
from .lower import Lowering, assumed
from .named import costly
from .program import THIN
from .value import AXIS, MERGE, Index, Load, Value, at, dependencies, labels_of, loads_of, pointwise

LARGEST = 24  # values in one kernel: compilers take more than linear time


@dataclass
class Group:
    """Values computed in one loop nest.

    space   extent of each label
    simd    label of the innermost loop, or None if there is no loop
    values  in order
    """

    space: dict[str, Extent]
    simd: str | None
    values: list[Value]


def groups(values: list[Value], lowering: Lowering) -> list[Group]:
    """Fuse values of one stage part: same space, same innermost label, and every dependency
    pointwise or earlier."""
    result: list[Group] = []
    keys: list[tuple] = []
    place: dict[Value, int] = {}
    for v in values:
        simd = None if v.product or v.routine else innermost(v, lowering)
        key: tuple = (v.phase == MERGE, frozenset(v.space.items()), simd)
        if v.routine is not None or _alone(v):
            key = (v.routine or v.number,)
        first = 0
        for d, load in dependencies(v):
            if d.alias is not None and d.root in place:
                first = max(first, place[d.root] + 1)
            if d in place:
                together = (
                    keys[place[d]] == key
                    and d.op is None
                    and load is not None
                    and pointwise(d, load)
                )
                first = max(first, place[d] + (0 if together else 1))
        index = next(
            (
                k
                for k in range(first, len(result))
                if keys[k] == key and len(result[k].values) < LARGEST
            ),
            None,
        )
        if index is None:
            index = len(result)
            result.append(Group({} if v.routine else dict(v.space), simd, []))
            keys.append(key)
        result[index].values.append(v)
        place[v] = index
    return result


def is_sum_of_products(v: Value) -> bool:
    """Whether a value is a sum of cheap terms, so that it gains from steps taken together."""
    return v.op == "sum" and not costly(v.expr)


def _alone(v: Value) -> bool:
    """Whether a value has a nest of its own: a product of matrices is best with all registers."""
    return v.product or (is_sum_of_products(v) and len(v.space) > 2)


def innermost(v: Value, lowering: Lowering, movable: bool = False) -> str | None:
    """The label along which most of what a value reads and writes is contiguous; movable: its
    memory order will follow, as that of every sum kept inside does."""
    if not v.space:
        return None
    score = dict.fromkeys(v.space, 0.0)
    size = {t: assumed(d, lowering.leading, lowering.unit.baked) for t, d in v.space.items()}
    for load in loads_of(v.expr):
        labels = dict.fromkeys(t.label for t in load.indices if t.label is not None)
        elements = math.prod(size[t] for t in labels)
        fast = _fast(load)
        for t in labels:
            score[t] += elements if fast == at(t) else -2 * elements
    movable |= v.op is not None and v.output is None
    wide = any(size[t] > THIN for t in v.own if t != AXIS)  # rows of wide values stay together
    for t in v.own:
        elements = math.prod(size[u] for u in v.own)
        follows = movable and not (wide and t == AXIS)
        score[t] += elements if t == v.memory[-1] or follows else -2 * elements
    varying = labels_of(v.expr)
    return max(
        v.space, key=lambda t: (score[t], t in varying, size[t], t == (v.own or (AXIS,))[-1])
    )


def _fast(load: Load) -> Index | None:
    """Where a load reads along the contiguous axis of its value."""
    place = dict(zip(load.value.own, load.indices, strict=True))
    return place[load.value.memory[-1]] if place else None
