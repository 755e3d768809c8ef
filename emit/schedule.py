"""Values -> steps on a device: folds that rows pass through once, what happens outside of them,
products of matrices, and routines.

A step is one or a few launches. Within a fold, groups run one after the other on each panel of
rows; rows that a later fold or a library product needs are stored for the whole data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..algebra.dims import Extent
from .lower import Lowering
from .memory import is_sum_of_products, repacked
from .nest import innermost
from .value import AXIS, Value, Work, dependencies, pointwise

LARGEST = 24  # values in one group: compilers take more than linear time


@dataclass
class Team:
    """Values that are computed together by a team of threads, point by point.

    space   extent of each label
    own     labels of the reductions' results, None while there is no reduction
    values  in order
    """

    space: dict[str, Extent]
    values: list[Value] = field(default_factory=list)
    own: frozenset[str] | None = None

    @property
    def kind(self) -> str:
        """What it does: see `grid.Phase`."""
        if self.own is None:
            return "map"
        return "sum" if AXIS in self.space and AXIS not in self.own else "dot"


@dataclass
class FoldStep:
    """A pass over the rows."""

    teams: list[Team]


@dataclass
class OnceStep:
    """Groups without the fold axis; `sums` are the accumulators of the fold before it."""

    teams: list[Team]
    sums: list[Value]


@dataclass
class ProductStep:
    """One product of matrices."""

    value: Value


@dataclass
class RoutineStep:
    """One call of a routine; values are its results that are wanted."""

    values: list[Value]


AnyStep = FoldStep | OnceStep | ProductStep | RoutineStep


def schedule(low: Lowering) -> list[AnyStep]:
    """The steps of a lowering, in order; sets `keep` where rows outlive their pass."""
    _repack(low)
    slots = _slots(low)
    steps: list[AnyStep] = []
    for section in range(low.sections + 1):
        once = [v for v in low.values if slots.get(v) == section]
        steps += _segments(once, body=False)
        body = [v for v in low.values if v.section == section and v.in_body and v.expr is not None]
        steps += _segments(body, body=True)
    return _joined(steps)


def _repack(low: Lowering) -> None:
    """Copies of small operands that the lanes of a sum would read across memory."""
    arranged: list[Value] = []
    for v in low.values:
        if v.expr is not None and not v.product and v.op is not None and v.in_body:
            fast = innermost(v, low)
            if fast is not None and is_sum_of_products(v) and AXIS in v.own and fast not in v.own:
                arranged += repacked(v, fast, low)
        arranged.append(v)
    low.values = arranged


def _slots(low: Lowering) -> dict[Value, int]:
    """For every value outside the folds: the fold before which it is computed, as late as
    possible; results of one routine together."""
    last = low.sections
    slots: dict[Value, int] = {}
    for v in low.values:
        if v.expr is not None and not v.in_body:
            slots[v] = last
    for v in reversed(low.values):
        if v.expr is None:
            continue
        need = v.section if v.in_body else slots[v]
        for d in _sources(v):
            if d in slots:
                slots[d] = min(slots[d], need)
    first: dict[Work, int] = {}
    for v, slot in slots.items():
        if v.routine is not None:
            first[v.routine] = min(slot, first.get(v.routine, slot))
    return slots | {v: first[v.routine] for v in slots if v.routine is not None}


def _sources(v: Value) -> list[Value]:
    """The computed values that v reads, through reshapes."""
    result = []
    for d, _ in dependencies(v):
        result += _sources(d) if d.alias is not None else [d]
    return result


def _segments(values: list[Value], body: bool) -> list[AnyStep]:
    """One pass if there are no products of matrices and no routines, else passes between them."""
    level: dict[Value, int] = {}
    for v in values:
        level[v] = max((level[d] + _alone(d) for d in _sources(v) if d in level), default=0)
    steps: list[AnyStep] = []
    for k in range(max(level.values(), default=-1) + 1):
        now = [v for v in values if level[v] == k and not _alone(v)]
        if now:
            steps.append(FoldStep(teams(now)) if body else OnceStep(teams(now), []))
        steps += [ProductStep(v) for v in values if level[v] == k and v.product]
        steps += _calls([v for v in values if level[v] == k and v.routine])
    if body:
        for v in values:
            for d in _sources(v):
                if d in level and (d.product or v.product or level[d] != level[v]):
                    d.keep = AXIS in d.own
            v.keep = v.keep or (v.product and AXIS in v.own)
    return steps


def _alone(v: Value) -> bool:
    """Whether a value is computed by a step of its own."""
    return v.product or v.routine is not None


def _calls(values: list[Value]) -> list[AnyStep]:
    """Results of routines, those of one call together."""
    found: dict[Work, list[Value]] = {}
    for v in values:
        assert v.routine is not None
        found.setdefault(v.routine, []).append(v)
    return [RoutineStep(results) for results in found.values()]


def _joined(steps: list[AnyStep]) -> list[AnyStep]:
    """Every fold with accumulators is followed by a step that combines them."""
    result: list[AnyStep] = []
    for step in steps:
        before = result[-1] if result else None
        if isinstance(step, OnceStep) and isinstance(before, OnceStep):
            before.teams += step.teams
            continue
        result.append(step)
        if isinstance(step, FoldStep):
            sums = [v for t in step.teams for v in t.values if v.is_accumulator]
            if sums:
                result.append(OnceStep([], sums))
    return result


def teams(values: list[Value]) -> list[Team]:
    """Groups of values with the same space and results, where every dependency is pointwise or
    earlier."""
    result: list[Team] = []
    place: dict[Value, int] = {}
    for v in values:
        own = frozenset(v.own) if v.op is not None else None
        first = 0
        for d, load in dependencies(v):
            at = place.get(d.root)
            if at is None:
                continue
            together = (
                d.alias is None
                and d.op is None
                and result[at].space == v.space
                and load is not None
                and pointwise(d, load)
            )
            first = max(first, at if together else at + 1)
        index = next(
            (k for k in range(first, len(result)) if _fits(result[k], v, own)), len(result)
        )
        if index == len(result):
            result.append(Team(dict(v.space)))
        result[index].values.append(v)
        result[index].own = own if result[index].own is None else result[index].own
        place[v] = index
    return result


def _fits(team: Team, v: Value, own: frozenset[str] | None) -> bool:
    return (
        team.space == v.space
        and (own is None or team.own in (None, own))
        and len(team.values) < LARGEST
    )
