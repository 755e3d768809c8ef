"""The choice of the fold axis: by trial, compared by what each choice moves (`cost.moved`)."""

from __future__ import annotations

from collections import Counter

from ..algebra.dims import Extent
from ..algebra.graph import topological
from . import cost
from .lower import Lowering, assumed, leading_dims
from .program import Unit

TRIED = 3  # axes that are lowered and compared


def candidates(unit: Unit) -> list[Extent]:
    """Dims that could be folded, most promising first: by the elements that carry them."""
    leading = leading_dims(unit)
    weight: Counter = Counter()
    for x in topological((*unit.outputs, *unit.updates)):
        count = 1.0
        for d in x.dims:
            count *= assumed(d, leading, unit.baked)
        for d in dict.fromkeys(x.dims):
            if d != 1:
                weight[d] += count  # type: ignore[assignment]
    return sorted(weight, key=lambda d: -weight[d])


def lower(unit: Unit, joins: bool = True) -> Lowering:
    """The values of a unit, folded over the axis that moves the fewest elements; over none if none
    fits. joins: see `Lowering`."""
    best: Lowering | None = None
    for axis in candidates(unit)[:TRIED]:
        found = Lowering(unit, axis, joins)
        if best is None or cost.moved(found) < cost.moved(best):
            best = found
        if best.sections <= 2 and cost.local(best):
            break  # one pass that reads each array once
    return best or Lowering(unit, None, joins)
