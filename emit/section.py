"""Sections: what needs a finished accumulator, or rows other than its own, waits for the next pass
over the axis.

Rows that a later section needs are computed again where that is cheap, else kept for all of the
data. Rows as long as the fold itself (a Gram matrix) would take the square of its extent: they are
computed as late as they can be, and again where their sums are short.
"""

from __future__ import annotations

from collections.abc import Callable

from ..algebra import scalar
from ..algebra.dims import Extent
from .pool import Pool
from .value import AXIS, Load, Value, dependencies, reach

DEEPEST = 4  # values behind a value that are computed again with it

Thin = Callable[[Extent], bool]


def section(results: list[Value]) -> list[Value]:
    """Values in order, each with its section: one more than an accumulator that it needs."""
    values = reach(results)
    for v in values:
        least = v.beside.section if v.beside is not None else 0
        v.section = max((d.section + waits(d, load) for d, load in dependencies(v)), default=0)
        v.section = max(v.section, least)
    return values


def place(results: list[Value], pool: Pool, thin: Thin) -> tuple[list[Value], int]:
    """Values in order, and the number of sections; thin: whether an extent is known to be small."""
    values = section(results)
    _delay(values)
    for v in values:
        _fetch(v, pool, thin)
    values = reach(results)
    return values, 1 + max((v.section for v in values), default=0)


def _delay(values: list[Value]) -> None:
    """Long rows move to the first section that needs them."""
    latest: dict[Value, int] = {}
    for v in reversed(values):
        if _movable(v):
            v.section = latest.get(v, v.section)
        for d, load in dependencies(v):
            latest[d] = min(latest.get(d, v.section), v.section - waits(d, load))


def _movable(v: Value) -> bool:
    return _long(v) and v.expr is not None and not (v.keep or v.phase) and v.output is None


def _long(v: Value) -> bool:
    """Whether a row of the fold is as long as the fold."""
    return AXIS in v.own and any(v.space[t] == v.space[AXIS] for t in v.own if t != AXIS)


def _fetch(v: Value, pool: Pool, thin: Thin) -> None:
    """See that rows of an earlier section are there: computed again or kept."""
    for d, load in dependencies(v):
        if d.expr is None or AXIS not in d.own or (d.section == v.section and load is not None):
            continue
        if load is not None and _aligned(d, load) and _repeatable(d, thin):
            _repeat(v, d, load, pool, thin)
        else:
            d.keep = True


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


def _repeatable(d: Value, thin: Thin, depth: int = DEEPEST) -> bool:
    """Whether rows may be computed again, and cheaply: elementwise from what is there. Long rows
    may also be short sums, and rest on others of their kind."""
    if d.output is not None or d.keep or d.once or d.phase or d.routine is not None:
        return False
    behind = [(q, load) for q, load in dependencies(d) if q.expr is not None and q.in_body]
    if d.op is None and not behind:
        return True
    if not _long(d) or depth == 0 or any(load is None for _, load in behind):
        return False
    short = all(thin(x) for t, x in d.space.items() if t not in d.own)
    rows = all(AXIS in q.own and _aligned(q, x) for q, x in behind if x is not None)
    return short and rows and all(_repeatable(q, thin, depth - 1) for q, _ in behind)


def _repeat(v: Value, d: Value, load: Load, pool: Pool, thin: Thin) -> None:
    copy = pool.shared.get(("copy", d, v.section))
    if copy is None:
        copy = pool.new(d.own, d.space, d.expr, d.dtype, d.compute, op=d.op)
        copy.section = v.section
        pool.shared[("copy", d, v.section)] = copy
        _fetch(copy, pool, thin)
    v.expr = scalar.replace(v.expr, {load: Load(copy, load.indices)})
