"""Sections: what needs a finished accumulator, or rows other than its own, waits for the next pass
over the axis."""

from __future__ import annotations

from ..algebra import scalar
from .pool import Pool
from .value import AXIS, Load, Value, dependencies, reach


def section(results: list[Value]) -> list[Value]:
    """Values in order, each with its section: one more than an accumulator that it needs."""
    values = reach(results)
    for v in values:
        least = v.beside.section if v.beside is not None else 0
        v.section = max((d.section + waits(d, load) for d, load in dependencies(v)), default=0)
        v.section = max(v.section, least)
    return values


def place(results: list[Value], pool: Pool) -> tuple[list[Value], int]:
    """Values in order, and the number of sections. Rows that a later section needs are computed
    again or kept."""
    for v in section(results):
        for d, load in dependencies(v):
            if d.expr is None or AXIS not in d.own or (d.section == v.section and load is not None):
                continue
            if load is not None and _aligned(d, load) and _repeatable(d):
                _repeat(v, d, load, pool)
            else:
                d.keep = True
    values = reach(results)
    return values, 1 + max((v.section for v in values), default=0)


def _aligned(d: Value, load: Load) -> bool:
    """Whether a load reads the row of the fold that is being computed."""
    return all(
        t.plain and t.label == AXIS
        for own, t in zip(d.own, load.indices, strict=True)
        if own == AXIS
    )


def waits(d: Value, load: Load | None) -> bool:
    """Whether a user of d needs all of its rows; load is None for an alias of d."""
    if d.is_accumulator:
        return True
    if d.expr is None:
        return False
    return d.in_body if load is None else AXIS in d.own and not _aligned(d, load)


def _repeatable(d: Value) -> bool:
    return (
        d.op is None
        and d.output is None
        and all(q.expr is None or not q.in_body for q, _ in dependencies(d))
    )


def _repeat(v: Value, d: Value, load: Load, pool: Pool) -> None:
    copy = pool.shared.get(("copy", d, v.section))
    if copy is None:
        copy = pool.new(d.own, d.space, d.expr, d.dtype, d.compute)
        copy.section = v.section
        pool.shared[("copy", d, v.section)] = copy
    v.expr = scalar.replace(v.expr, {load: Load(copy, load.indices)})
