"""Online forms: a sum that needs what is finished only after the pass, taken in the same pass.

`sum(exp(x - max(x)))` and `sum((x - mean(x))**2)` wait for the maximum and the mean of all rows.
They can be taken about the maximum and the mean of the rows so far, if it is known how a sum moves
to another point. Three rows say what may leave a sum or move with it:

    factor leaves      sum(f*c)                    c * sum(f)
    scaled sum         sum(f*exp(x - m))           moves from m to n by exp(m - n)
    centred sum        sum(f*(x - a)*(y - b)...)   moves by products of the distances and of the
                                                   sums with fewer factors

A panel takes its sums about its own point; the accumulators, and the parts of a fold, are joined by
moving both to a common one (`merge`). A form is used where it makes the passes fewer.

Sources: online softmax, M. Milakov and N. Gimelshein (2018), arXiv:1805.02867. Moments: T. F. Chan,
G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance" (1983), with sums of the
deviations kept beside their products, so that a rounded mean costs no digits; any power and
products: P. Pebay, SAND2008-6212 (2008).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..algebra import scalar
from ..algebra.scalar import NONNEGATIVE, POSITIVE, ZERO, Add, Mul, absolute, exp, where
from .match import added, cofactor, factors, inside, matched
from .pool import relabel
from .section import section, waits
from .value import AXIS, Infinity, Load, Value, dependencies, labels_of, loads_of, reach

EARLIEST = 4  # sections that a sum is taken earlier
HIGHEST = 4  # centred factors in one sum
DOUBTED = 32  # sums that are tried without, for each may save nothing
OPENED = 12  # values that are opened to see the factors of one sum


@dataclass(frozen=True)
class Point:
    """A factor about a point that is finished after the pass.

    of      the accumulator that makes the point: a maximum, or a sum of x or of w*x
    labels  of its axes, in the labels of the sum
    x       what the point is taken away from, in the labels of `of`; w: its weight there
    here    the same x in the labels of the sum
    late    what is added to x in the sum
    """

    of: Value
    labels: tuple[str, ...]
    x: object
    w: object
    here: object
    late: object


@dataclass
class Late:
    """A sum that needs what is finished after the pass.

    kept    labels that survive the pass
    outer   factors that leave the sum; inner: those that are known in time
    scaled  the point of a factor exp(x - m), or None; centred: those of factors x - a
    """

    value: Value
    kept: tuple[str, ...] = ()
    outer: list = field(default_factory=list)
    inner: list = field(default_factory=list)
    scaled: Point | None = None
    centred: list[Point] = field(default_factory=list)

    @property
    def reduced(self) -> tuple[str, ...]:
        """Labels that the pass sums over."""
        return tuple(t for t in self.value.space if t not in self.kept)

    @property
    def points(self) -> list[Point]:
        return [*([self.scaled] if self.scaled else []), *self.centred]

    @property
    def never_negative(self) -> bool:
        """Whether the sum is one of even powers."""
        each = Counter((p.here, p.late) for p in self.centred)
        return all(n % 2 == 0 for n in each.values()) and all(map(_nonnegative, self.inner))

    @cached_property
    def early(self) -> list[Load]:
        """What the pass reads."""
        return [x for e in (*self.inner, *(p.here for p in self.points)) for x in loads_of(e)]

    @cached_property
    def after(self) -> list[Load]:
        """What is read when the pass is over."""
        return [x for e in (*self.outer, *(p.late for p in self.points)) for x in loads_of(e)]


def online(results: list[Value]) -> list[Late]:
    """The sums that are to be taken early, because that makes the passes fewer."""
    found = [late for v in section(results) if (late := _late(v)) is not None]
    return _useful(results, found)


# ---------------------------------------------------------------- recognition


def _late(v: Value) -> Late | None:
    """The sum taken apart as it can be taken earliest, if that is before what it waits for is
    finished."""
    if v.op != "sum" or not v.is_accumulator or v.compute.kind != "f":
        return None
    sections = range(max(0, v.section - EARLIEST), v.section)
    return next((x for s in sections if (x := _taken_in(v, s)) is not None), None)


def _taken_in(v: Value, now: int) -> Late | None:
    """The sum taken apart, if it can be taken in this section."""
    late = Late(v)
    exponents, deviations = [], []
    for f in _factors(v, now):
        if not _waits(f, now):
            late.inner.append(f)
        elif AXIS not in labels_of(f):
            late.outer.append(f)
        elif isinstance(f, exp):
            exponents.append(_parts(f.args[0], now))
        elif isinstance(f, Add):
            deviations.append(_parts(f, now))
        else:
            return None
    pairs = [*exponents, *deviations]
    if any(AXIS in labels_of(r) for _, r in pairs):
        return None
    if len(exponents) > 1 or len(deviations) > HIGHEST or (exponents and deviations):
        return None
    kept = {*v.own}.union(*map(labels_of, late.outer), *(labels_of(r) for _, r in pairs))
    late.kept = tuple(t for t in v.space if t in kept)
    late.scaled = _maximum(v, now, *exponents[0]) if exponents else None
    late.centred = [p for x, r in deviations if (p := _mean(v, now, x, r)) is not None]
    return late if len(late.points) == len(pairs) else None


def _waits(e, now: int) -> bool:
    """Whether an expression needs what is not finished in a section."""
    return any(x.value.section + waits(x.value, x) > now for x in loads_of(e))


def _factors(v: Value, now: int) -> list:
    """Factors of the summand; rows that wait are looked into."""
    result, stack, left = [], [v.expr], OPENED
    while stack:
        e = stack.pop()
        part = _row(e, now, v.compute) if left else None
        if part is not None:
            left -= 1
            stack.append(part)
        elif isinstance(e, Mul):
            stack.extend(reversed(factors(e)))
        else:
            result.append(e)
    return result


def _row(e, now: int, compute: np.dtype):
    """What a row that waits stands for."""
    if isinstance(e, Load) and AXIS in labels_of(e) and _waits(e, now):
        return inside(e) if e.value.compute == compute else None
    return None


def _parts(e, now: int) -> tuple:
    """(what is known in a section, what is not) of a sum."""
    early, late, stack, left = [], [], [e], OPENED
    while stack:
        t = stack.pop()
        if not _waits(t, now):
            early.append(t)
            continue
        part = inside(t) if isinstance(t, Load) and left else t
        if isinstance(part, Add):
            left -= 1
            stack.extend(reversed(part.args))
        else:
            late.append(t)
    return added(early), added(late)


def _maximum(v: Value, now: int, x, late) -> Point | None:
    """The point of exp(x + late), if late is minus the maximum of x (a finite one, or as it is)."""
    parts = factors(late)
    if len(parts) != 2 or parts[0] != -1 or not isinstance(parts[1], Load):
        return None
    found: Load = parts[1]
    if (bare := _unguarded(found)) is not None:
        found = bare
    m = found.value
    if not all(t.plain for t in found.indices):
        return None
    if m.op != "max" or not m.is_accumulator or m.section != now or m.phase:
        return None
    labels = tuple(str(t.label) for t in found.indices)
    names = matched(m.expr, x, {AXIS: AXIS, **dict(zip(m.own, labels, strict=True))})
    if names is None or len(names) != len(m.space) or m.compute != v.compute:
        return None
    return Point(m, labels, m.expr, scalar.ONE, relabel(m.expr, names), late)


def _unguarded(x: Load) -> Load | None:
    """The m of a value where(abs(m) < inf, m, 0)."""
    part = inside(x)
    if not isinstance(part, where) or not isinstance(part.args[1], Load):
        return None
    m = part.args[1]
    return m if part is finite(m) else None


def finite(m):
    """m, or 0 where it is not finite."""
    return where(scalar.lt(absolute(m), Infinity()), m, ZERO)


def _mean(v: Value, now: int, x, late) -> Point | None:
    """The point of x + late, if late is made of a sum of x, or of w*x with w not negative."""
    if AXIS not in labels_of(x):
        return None
    for s, labels in _sums(late):
        repeated = len(set(labels)) < len(labels)
        if s.section != now or s.compute != v.compute or repeated:
            continue
        found = cofactor(s.expr, x, {AXIS: AXIS, **dict(zip(labels, s.own, strict=True))})
        if found is not None and _nonnegative(found[1]):
            return Point(s, labels, *found, x, late)
    return None


def _nonnegative(w) -> bool:
    """Whether a weight is known not to be negative."""
    parts = ((inside(f) if isinstance(f, Load) else None) or f for f in factors(w))
    return all(scalar.sign(f) in (POSITIVE, NONNEGATIVE) for f in parts)


def _sums(e) -> Iterable[tuple[Value, tuple[str, ...]]]:
    """Sums over the rows that an expression is made of when the pass is over, with the labels at
    which it reads them."""
    stack = loads_of(e)
    seen = set()
    while stack:
        x = stack.pop()
        if x in seen or not all(t.plain for t in x.indices):
            continue
        seen.add(x)
        part = inside(x) if not x.value.in_body else None
        if part is not None:
            stack.extend(loads_of(part))
        elif x.value.op == "sum" and x.value.is_accumulator and not x.value.phase:
            yield x.value, tuple(str(t.label) for t in x.indices)


# ---------------------------------------------------------------- choice


def _useful(results: list[Value], found: list[Late]) -> list[Late]:
    """The sums whose online form makes the passes fewer, in the order of their passes."""
    if not found:
        return []
    order = [(v, dependencies(v)) for v in reach(results)]
    passes, chosen = _trial(order, found)
    if passes >= _trial(order, [])[0]:
        return []
    for late in found[:DOUBTED]:
        fewer = [x for x in chosen if x is not late]
        if _trial(order, fewer)[0] <= passes:
            chosen = fewer
    return chosen


def _trial(order: list[tuple[Value, list]], wanted: list[Late]) -> tuple[int, list[Late]]:
    """Passes over the rows if these sums are taken early, and those that can be: their points are
    made in the same pass."""
    sums = {late.value: late for late in wanted}
    place: dict[Value, int] = {}
    passes, taken = set(), {}

    def least(loads: Iterable[tuple[Value, Load | None]]) -> int:
        return max((place[d] + (d not in taken and waits(d, x)) for d, x in loads), default=0)

    for v, needed in order:
        late = sums.get(v)
        if late is not None:
            made = {place[p.of] for p in late.points}
            now = max(least((x.value, x) for x in late.early), *made, 0)
            if made <= {now}:
                taken[v] = late
                place[v] = max(now + 1, least((x.value, x) for x in late.after))
                passes.add(now)
                continue
        place[v] = least(needed)
        if v.is_accumulator or (v.in_body and v.output is not None):
            passes.add(place[v])
    return len(passes), list(taken.values())
