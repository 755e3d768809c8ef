"""Names that users gave to intermediates, found again in a display form (semantics 1.5).

The graph as written is no longer there: `p = sigmoid(z); p.name = "p"` has become part of larger
bodies. What computes the same is replaced by an occurrence that carries the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..algebra.graph import topological
from ..algebra.node import Leaf, Map, Node
from ..algebra.scalar import Add, Mul, Slot, is_number, replace, sigmoid, subexpressions
from .island import renumber, weight
from .rule import negative


def named_nodes(nodes: Iterable[Node]) -> list[Node]:
    """Intermediates as written that have a name, the first one of each name."""
    found: dict[str, Node] = {}
    for x in topological(nodes):
        if x.label and x.operands:
            found.setdefault(x.label, x)
    return list(found.values())


def with_names(outputs: Sequence[Node], labels: Sequence[str], forms: Sequence[Node]) -> list[Node]:
    """The outputs with what computes a named form read from an occurrence of that name.

    Parameters
    ----------
    labels, forms : names, and the display forms of what has them.
    """
    named = {
        form: label
        for label, form in zip(labels, forms, strict=True)
        if form not in outputs and not _trivial(form)
    }
    if not named:
        return list(outputs)
    maps = sorted((p for p in named if isinstance(p, Map)), key=lambda p: -weight(p.spec.body))
    memo: dict[Node, Node] = {}
    for x in topological([*named, *outputs]):
        memo[x] = _rebuilt(x, [p for p in maps if p is not x], named.get(x), memo)
    return [memo[x] for x in outputs]


def _trivial(form: Node) -> bool:
    """Whether a name says no more than what it is of: a variable, a number, a view."""
    if isinstance(form, Map):
        return is_number(form.spec.body) or isinstance(form.spec.body, Slot)
    return isinstance(form, Leaf)


def _rebuilt(x: Node, maps: list[Map], label: str | None, memo: dict[Node, Node]) -> Node:
    spec, operands = x.spec, list(x.operands)
    if isinstance(x, Map):
        body, indices = spec.body, list(spec.indices)
        for p in maps:
            if p in memo:
                body = _read(x, body, p, operands, indices)
        if body is not spec.body:
            spec, operands = _pruned(spec, body, indices, operands)
    new = [memo[a] for a in operands]
    same = spec is x.spec and all(a is b for a, b in zip(new, x.operands, strict=True))
    if label is None and same:
        return x
    result = type(x).occur(spec, *new, origin=x.origin, equalities=x.equalities)
    result.label, result.payload = label or x.label, x.payload
    return result


def _read(x: Map, body: Any, p: Map, operands: list[Node], indices: list) -> Any:
    """The body with what computes p read from p, which becomes an operand."""
    for e in subexpressions(body):
        for computed, written in _spellings(p):
            place = _place(x, e, p, computed, operands, indices)
            if place is not None:
                slot = Slot(len(operands))
                operands.append(p)
                indices.append(place)
                return _read(x, replace(body, {e: written(slot)}), p, operands, indices)
    return body


def _spellings(p: Map) -> list[tuple]:
    """Bodies that p computes, and how each is said of p: 1 - sigmoid(a) is sigmoid(-a)."""
    body = p.spec.body
    found: list[tuple] = [(body, lambda slot: slot)]
    if type(body) is sigmoid:
        found.append((sigmoid(negative(body.args[0])), lambda slot: Add(1, Mul(-1, slot))))
    return found


def _place(
    x: Map, e: Any, p: Map, computed: Any, operands: list[Node], indices: list
) -> tuple | None:
    """Per axis of p the axis of x along which a part of a body is p; None if it is not."""
    if type(e) is not type(computed) or p.spec.compute != x.spec.compute:
        return None
    body, order = renumber(e)
    wanted, own = renumber(computed)
    if body is not wanted or len(order) != len(own):
        return None
    axes: dict[int, int] = {}
    for k, j in zip(order, own, strict=True):
        if operands[k] is not p.operands[j]:
            return None
        for t, s in zip(indices[k], p.spec.indices[j], strict=True):
            if (t is None) != (s is None) or (s is not None and axes.setdefault(s, t) != t):
                return None
    if len(axes) < p.ndim or len(set(axes.values())) < p.ndim:
        return None
    return tuple(axes[s] for s in range(p.ndim))


def _pruned(spec: Any, body: Any, indices: list, operands: list[Node]) -> tuple[Any, list[Node]]:
    """The spec and operands of a Map that reads what its body needs."""
    body, order = renumber(body)
    spec = spec.with_(body=body, indices=tuple(indices[k] for k in order))
    return spec, [operands[k] for k in order]
