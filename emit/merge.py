"""Accumulators that are joined: sums about a point that moves from panel to panel.

Every panel takes its totals about its own point. What was before the panel and the panel's totals
are moved to a common point and added; the parts of a fold are joined in the same way, so there is
one set of expressions for both. Values of phase PANEL are computed once per panel, those of phase
MERGE join them to the accumulators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import ONE, ZERO, Add, Mul, Pow, exp, maximum, where
from .match import added, terms
from .named import product
from .online import Late, Point, finite
from .pool import relabel
from .value import (
    AXIS,
    MERGE,
    PANEL,
    Load,
    Merge,
    Rows,
    Size,
    Value,
    at,
    dependencies,
    labels_of,
    reach,
)

if TYPE_CHECKING:
    from .lower import Lowering

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def wide(dtype: np.dtype) -> np.dtype:
    """The dtype of sums over all rows."""
    return FLOAT64 if dtype == FLOAT32 else dtype


def every(v: Value) -> Load:
    """The element of v at its own labels."""
    return Load(v, tuple(map(at, v.own)))


def minus(a, b):
    return Add(a, Mul(-1, b))


@dataclass(frozen=True, eq=False)
class Joined:
    """An accumulator and what it is made of.

    panel  the total of a panel; incoming: the same in the dtype of the accumulator
    before a copy of the content before the panel
    """

    total: Value
    panel: Value
    incoming: Value
    before: Value


class Reference(NamedTuple):
    """A factor x - c: c is read at these labels."""

    x: object
    centre: Centre
    labels: tuple[str, ...]


class Space(NamedTuple):
    """Where a sum is taken: labels that it keeps and sums over, their extents, the dtype of its
    terms, and a value of the same pass."""

    kept: tuple[str, ...]
    reduced: tuple[str, ...]
    extents: dict[str, Extent]
    compute: np.dtype
    beside: Value


@dataclass(eq=False)
class Centre:
    """A point near the mean: the mean of a panel, joined by moving to the mean of both.

    before, incoming  distances from the old points to the new one
    """

    joined: Joined
    before: Value | None = None
    incoming: Value | None = None


@dataclass(frozen=True, eq=False)
class Moment:
    """A sum of f times the distances from points, in its own labels."""

    joined: Joined
    f: object
    references: tuple[Reference, ...]
    space: Space


def join(low: Lowering, chosen: list[Late]) -> list[Value]:
    """Take sums early; returns the accumulators that were made or changed."""
    merges = Merges(low)
    for late in chosen:
        merges.apply(late)
    return merges.finish(low.results)


class Merges:
    """Makes the accumulators of online forms."""

    def __init__(self, low: Lowering) -> None:
        self.low, self.pool = low, low.pool
        self.joined: list[Joined] = []
        self._scales: dict[Value, tuple[Value, Value, Value]] = {}
        self._sums: dict[Value, tuple[Value, dict[str, Extent]]] = {}
        self._centres: dict[tuple, Centre] = {}
        self._moments: dict[tuple, Moment] = {}
        self._unmoved: list[Moment] = []

    def apply(self, late: Late) -> None:
        """Take one sum early; its value becomes what follows from the sum when the pass is over."""
        if late.scaled is not None:
            self._scaled(late, late.scaled)
        elif late.centred:
            self._centred(late)
        else:
            v = late.value
            extents = {t: v.space[t] for t in (*late.kept, *late.reduced)}
            total = self._total(late.kept, extents, late.inner, v.compute, sign=v.sign)
            self._end(late, every(total))

    def finish(self, results: list[Value]) -> list[Value]:
        """Say how every sum moves; returns the accumulators."""
        while self._unmoved:
            m = self._unmoved.pop()
            sides = [self._moved(m, lambda j: j.before, lambda c: c.before)]
            sides += [self._moved(m, lambda j: j.incoming, lambda c: c.incoming)]
            m.joined.total.expr = added([t for side in sides for t in terms(side)])
        totals = [j.total for j in self.joined]
        values = reach([*results, *totals])
        readers = Counter(d for v in values for d, _ in dependencies(v))
        for j in self.joined:
            own = [d for d, _ in dependencies(j.total)]
            if j.before in own and readers[j.before] == 1:  # nobody else needs a copy
                ((former, _),) = dependencies(j.before)
                j.total.expr = scalar.replace(j.total.expr, {every(j.before): every(former)})
        for v in values:
            of_panel = any(d.phase == PANEL for d, _ in dependencies(v)) or _counts_rows(v)
            if not v.in_body and of_panel:
                v.phase = PANEL
        return totals

    # ------------------------------------------------------------ accumulators
    def _merging(self, like: Value, expr, dtype: np.dtype | None = None) -> Value:
        space = {t: like.space[t] for t in like.own}
        return self.pool.new(like.own, space, expr, dtype or like.dtype, phase=MERGE)

    def _join(self, panel: Value, start: str, into: Value | None = None) -> Joined:
        """An accumulator for the totals of panels; `into` becomes it."""
        own, space = panel.own, {t: panel.space[t] for t in panel.own}
        dtype = wide(panel.dtype) if start == "sum" else panel.dtype
        incoming = panel
        if dtype != panel.dtype:
            incoming = self.pool.new(own, space, every(panel), dtype, phase=PANEL)
        total = into or self.pool.new(own, space, ZERO, dtype, sign=panel.sign)
        total.space, total.dtype, total.compute, total.op = space, dtype, dtype, None
        total.phase, total.merge, total.product = MERGE, Merge(incoming, start), False
        former = self.pool.new(own, space, None, dtype, former=total, beside=incoming)
        before = self.pool.new(own, space, every(former), dtype, phase=MERGE)
        joined = Joined(total, panel, incoming, before)
        self.joined.append(joined)
        return joined

    def _total(self, kept, extents: dict[str, Extent], factors: list, compute, **more) -> Value:
        """The sum of a product over all labels of the extents that are not kept."""
        carried = frozenset().union(*map(labels_of, factors))
        missing = [t for t in extents if t not in kept and t not in carried]
        factors = [*factors, *(Rows() if t == AXIS else Size(extents[t]) for t in missing)]
        space = {t: d for t, d in extents.items() if t not in missing}
        op = "sum" if set(space) - set(kept) else None
        v = self.pool.hoisted(kept, space, product(factors), compute, op=op, **more)
        self.low.as_matrix_product(v)
        return v

    def _end(self, late: Late, expr) -> None:
        """What the value of a sum is when the pass is over."""
        v = late.value
        v.expr = product([*late.outer, expr])
        v.space = {t: v.space[t] for t in late.kept}
        v.op = "sum" if len(late.kept) > len(v.own) else None
        v.dtype = v.compute = wide(v.compute)
        v.product = False

    # ------------------------------------------------------------ scaled sums
    def _scaled(self, late: Late, p: Point) -> None:
        v = late.value
        point, before, incoming = self._scale(p.of)
        spot = tuple(map(at, p.labels))
        factor = exp(added([*terms(p.here), Mul(-1, Load(point, spot))]))
        extents = {t: v.space[t] for t in (*late.kept, *late.reduced)}
        panel = self._total(
            late.kept, extents, [*late.inner, factor], v.compute, phase=PANEL, sign=v.sign
        )
        m = Load(p.of, spot)
        infinite = p.late is Mul(-1, m)  # as written: exp(x - m) where m may be infinite
        simple = late.kept == v.own and not late.outer and not infinite
        joined = self._join(panel, "sum", v if simple else None)
        joined.total.expr = Add(
            Mul(every(joined.before), Load(before, spot)),
            Mul(every(joined.incoming), Load(incoming, spot)),
        )
        if not simple:
            rest = [exp(minus(finite(m), m))] if infinite else []
            self._end(late, product([every(joined.total), *rest]))

    def _scale(self, m: Value) -> tuple[Value, Value, Value]:
        """The finite maximum of a panel, and the factors that move sums from the maximum before it
        and from its own to that of both."""
        if m not in self._scales:
            kept = {t: m.space[t] for t in m.own}
            panel = self.pool.new(m.own, m.space, m.expr, m.dtype, op="max", phase=PANEL)
            point = self.pool.new(m.own, kept, finite(every(panel)), m.dtype, phase=PANEL)
            joined = self._join(panel, "max", m)
            largest = self._merging(m, maximum(every(joined.before), every(joined.incoming)))
            m.expr = new = every(largest)
            sides = (every(joined.before), every(joined.incoming))
            factors = (where(scalar.eq(x, new), ONE, exp(minus(x, new))) for x in sides)
            before, incoming = (self._merging(m, f, wide(m.dtype)) for f in factors)
            self._scales[m] = point, before, incoming
        return self._scales[m]

    # ------------------------------------------------------------ centred sums
    def _centred(self, late: Late) -> None:
        v = late.value
        centres = [self._centre(p) for p in late.centred]
        references = tuple(
            Reference(p.here, c, p.labels) for p, c in zip(late.centred, centres, strict=True)
        )
        beside = centres[0].joined.panel
        space = Space(late.kept, late.reduced, dict(v.space), v.compute, beside)
        distances = [
            Add(Load(c.joined.total, tuple(map(at, p.labels))), *terms(p.late))
            for p, c in zip(late.centred, centres, strict=True)
        ]
        total = self._about(product(late.inner), references, space, distances)
        self._end(late, maximum(total, ZERO) if late.never_negative else total)

    def _about(self, f, references, space: Space, distances: list, side=None):
        """The sum about points at these distances from the centres, of which sums are known."""
        found: Counter = Counter()
        side = side or (lambda j: j.total)
        for count in range(len(references), -1, -1):
            for chosen in combinations(range(len(references)), count):
                moment, labels = self._moment(f, tuple(references[k] for k in chosen), space)
                away = [d for k, d in enumerate(distances) if k not in chosen]
                known = Load(side(moment.joined), tuple(map(at, labels)))
                found[product([known, *away])] += 1
        return added([e if n == 1 else Mul(n, e) for e, n in found.items()])

    def _moved(self, m: Moment, side: Callable, distance: Callable):
        """What one side contributes to a moment about the new points."""
        away = [Load(distance(r.centre), tuple(map(at, r.labels))) for r in m.references]
        return self._about(m.f, m.references, m.space, away, side)

    def _moment(self, f, references, space: Space) -> tuple[Moment, tuple[str, ...]]:
        """The moment, made once, and the labels of its axes in those of the space."""
        carried = labels_of(f).union(*(labels_of(r.x) for r in references))
        carried = carried.union(*(r.labels for r in references))
        labels = tuple(t for t in space.kept if t in carried)
        order = (*labels, *space.reduced)
        names = {AXIS: AXIS}
        for t in (t for t in order if t != AXIS):
            names[t] = f"j{len(names) - 1}"
        own = tuple(names[t] for t in labels)
        extents = {names[t]: space.extents[t] for t in order}
        f = relabel(f, names)
        references = tuple(
            Reference(relabel(r.x, names), r.centre, tuple(names[t] for t in r.labels))
            for r in references
        )
        key = (f, references, own, tuple(extents.items()), space.compute)
        if key not in self._moments:
            inner = Space(own, tuple(names[t] for t in space.reduced), extents, *space[3:])
            self._moments[key] = self._new_moment(f, references, inner)
        return self._moments[key], labels

    def _new_moment(self, f, references, space: Space) -> Moment:
        deviations = [
            minus(r.x, Load(r.centre.joined.panel, tuple(map(at, r.labels)))) for r in references
        ]
        panel = self._total(
            space.kept,
            space.extents,
            [f, *deviations],
            space.compute,
            phase=PANEL,
            beside=space.beside,
        )
        moment = Moment(self._join(panel, "sum"), f, references, space)
        self._unmoved.append(moment)
        return moment

    def _centre(self, p: Point) -> Centre:
        """The centre that a sum of w*x makes."""
        key = p.of, p.w, p.x
        if key in self._centres:
            return self._centres[key]
        panel, extents = self._sum(p.of)
        reduced = tuple(t for t in extents if t not in panel.own)
        space = Space(panel.own, reduced, extents, panel.compute, panel)
        weight, at_weight = self._moment(p.w, (), space)
        w = lambda v: Load(v, tuple(map(at, at_weight)))  # noqa: E731
        share = w(weight.joined.panel)
        mean = Mul(every(panel), Pow(share, -1))
        if not scalar.is_number(p.w):
            mean = where(scalar.gt(share, ZERO), mean, ZERO)
        kept = {t: extents[t] for t in panel.own}
        joined = self._join(self.pool.new(panel.own, kept, mean, panel.compute, phase=PANEL), "sum")
        centre = self._centres[key] = Centre(joined)
        deviation, at_ = self._moment(p.w, (Reference(p.x, centre, panel.own),), space)
        d = lambda v: Load(v, tuple(map(at, at_)))  # noqa: E731
        old, new = every(joined.before), every(joined.incoming)
        total = Add(w(weight.joined.before), w(weight.joined.incoming))
        step = Add(
            d(deviation.joined.before),
            d(deviation.joined.incoming),
            Mul(w(weight.joined.incoming), minus(new, old)),
        )
        moved = Add(old, Mul(step, Pow(total, -1)))
        if not scalar.is_number(p.w):
            moved = where(scalar.gt(total, ZERO), moved, old)
        point = self._merging(joined.total, moved)
        joined.total.expr = every(point)
        centre.before = self._merging(joined.total, minus(old, every(point)))
        centre.incoming = self._merging(joined.total, minus(new, every(point)))
        return centre

    def _sum(self, s: Value) -> tuple[Value, dict[str, Extent]]:
        """The total of a panel that a plain sum is joined from, and its extents."""
        if s not in self._sums:
            extents = dict(s.space)
            panel = self.pool.new(s.own, extents, s.expr, s.compute, op="sum", phase=PANEL)
            panel.product = s.product
            joined = self._join(panel, "sum", s)
            s.expr = Add(every(joined.before), every(joined.incoming))
            self._sums[s] = panel, extents
        return self._sums[s]


def _counts_rows(v: Value) -> bool:
    """Whether a value depends on how many rows a panel has."""
    return v.expr is not None and any(isinstance(e, Rows) for e in scalar.subexpressions(v.expr))
