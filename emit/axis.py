"""The choice of the fold axis: by trial, with an estimate of what each choice moves."""

from __future__ import annotations

from collections import Counter

from ..algebra.dims import Extent
from ..algebra.graph import topological
from .lower import Lowering, Unfit, assumed, leading_dims
from .program import Unit
from .value import AXIS, Value, dependencies

TRIED = 3  # axes that are lowered and compared
CACHE = 1 << 20  # bytes that stay in a core's cache


def candidates(unit: Unit) -> list[Extent]:
    """Dims that could be folded, most promising first: by the elements that carry them."""
    leading = leading_dims(unit)
    weight: Counter = Counter()
    for x in topological((*unit.outputs, *unit.updates)):
        count = 1.0
        for d in x.dims:
            count *= assumed(d, leading, unit.baked)
        for d in dict.fromkeys(x.dims):
            if d != 1 and x.dims.count(d) == 1:
                weight[d] += count  # type: ignore[assignment]
    return sorted(weight, key=lambda d: -weight[d])


def lower(unit: Unit) -> Lowering:
    """The values of a unit, folded over the axis that moves the fewest elements; over none if none
    fits."""
    best: Lowering | None = None
    for axis in candidates(unit)[:TRIED]:
        try:
            found = Lowering(unit, axis)
        except Unfit:
            continue
        if best is None or cost(found) < cost(best):
            best = found
        if best.sections == 1 or (best.sections == 2 and local(best)):
            break  # one pass that reads each array once
    return best or Lowering(unit, None)


def _elements(low: Lowering, v: Value, but: str | None = None) -> float:
    size = 1.0
    for t in v.own:
        size *= 1.0 if t == but else assumed(v.space[t], low.leading, low.unit.baked)
    return size


def _stays(low: Lowering, v: Value) -> bool:
    """Whether a dozen rows of a value stay in cache while a panel is computed."""
    return AXIS not in v.own or _elements(low, v, but=AXIS) * 16 * v.dtype.itemsize < CACHE


def local(low: Lowering) -> bool:
    """Whether every array that is read row by row is read once per pass."""
    return all(_stays(low, v) for v in low.values)


def cost(low: Lowering) -> float:
    """Elements moved, at assumed sizes: operands once per pass, or once per use where rows do not
    stay in cache."""
    total = 0.0
    for section in range(low.sections):
        now = [v for v in low.values if v.section == section and v.expr is not None]
        uses = Counter(d for v in now if v.in_body for d, _ in dependencies(v))
        for d, count in uses.items():
            if d.leaf is not None or d.keep or not _stays(low, d):
                total += _elements(low, d) * (1 if _stays(low, d) else count)
        total += sum(4 * _elements(low, v) for v in now if v.is_accumulator)
        total += sum(2 * _elements(low, v) for v in now if v.keep or (v.own and not v.in_body))
    return total
