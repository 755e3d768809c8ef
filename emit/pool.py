"""The pool of values: smallest index spaces, and sharing.

Composition of bodies is undone here: every costly subexpression moves to the smallest index space
it varies in, and a subexpression that several values need becomes a value of its own.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..algebra import scalar
from ..algebra.dims import Extent
from ..algebra.scalar import Scalar, op
from .named import correction, costly, costly_root
from .value import AXIS, Atom, Index, Load, Position, Value, at, labels_of, reach

BOOL = np.dtype(np.bool_)


class Pool:
    """Makes values and numbers them; `shared` finds a value again by what it is."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.shared: dict = {}

    def new(self, own, space, expr, dtype, compute=None, **more) -> Value:
        """A new value; `more` are further fields."""
        return Value(
            next(self._numbers), tuple(own), dict(space), expr, dtype, compute or dtype, **more
        )

    def hoisted(self, own, space, expr, dtype, compute=None, **more) -> Value:
        """A new value whose expression has its costly parts in the smallest spaces."""
        return self.new(
            own, space, self.hoist(expr, dict(space), compute or dtype), dtype, compute, **more
        )

    def hoist(self, expr, space: dict[str, Extent], compute: np.dtype):
        """expr with every costly subexpression that varies along fewer labels than the space made a
        value of its own."""
        full = frozenset(space)
        memo: dict = {}

        def walk(e):
            if not isinstance(e, Scalar) or isinstance(e, Atom):
                return e
            if e not in memo:
                labels = labels_of(e)
                if labels < full and costly(e):
                    memo[e] = self.small(e, labels, space, compute)
                else:
                    args = tuple(
                        map(walk, self._grouped(e, labels) if op(e) in ("Add", "Mul") else e.args)
                    )
                    memo[e] = type(e)(*args)
            return memo[e]

        return walk(expr)

    def _grouped(self, e, full: frozenset[str]):
        """Arguments of a sum or product with those of one smaller space, where costly, put
        together."""
        groups: dict[frozenset, list] = {}
        for a in e.args:
            groups.setdefault(labels_of(a), []).append(a)
        result = []
        for labels, members in groups.items():
            together = (
                len(members) > 1
                and labels != full
                and any(map(costly, members))
                and not any(map(correction, members))
            )
            result.extend([type(e)(*members)] if together else members)
        return sorted(result, key=correction) if len(result) > 1 else e.args

    def small(self, e, labels: frozenset[str], space: dict[str, Extent], compute: np.dtype):
        """A load of e as a value over its own labels; equal ones are one value."""
        ordered = [t for t in _reading_order(e) if t in labels]
        fresh = (f"j{k}" for k in itertools.count())
        rename = {t: t if t == AXIS else next(fresh) for t in ordered}
        canonical = relabel(e, rename)
        own = tuple(rename[t] for t in ordered)
        key = (canonical, own, tuple(space[t] for t in ordered), compute)
        if key not in self.shared:
            inner = {rename[t]: space[t] for t in ordered}
            dtype = BOOL if canonical.boolean else compute
            inside = canonical
            if not isinstance(canonical, Atom):
                inside = type(canonical)(*(self.hoist(a, inner, compute) for a in canonical.args))
            self.shared[key] = self.new(own, inner, inside, dtype, compute)
        return Load(self.shared[key], tuple(map(at, ordered)))

    def share_functions(self, results: list[Value]) -> None:
        """A costly subexpression that several values need in the same form becomes a value of its
        own."""
        users: dict = {}
        for v in reach(results):
            if v.expr is None or not v.own and not v.space:
                continue
            for e in scalar.subexpressions(v.expr):
                if (
                    isinstance(e, Scalar)
                    and not isinstance(e, Atom)
                    and costly_root(e)
                    and AXIS in labels_of(e)
                ):
                    users.setdefault(
                        (e, v.compute, tuple(v.space[t] for t in sorted(labels_of(e)))), []
                    ).append(v)
        for (e, compute, _), values in sorted(
            users.items(), key=lambda item: -scalar.size(item[0][0])
        ):
            using = [v for v in values if e in scalar.subexpressions(v.expr) and v.expr is not e]
            whole = [v for v in values if v.expr is e]
            if len(using) + len(whole) < 2:
                continue
            space = {t: d for v in values for t, d in v.space.items() if t in labels_of(e)}
            load = self.small(e, labels_of(e), space, compute)
            for v in (*using, *whole):
                if v is not load.value:
                    v.expr = scalar.replace(v.expr, {e: load})


def _reading_order(e) -> list[str]:
    """Labels of an expression: the fold axis, then as its loads of highest rank name them."""
    reads = [
        s.indices if isinstance(s, Load) else s.content[:1]
        for s in scalar.subexpressions(e)
        if isinstance(s, (Load, Position))
    ]
    found = dict.fromkeys(t.label for r in sorted(reads, key=len, reverse=True) for t in r)
    return sorted((t for t in found if t is not None), key=lambda t: t != AXIS)


def relabel(e, names: dict[str, str]):
    """e with labels renamed."""
    rename = lambda t: t if t.label is None else Index(names[t.label], t.step, t.offset, t.inverse)  # noqa: E731
    mapping: dict = {}
    for s in scalar.subexpressions(e):
        if isinstance(s, Load):
            mapping[s] = Load(s.value, tuple(map(rename, s.indices)))
        elif isinstance(s, Position):
            mapping[s] = Position(rename(s.content[0]))
    return scalar.replace(e, mapping)
