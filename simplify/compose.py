"""Maps of maps become islands; rows on bodies and rows across kinds are applied on the way up.

A value with several users is taken into another body only if that is free or if a row then fires
that could not fire
before: `log(p)` and `log(1 - p)` see through a shared `p`, a residual net keeps its `h`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import sympy

from ..algebra import scalar
from ..algebra.graph import topological
from ..algebra.node import Call, Contract, Layout, Leaf, Map, MapSpec, Node, Reduce, sign_from
from ..algebra.node import sign as sign_of_node
from ..algebra.scalar import NONNEGATIVE, POSITIVE, REAL, Slot, is_number
from . import contraction_rows, matrix_rows, node_rows
from .engine import operations
from .island import (
    CAP,
    DEEP,
    FAMILY,
    Fuser,
    Index,
    Island,
    cheap,
    occurrences,
    own,
    read_at,
    weight,
)
from .rows import discrete_rules, floating_rules
from .rule import ADMITTED
from .rule import REAL as REAL_ROWS

EXTREMES = ("max", "min", "argmax", "argmin")
_fusers: dict[Any, Fuser] = {}


class Composer:
    """One bottom-up traversal; afterwards every node is in compute form."""

    def __init__(self, soundness: str = "real", rules: Any = None, across: bool = True) -> None:
        floats, others = rules or floating_rules(soundness), discrete_rules(soundness)
        self.floats = _fusers.setdefault(floats, Fuser(floats))
        self.others = _fusers.setdefault(others, Fuser(others))
        self.fired: Counter[str] = Counter()
        admitted = ADMITTED[soundness]
        self.across = across and REAL_ROWS in admitted
        self.single_rows: tuple = node_rows.SINGLE
        self.across_rows: tuple = (*node_rows.ACROSS, *matrix_rows.ACROSS)
        self.call_rows: tuple = matrix_rows.CALLS
        rows = (*contraction_rows.ROWS, *matrix_rows.CONTRACTION, *matrix_rows.APPLIED)
        self.contraction_rows = [r for r in rows if r.soundness in admitted]
        self.shared: set[Node] = set()
        self.compared: set[Node] = set()  # operands of extremes: read, never computed again
        self.full: dict[Node, Island] = {}
        self.signs: dict[Node, str] = {}
        self._known: dict[Node, Node] = {}

    def run(self, outputs: Iterable[Node]) -> list[Node]:
        """The outputs in compute form."""
        outputs = list(outputs)
        order = topological(outputs)
        uses: Counter[Node] = Counter(outputs)
        for x in order:
            uses.update(set(x.operands) if len(x.operands) > 1 else x.operands)
        done: dict[Node, Node] = {}
        for x in order:
            operands = tuple(done[a] for a in x.operands)
            done[x] = new = self.node(x, operands)
            if uses[x] > 1:
                self.shared.add(new)
            if isinstance(x, Reduce) and x.spec.op in EXTREMES:
                self.compared.update(operands)
        return [done[x] for x in outputs]

    def node(self, x: Node, operands: tuple[Node, ...]) -> Node:
        """A node over operands that are in compute form, in compute form."""
        if isinstance(x, Leaf):
            return x
        return self.normal(type(x)(x.spec, *operands))

    def normal(self, x: Node) -> Node:
        """A node whose operands are in compute form, in compute form itself."""
        found = self._known.get(x)
        if found is None:
            if isinstance(x, Map):
                found = self.map(x)[0]
            elif isinstance(x, Contract):
                found = contraction_rows.normal(self, x)
            elif isinstance(x, Reduce | Layout):
                found = node_rows.normal(self, x)
            elif isinstance(x, Call):
                found = node_rows.of_call(self, x)
            else:
                found = x
            self._known[x] = self._known[found] = found
        return found

    # ------------------------------------------------------------ maps
    def map(self, x: Map) -> tuple[Node, frozenset[str]]:
        """A Map in compute form, and the rows that mattered."""
        floating = x.spec.compute.kind == "f"
        fuser = self.floats if floating else self.others
        kept, full = self._candidates(x, own(x))
        new, fired = self._fused(fuser, x.spec.body, kept, x)
        deep: Island | None = None
        if any(f is not k for f, k in zip(full, kept, strict=True)):
            deep, more = self._fused(fuser, x.spec.body, full, x)
            if more - fired and weight(deep.body) <= CAP:
                new, fired, deep = deep, more, None
        result = self._build(x, new)
        if deep is not None and isinstance(result, Map):
            self.full[result] = deep
        self.fired.update(fired)
        if self.across and floating and isinstance(result, Map):
            other = node_rows.across(self, result)
            if other is not None:
                return other, fired | {"across"}
        return result, fired

    def _candidates(self, x: Map, island: Island) -> tuple[list, list]:
        """Per operand what is taken in: an Island or None; sparingly, and as deep as stability may
        need.
        """
        kept: list[Island | None] = []
        full: list[Island | None] = []
        times = occurrences(island.body)
        room = room_full = CAP - weight(island.body)
        for k, a in enumerate(island.operands):
            inner, deep = self._inner(a, x.spec.compute), None
            if inner is not None:
                deep = self.full.get(a, inner)
                cost = weight(inner.body) * times.get(k, 0)
                if cost > room or not (a not in self.shared or cheap(inner)):
                    inner = None
                else:
                    room -= cost
                depth = weight(deep.body)
                if depth * times.get(k, 0) > room_full or not (
                    depth <= 6 or (depth <= DEEP and operations(deep.body) & FAMILY)
                ):
                    deep = inner
                if deep is not None:
                    room_full -= weight(deep.body) * times.get(k, 0)
            kept.append(inner)
            full.append(deep)
        return kept, full

    def _inner(self, a: Node, compute: Any) -> Island | None:
        """The island of an operand if arithmetic with dtype `compute` may take it in."""
        if not isinstance(a, Map) or a in self.compared:
            return None
        spec = a.spec
        if isinstance(spec.body, Slot) and a.operands[0].dtype == a.dtype:
            return own(a)
        if is_number(spec.body):
            return own(a) if compute.kind == "f" or spec.dtype == compute else None
        same = spec.compute == compute and (spec.dtype == compute or spec.dtype.kind == "b")
        return own(a) if same else None

    def _fused(self, fuser: Fuser, body: Any, inner: list, x: Map) -> tuple[Island, frozenset[str]]:
        table: dict[tuple[Node, Index], Slot] = {}

        def put(a: Node, index: Index) -> Slot:
            found = table.get((a, index))
            if found is None:
                found = table[a, index] = Slot(len(table), self.sign(a))
            return found

        parts: list[Any] = []
        for a, index, taken in zip(x.operands, x.spec.indices, inner, strict=True):
            if taken is None:
                parts.append(put(a, index))
            else:
                pairs = zip(taken.operands, taken.indices, strict=True)
                parts.append((taken.body, tuple(put(b, read_at(index, i)) for b, i in pairs)))
        result, order, fired = fuser.fuse(body, tuple(parts))
        entries = list(table)
        chosen = [entries[k] for k in order]
        return Island(result, tuple(a for a, _ in chosen), tuple(i for _, i in chosen)), fired

    def _build(self, x: Map, island: Island) -> Node:
        """The Map with this island; an identity that changes nothing is its operand."""
        body = island.body
        if body is sympy.true or body is sympy.false:
            body = sympy.Integer(int(bool(body)))
        if isinstance(body, Slot):
            a, index = island.operands[0], island.indices[0]
            if a.dtype == x.dtype and index == tuple(range(len(x.dims))) and a.dims == x.dims:
                return a
        spec = x.spec
        return Map(
            MapSpec(body, island.indices, x.dims, spec.dtype, spec.weak, spec.compute),
            *island.operands,
        )

    def through(self, x: Map, root: type) -> Map | None:
        """x with operands taken in whose body has this operation at its root; None if there are
        none.
        """
        inner = [self._inner(a, x.spec.compute) for a in x.operands]
        inner = [i if i is not None and type(i.body) is root else None for i in inner]
        if not any(inner):
            return None
        result = self._build(x, self._fused(self.floats, x.spec.body, inner, x)[0])
        return result if isinstance(result, Map) else None

    # ------------------------------------------------------------ signs
    def sign(self, a: Node) -> str:
        """What is proven about the sign of a node in compute form."""
        found = self.signs.get(a)
        if found is None:
            found = self.signs[a] = self._sign(a)
        return found

    def _sign(self, a: Node) -> str:
        if isinstance(a, Leaf):
            return sign_of_node(a)
        if isinstance(a, Map):
            return REAL if a.dtype.kind == "b" else scalar.sign(a.spec.body)
        signs = [self.sign(b) for b in a.operands]
        if isinstance(a, Contract):
            return REAL if REAL in signs else NONNEGATIVE if NONNEGATIVE in signs else POSITIVE
        return sign_from(a, signs)
