"""Composed bodies: weights, canonical slot numbers, and fusion memoised by body pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..algebra import scalar
from ..algebra.node import Map, Node
from ..algebra.scalar import Add, Mul, Pow, Scalar, Slot, is_number
from .engine import MEMO, NOTHING, RuleSet, operations

CAP = 60  # operations of an island
DEEP = 40  # operations of a body that is taken in only because it may become stable
CHEAP = 3  # operations without a function that are repeated rather than kept
FAMILY = frozenset(
    ("exp", "expm1", "log", "log1p", "sigmoid", "softplus", "log1mexp", "sinh", "cosh")
)
_UNARY_FREE = frozenset(("Add", "Mul", "Pow"))

Index = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Island:
    """A body with the operands of its slots and where each is read."""

    body: Any
    operands: tuple[Node, ...]
    indices: tuple[Index, ...]


_weights: dict[Any, int] = {}


def weight(e: Any) -> int:
    """Number of operations; a sum of k terms counts k - 1."""
    if not isinstance(e, Scalar) or isinstance(e, Slot):
        return 0
    found = _weights.get(e)
    if found is None:
        if len(_weights) > MEMO:
            _weights.clear()
        own = max(len(e.args) - 1, 1) if isinstance(e, Add | Mul) else 1
        found = _weights[e] = own + sum(map(weight, e.args))
    return found


_counts: dict[Any, dict[int, int]] = {}


def occurrences(e: Any) -> dict[int, int]:
    """How often each slot occurs, in order of first appearance."""
    if isinstance(e, Slot):
        return {e.index: 1}
    if not isinstance(e, Scalar):
        return {}
    found = _counts.get(e)
    if found is None:
        if len(_counts) > MEMO:
            _counts.clear()
        found = {}
        for a in e.args:
            for k, times in occurrences(a).items():
                found[k] = found.get(k, 0) + times
        _counts[e] = found
    return found


def cheap(island: Island) -> bool:
    """Whether repeating it costs less than keeping its value."""
    if len(island.operands) > CHEAP or weight(island.body) > CHEAP:
        return False
    ranks = sorted(len(i) for i in island.indices)
    if len(ranks) > 1 and ranks[-2] == ranks[-1] > 0:
        return False  # it would read two arrays instead of one
    return operations(island.body) <= _UNARY_FREE and not _divides(island.body)


def _divides(e: Any) -> bool:
    if not isinstance(e, Scalar) or isinstance(e, Slot):
        return False
    hard = isinstance(e, Pow) and not (is_number(e.args[1]) and e.args[1] == 2)
    return hard or any(map(_divides, e.args))


def own(node: Map) -> Island:
    """The island of a node itself."""
    return Island(node.spec.body, node.operands, node.spec.indices)


def view(island: Island) -> bool:
    """Whether it only reads its operand elsewhere."""
    return isinstance(island.body, Slot)


def read_at(index: Index, inner: Index) -> Index:
    """Where an operand of a Map is read, when that Map itself is read at `index`."""
    return tuple(None if t is None else index[t] for t in inner)


class Fuser:
    """Substitution, rewriting and renumbering of bodies, memoised by pattern."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._memo: dict[tuple, tuple[Any, tuple[int, ...], frozenset[str]]] = {}

    def fuse(self, body: Any, parts: tuple) -> tuple[Any, tuple[int, ...], frozenset[str]]:
        """The body with slot k replaced by parts[k]: a slot, or (inner body, its slots).

        Returns the rewritten body with slots numbered by first appearance, the old number of each
        slot, and what fired.
        """
        key = (body, parts)
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) > MEMO:
                self._memo.clear()
            found = self._memo[key] = self._fuse(body, parts)
        return found

    def _fuse(self, body: Any, parts: tuple) -> tuple[Any, tuple[int, ...], frozenset[str]]:
        body = self.rules.normal(body)[0] if any(type(p) is tuple for p in parts) else body
        mapping = {k: p if isinstance(p, Slot) else _inner(*p) for k, p in enumerate(parts)}
        result, fired = self.rules.normal(scalar.substitute(body, mapping))
        return (*renumber(result), fired - self.rules.trivial or NOTHING)


def _inner(body: Any, slots: tuple[Slot, ...]) -> Any:
    return scalar.substitute(body, dict(enumerate(slots)))


def renumber(body: Any) -> tuple[Any, tuple[int, ...]]:
    """The body with slots numbered by first appearance, and their old numbers."""
    order = tuple(occurrences(body))
    if order == tuple(range(len(order))):
        return body, order
    found = {s.index: s for s in scalar.subexpressions(body) if isinstance(s, Slot)}
    return scalar.substitute(
        body, {old: Slot(new, found[old].sign) for new, old in enumerate(order)}
    ), order
