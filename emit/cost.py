"""The cost model: what a program reads, writes and computes, as counts over its extents.

Two levels: memory, and caches. The rules, none of which looks at what a program is for:

* A stage is one walk: over the fold axis in panels of rows, or once. A kernel touches an array once
  per stage that it runs in; how often a loop nest comes back to an element within one kernel is
  the business of registers and is not counted.
* An array that is touched panel by panel crosses from memory once per stage (one pass), however
  many kernels of the stage read it, if a panel stays in cache; else once per kernel.
* An array without the fold axis (weights) crosses once for all stages if it stays in cache; else
  once per panel and kernel.
* Arguments come from memory. Workspace stays in caches, except what is kept for all rows of the
  data and is larger than the caches. Everything that kernels touch beyond what crosses from
  memory is moved within caches.
* Operations: an addition, multiplication, comparison, choice or extreme is one, a change of sign is
  none. Divisions, square roots and functions are listed by name, and weigh FUNCTION_WORK each.

The same rules choose the fold axis, before there are stages: `moved` at assumed sizes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import HALF, Add, Mul, Pow, Scalar, op
from .count import Count
from .estimate import FUNCTION_WORK, Access, Cost, Walk, sweeps
from .lower import Lowering, assumed
from .named import costly_root
from .spelling import divides
from .value import AXIS, Atom, Load, Value, dependencies, loads_of

if TYPE_CHECKING:
    from .nest import Group
    from .plan import Planner

LEAST_ROWS = 16  # rows of the shortest panel
CACHE = 1 << 20  # bytes that are taken to stay in a core's cache when the machine is not asked


# ---------------------------------------------------------------- before there is a plan


def moved(low: Lowering) -> float:
    """Elements that a lowering moves, at assumed sizes: what the choice of the axis compares. Rows
    of a panel that are too many for a core's cache move at half the cost of memory."""
    total = 0.0
    for section in range(low.sections):
        now = [v for v in low.values if v.section == section and v.expr is not None]
        uses = Counter(d for v in now if v.in_body for d, _ in dependencies(v))
        for d, count in uses.items():
            if d.leaf is not None or d.keep:
                total += _elements(low, d) * sweeps(count, _stays(low, d))
            elif not _stays(low, d):
                total += _elements(low, d) * count / 2
        whole = [d for v in now if not v.in_body for d, _ in dependencies(v)]
        sizes = [(_elements(low, d), d.dtype.itemsize) for d in whole]
        total += sum(count for count, item in sizes if count * item > CACHE)
        total += sum(4 * _elements(low, v) for v in now if v.is_accumulator)
        total += sum(2 * _elements(low, v) for v in now if v.keep or (v.own and not v.in_body))
    return total


def local(low: Lowering) -> bool:
    """Whether every array that is read row by row crosses once per pass, at assumed sizes."""
    return all(_stays(low, v) for v in low.values)


def _stays(low: Lowering, v: Value) -> bool:
    row = _elements(low, v, but=AXIS) * v.dtype.itemsize
    return AXIS not in v.own or row * LEAST_ROWS < CACHE


def _elements(low: Lowering, v: Value, but: str | None = None) -> float:
    sizes = (assumed(v.space[t], low.leading, low.unit.baked) for t in v.own if t != but)
    return math.prod(sizes, start=1.0)


# ---------------------------------------------------------------- operations


def row_work(v: Value) -> float:
    """Scalar operations per element of a value, roughly: what the driver chooses threads by."""
    calls = sum(costly_root(e) for e in _scalars(v.expr))
    return float(1 + scalar.size(v.expr) + FUNCTION_WORK * calls)


def _scalars(e: object) -> Iterator[Scalar]:
    for part in scalar.subexpressions(e):
        if isinstance(part, Scalar) and not isinstance(part, Atom):
            yield part


def operations(e: Scalar) -> tuple[int, tuple[str, ...]]:
    """Cheap operations of the root of an expression, and the costly ones by name."""
    if isinstance(e, Add):
        return len(e.args) - 1, ()
    if isinstance(e, Mul):
        below = sum(1 for a in e.args if divides(a))
        above = len(e.args) - below - int(e.args[0] == -1)
        return max(above - 1, 0) + max(below - 1, 0), ()
    if isinstance(e, Pow):
        return _power(e.args[1])
    return (0, (op(e),)) if costly_root(e) else (1, ())


