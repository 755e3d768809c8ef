"""Values -> groups that share one loop nest, and the order of their loops."""

from __future__ import annotations

from dataclasses import dataclass

from ..algebra.dims import Extent
from .lower import Lowering, assumed
from .value import AXIS, Value, at, dependencies, labels_of, loads_of, pointwise

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
    """Fuse values of one stage part: same space, same innermost label, and every dependency pointwise or earlier."""
    result: list[Group] = []
    keys: list[tuple] = []
    place: dict[Value, int] = {}
    for v in values:
        simd = None if v.product else innermost(v, lowering)
        key = (v.number,) if v.product else (frozenset(v.space.items()), simd)
        first = 0
        for d, load in dependencies(v):
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
            result.append(Group(dict(v.space), simd, []))
            keys.append(key)
        result[index].values.append(v)
        place[v] = index
    return result


def innermost(v: Value, lowering: Lowering) -> str | None:
    """The label along which most of what a value reads and writes is contiguous."""
    if not v.space:
        return None
    score = dict.fromkeys(v.space, 0.0)
    size = {t: assumed(d, lowering.leading, lowering.unit.baked) for t, d in v.space.items()}
    for load in loads_of(v.expr):
        labels = [t.label for t in load.indices]
        elements = 1.0
        for t in dict.fromkeys(labels):
            elements *= size[t] if t is not None else 1.0
        fast = (
            dict(zip(load.value.own, load.indices, strict=True)).get(load.value.memory[-1])
            if labels
            else None
        )
        for t in set(labels) - {None}:
            score[t] += elements if fast == at(t) else -2 * elements
    movable = v.op is not None and v.output is None  # its memory order will follow
    for t in v.own:
        elements = 1.0
        for u in v.own:
            elements *= size[u]
        score[t] += elements if t == v.memory[-1] or movable else -2 * elements
    varying = labels_of(v.expr)
    return max(
        v.space, key=lambda t: (score[t], t in varying, size[t], t == (v.own or (AXIS,))[-1])
    )