def _power(exponent) -> tuple[int, tuple[str, ...]]:
    if not scalar.is_number(exponent):
        return 0, ("pow",)
    names = ("divide",) if exponent < 0 else ()
    size = abs(exponent)
    if size == HALF:
        return 0, (*names, "sqrt")
    if size.is_integer and size <= 4:
        return int(size) - 1, names
    return 0, (*names, "pow")


# ---------------------------------------------------------------- a planned program


def count(plan: Planner) -> Cost:
    """Count what a planned program does."""
    arguments = len(plan.arguments)
    whole = [Count()] * len(plan.buffers)
    for v, number in plan.number.items():
        whole[number] = _bytes(plan, v, v.own)
    kept = (n for v, n in plan.number.items() if v.keep or (v.own and not v.in_body))
    return Cost(
        plan.low.axis,
        tuple(plan.dims),
        tuple(_walk(plan, whole, body, found) for _, body, found in plan.parts),
        tuple(whole),
        arguments,
        frozenset(n for n in kept if n >= arguments),
    )


def _extents(low: Lowering, extents: Iterable[Extent]) -> list[Extent]:
    return [d if (known := low.known(d)) is None else known for d in extents]


def _bytes(plan: Planner, v: Value, labels: Iterable[str]) -> Count:
    return Count.of(v.dtype.itemsize, _extents(plan.low, (v.space[t] for t in labels)))


def _walk(plan: Planner, whole: list[Count], body: bool, found: Sequence[Group]) -> Walk:
    work: dict[int, Count] = {}
    calls: dict[tuple[int, str], Count] = {}
    reads: dict[int, list[Touch]] = {}
    writes: dict[int, list[Touch]] = {}
    for g in found:
        space = Count.of(1, _extents(plan.low, g.space.values()))
        for itemsize, cheap, names in _operations(g):
            work[itemsize] = work.get(itemsize, Count()) + space * cheap
            for name in names:
                calls[itemsize, name] = calls.get((itemsize, name), Count()) + space
        for number, touch in _read(plan, whole, g).items():
            reads.setdefault(number, []).append(touch)
        for v in g.values:
            if v in plan.stored:
                touch = Touch(_bytes(plan, v, v.own), AXIS in v.own)
                writes.setdefault(plan.number[v], []).append(touch)
    accesses = []
    for number in sorted({*reads, *writes}):
        into, out = reads.get(number, []), writes.get(number, [])
        touch = _union([*into, *out], whole[number])
        accesses.append(Access(number, touch.bytes, len(into), len(out), body and touch.along))
    return Walk(body, tuple(accesses), work, calls)


class Touch(NamedTuple):
    """Bytes of an array that something touches, and whether panel by panel."""

    bytes: Count
    along: bool


def _union(touches: Sequence[Touch], whole: Count) -> Touch:
    """What several touch together: where they differ, the whole array."""
    same = all(t.bytes == touches[0].bytes for t in touches)
    return Touch(touches[0].bytes if same else whole, any(t.along for t in touches))


def _operations(g: Group) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(size of the numbers, cheap operations, costly ones) of everything that is computed per
    element of a group; the same expression is computed once."""
    parts = dict.fromkeys((e, v.compute) for v in g.values for e in _scalars(v.expr))
    for e, compute in parts:
        yield compute.itemsize, *operations(e)
    for v in g.values:
        if v.op is not None:
            yield v.compute.itemsize, 1, ()


def _read(plan: Planner, whole: list[Count], g: Group) -> dict[int, Touch]:
    """What one kernel reads, by number of the array."""
    found: dict[int, Touch] = {}
    for v in g.values:
        for load in loads_of(v.expr):
            if load.value in g.values:
                continue  # in a register
            root = load.value.root
            number = plan.number[root]
            size = Count.of(root.dtype.itemsize, _extents(plan.low, _touched(v, load)))
            touch = Touch(size, any(t.label == AXIS for t in load.indices))
            found[number] = _union([touch, found.get(number, touch)], whole[number])
    return found


def _touched(v: Value, load: Load) -> list[Extent]:
    """Extents whose product is the number of elements that a load touches in all."""
    seen: dict[str, Extent] = {}
    for own, t in zip(load.value.own, load.indices, strict=True):
        if t.label is not None:
            seen[t.label] = load.value.space[own] if t.inverse else v.space[t.label]
    return list(seen.values())
